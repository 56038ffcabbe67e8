"""Statements about many rows whose text is the same however many they are.

A list that is written out parameter by parameter makes another statement of each length: SQLAlchemy compiles it,
psycopg parses it and PostgreSQL plans it anew, which for hundreds of values takes longer than the work itself.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from sqlalchemy import BigInteger, Column, Dialect, Table, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine


class _Numbers(TypeDecorator[Sequence[int]]):
    """A list of integers as one parameter: an array of PostgreSQL's, a JSON text for SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ARRAY(BigInteger()) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[int] | None, dialect: Dialect) -> object:
        numbers = list(value or ())
        return numbers if dialect.name == "postgresql" else json.dumps(numbers)


class _Among(ColumnElement[bool]):
    """See ``among``."""

    type = Boolean()
    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's own way
        ("column", InternalTraversal.dp_clauseelement),
        ("numbers", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: Column[int], name: str) -> None:
        self.column = column
        self.numbers = bindparam(name, type_=_Numbers())

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the condition as it is: the comparison with 1 that SQLite gets otherwise keeps it from any index."""
        return self


@compiles(_Among)
def _compile_for_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, numbers = (compiler.process(each, **options) for each in (element.column, element.numbers))
    return f"{column} IN (SELECT value FROM json_each({numbers}))"  # noqa: S608 - compiled, nobody's input


@compiles(_Among, "postgresql")
def _compile_for_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    column, numbers = (compiler.process(each, **options) for each in (element.column, element.numbers))
    return f"{column} = ANY ({numbers})"


def among(column: Column[int], name: str) -> ColumnElement[bool]:
    """Return the condition that the column holds one of the integers in the list of that parameter."""
    return _Among(column, name)


def insert_in_order(table: Table, columns: Sequence[str], *, returning: Sequence[str] = ()) -> TextClause:
    """Return PostgreSQL's insert of many rows, in their order; ``as_arrays`` makes its parameters.

    The rows travel as one array for each column.
    """
    names = ", ".join(columns)
    arrays = ", ".join(f":{name}" for name in columns)
    back = f" RETURNING {', '.join(returning)}" if returning else ""
    statement = text(
        f"INSERT INTO {table.name} ({names}) SELECT {names}"  # noqa: S608 - names of our own tables
        f" FROM unnest({arrays}) WITH ORDINALITY AS row ({names}, place) ORDER BY place{back}"
    )
    return statement.bindparams(*(bindparam(name, type_=ARRAY(table.c[name].type)) for name in columns))


def as_arrays(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Return rows as a list for each column."""
    return {name: [row[name] for row in rows] for name in columns}
