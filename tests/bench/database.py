"""The databases that benchmarks run on, and what a bare connection to one of them can do."""

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.databases import PostgresCluster


@dataclass(frozen=True, slots=True)
class Database:
    """An empty database of one kind."""

    kind: str
    url: str


@contextmanager
def databases(directory: Path) -> Iterator[Iterator[Database]]:
    """Give a fresh SQLite database, then a fresh PostgreSQL one on a server of its own."""
    with PostgresCluster() as cluster:

        def each() -> Iterator[Database]:
            path = Path(tempfile.mkdtemp(dir=directory)) / "tocsin.db"
            yield Database("SQLite", f"sqlite:///{path}")
            yield Database("PostgreSQL", cluster.url(cluster.create_database()))

        yield each()


@contextmanager
def bare_query(url: str) -> Iterator[Callable[[str, object], Any]]:
    """Give a function that runs a query with one parameter (written ``?``) and returns the first row or ``None``."""
    if url.startswith("sqlite:///"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as sqlite:
            yield lambda query, value: sqlite.execute(query, (value,)).fetchone()
    else:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            yield lambda query, value: connection.execute(query.replace("?", "%s").encode(), (value,)).fetchone()


def bare_execute(url: str, statement: str) -> None:
    """Execute one statement and commit it."""
    if url.startswith("sqlite:///"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as sqlite:
            sqlite.execute(statement)
    else:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())


def bare_commits(url: str, seconds: float) -> float:
    """Return how many single inserts a second one bare connection commits, as durably as the gateway does."""
    postgresql = not url.startswith("sqlite:///")
    connection: Any
    if postgresql:
        connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
    else:
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    with contextlib.closing(connection):
        connection.execute("CREATE TABLE bare (text TEXT)")
        insert = "INSERT INTO bare VALUES (%s)" if postgresql else "INSERT INTO bare VALUES (?)"
        end = time.monotonic() + seconds
        done = 0
        while time.monotonic() < end:
            connection.execute(insert, ("x" * 500,))
            done += 1
    return done / seconds
