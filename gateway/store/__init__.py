"""The record in a database (SQLite or PostgreSQL), and what goes with it: waking the engine, and being the one engine.

The only package that knows SQLAlchemy, Alembic and psycopg.
"""

from gateway.store.engine_lock import EngineLock, EngineLockState
from gateway.store.record import SqlRecord, open_record
from gateway.store.schema import SchemaState, migrate, schema_state
from gateway.store.wakeup import make_wakeup, make_wakeup_listener

__all__ = [
    "EngineLock",
    "EngineLockState",
    "SchemaState",
    "SqlRecord",
    "make_wakeup",
    "make_wakeup_listener",
    "migrate",
    "open_record",
    "schema_state",
]
