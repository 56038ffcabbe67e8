"""The least that Flask can do with an alert: parse it, insert one row and commit it, answer. Nothing else is checked.

``BARE_DATABASE`` is the address of the database; without it nothing is recorded.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from flask import Flask, request

TABLE = "CREATE TABLE bare_alerts (id {key}, title TEXT NOT NULL, dedup_key TEXT NOT NULL, body TEXT NOT NULL)"
_INSERT = "INSERT INTO bare_alerts (title, dedup_key, body) VALUES ({0}, {0}, {0}) RETURNING id"


def create_app() -> Flask:
    """Return the application; each worker builds its own."""
    app = Flask(__name__)
    insert = _inserter(os.environ.get("BARE_DATABASE", ""))

    @app.post("/alert")
    def take() -> dict[str, Any]:
        alert = request.get_json()
        event_id = insert(alert["title"], alert["dedup_key"], request.get_data(as_text=True))
        return {"ok": True, "event_id": event_id, "status": "open", "deduplicated": False}

    return app


def _inserter(url: str) -> Callable[[str, str, str], int]:
    if not url:
        return lambda *_: 0
    if url.startswith("sqlite:///"):
        return _into_sqlite(url.removeprefix("sqlite:///"))
    return _into_postgresql(url.replace("+psycopg", ""))


def _into_sqlite(path: str) -> Callable[[str, str, str], int]:
    # One connection for all threads: with one each, they wait for each other inside SQLite, which sleeps meanwhile.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=20)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    turn = threading.Lock()
    statement = _INSERT.format("?")

    def insert(*values: str) -> int:
        with turn:
            return int(connection.execute(statement, values).fetchall()[0][0])

    return insert


def _into_postgresql(url: str) -> Callable[[str, str, str], int]:
    kept = threading.local()
    statement = _INSERT.format("%s").encode()

    def insert(*values: str) -> int:
        if not hasattr(kept, "connection"):
            kept.connection = psycopg.connect(url, autocommit=True)
            kept.connection.execute("SET synchronous_commit = on")
        row = kept.connection.execute(statement, values, prepare=True).fetchone()
        return int(row[0])

    return insert
