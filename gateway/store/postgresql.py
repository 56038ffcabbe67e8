"""Connections to PostgreSQL that stay open for one purpose, outside the pool."""

from typing import Any

import psycopg
from sqlalchemy import URL

from gateway.store.engines import postgresql_connect_arguments

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(url: URL) -> Connection:
    """Return a new connection of which each statement is a transaction. Raises ``psycopg.OperationalError``."""
    arguments: dict[str, Any] = {
        **postgresql_connect_arguments(url),
        **{name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()},
        **url.translate_connect_args(username="user", database="dbname"),
    }
    return psycopg.connect(**arguments, autocommit=True)
