"""The record in a database (SQLite or PostgreSQL), and what goes with it: waking the engine, and being the one engine.

The only package that knows SQLAlchemy, Alembic and psycopg.
"""

from gateway.store.record import SqlRecord, open_record
from gateway.store.schema import SchemaState, migrate, schema_state

__all__ = ["SchemaState", "SqlRecord", "migrate", "open_record", "schema_state"]
