"""What the database library raises, told in the record's own words.

SQLAlchemy calls ``translate`` for every error of a driver, while connecting, executing, fetching and committing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.ports.record import RecordUnavailableError

# PostgreSQL, appendix A: these are not operational errors for the driver, and yet the database cannot be written to:
# it is a standby, or its schema was not migrated.
_UNAVAILABLE_SQLSTATES = frozenset({"25006", "42P01", "42703"})
# https://www.sqlite.org/rescode.html: the file is damaged or no database.
_UNAVAILABLE_SQLITE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF


def translate_errors(engine: Engine) -> None:
    """Make the engine raise ``RecordUnavailableError`` for every trouble that is not a mistake in the program."""
    event.listen(engine, "handle_error", _translate, retval=True)


def _translate(context: ExceptionContext) -> RecordUnavailableError | None:
    original = context.original_exception
    if (
        context.is_disconnect
        or isinstance(context.sqlalchemy_exception, OperationalError | InterfaceError)
        or _means_unavailable(original)
    ):
        return RecordUnavailableError(str(original).strip())
    return None


def _means_unavailable(error: BaseException) -> bool:
    return (
        getattr(error, "sqlstate", None) in _UNAVAILABLE_SQLSTATES
        or getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _UNAVAILABLE_SQLITE_CODES
    )


@contextmanager
def unavailable_when_refused() -> Iterator[None]:
    """Translate what a driver raises by itself, as ``translate_errors`` does it for an engine."""
    try:
        yield
    except (sqlite3.Error, psycopg.Error) as error:
        operational = sqlite3.OperationalError, sqlite3.InterfaceError, psycopg.OperationalError, psycopg.InterfaceError
        if isinstance(error, operational) or _means_unavailable(error):
            raise RecordUnavailableError(str(error).strip()) from error
        raise


@contextmanager
def unavailable_when_unreachable() -> Iterator[None]:
    """Translate what is raised around the driver: an exhausted pool, a directory or lock file out of reach."""
    try:
        yield
    except PoolTimeoutError as error:
        raise RecordUnavailableError("all database connections are in use") from error
    except OSError as error:
        raise RecordUnavailableError(str(error)) from error
