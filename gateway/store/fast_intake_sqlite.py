"""The fast intake on SQLite: the driver's own statements, four for an event, one transaction for all.

Whoever writes is alone, so what a statement finds holds until the commit.
"""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from gateway.model.chain import ChainHead, canonical_text, extend, microseconds
from gateway.model.policy import Snapshot
from gateway.model.timeline import TimelineType
from gateway.ports.fast_intake import Declined, PlainEvent, SeenSource
from gateway.ports.record import CommitObserver
from gateway.ports.signals import SignalKind
from gateway.store import after_fork
from gateway.store.engines import BUSY_TIMEOUT, prepare_sqlite, transaction
from gateway.store.errors import unavailable_when_refused, unavailable_when_unreachable
from gateway.store.fast_intake import see, tell
from gateway.store.json_text import dump_object, dump_snapshot
from gateway.store.tables import ACCEPTED_EVENT, alert_sources, licenses
from gateway.store.write_gate import WriteGate

_SEEN = ", ".join(
    f"hex({column})"
    if ("token" in column.name and "hash" in column.name) or column.name == "token_encrypted"
    else str(column)
    for column in (*alert_sources.c, *licenses.c)
)
_CONTACTS = (
    "(SELECT json_group_array(json_array(id, name, phone, whatsapp, language)) FROM"
    " (SELECT * FROM contacts WHERE contacts.license_id = licenses.id AND enabled ORDER BY position, id))"
)
_MARK = f"json_array({_SEEN}, {_CONTACTS})"
_SOURCE = "alert_sources JOIN licenses ON licenses.id = alert_sources.license_id"
_MARK_QUERY = f"SELECT {_MARK} FROM {_SOURCE} WHERE alert_sources.id = :source_id"  # noqa: S608 - our own names
_LOOK = (
    f"SELECT {_MARK} = :mark, last_index, last_hash,"  # noqa: S608 - our own names
    " EXISTS (SELECT 1 FROM events WHERE source_id = :source_id AND dedup_key = :dedup_key"
    " AND created_at >= :repeats_since AND status <> 'resolved'),"
    " (SELECT count(*) FROM (SELECT 1 FROM events WHERE events.license_id = :license_id"
    f" AND events.created_at >= :counts_since AND {ACCEPTED_EVENT} LIMIT :most))"
    f" FROM {_SOURCE} LEFT JOIN chain_heads ON chain_heads.license_id = licenses.id"
    " WHERE alert_sources.id = :source_id"
)
_ADD_EVENT = (
    "INSERT INTO events (license_id, source_id, title, body, severity, dedup_key, payload, status, repeat_count,"
    " created_at, snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, 'open', 0, ?, ?)"
)
_ADD_ENTRY = (
    "INSERT INTO timeline (event_id, at, type, detail, license_id, chain_index, entry_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ADD_SIGNAL = "INSERT INTO signals (kind, event_id) VALUES (?, ?)"


class SqliteFastIntake:
    """``FastIntakeRecord`` on SQLite, on a connection of its own behind the writers' gate."""

    def __init__(self, file: Path, *, reading: Engine, gate: WriteGate, observer: CommitObserver | None) -> None:
        self._file = file
        self._reading = reading
        self._gate = gate
        self._observer = observer
        self._connection: sqlite3.Connection | None = None
        after_fork.in_child(self._forget)

    def seen(self, token_hash: bytes) -> SeenSource | None:
        """See the port."""
        with transaction(self._reading) as connection:
            return see(connection, _MARK_QUERY, token_hash)

    def text_of(self, snapshot: Snapshot) -> str:
        """See the port."""
        return dump_snapshot(snapshot)

    def open_events(self, events: Sequence[PlainEvent]) -> Sequence[int | Declined]:
        """See the port."""
        began = time.monotonic()
        with unavailable_when_unreachable(), unavailable_when_refused():
            self._gate.acquire()
            try:
                outcomes = self._open_all(events)
            finally:
                self._gate.release()
        tell(self._observer, events, outcomes, time.monotonic() - began)
        return outcomes

    def close(self) -> None:
        """Close the connection, when nothing is being recorded; the next event opens one again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open_all(self, events: Sequence[PlainEvent]) -> Sequence[int | Declined]:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._file, timeout=BUSY_TIMEOUT.total_seconds(), isolation_level=None, check_same_thread=False
            )
            prepare_sqlite(self._connection)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = [_open(connection, event) for event in events]
            connection.execute("COMMIT")
        except BaseException:
            # What was begun is rolled back. Whatever ails the connection, the next one is without it.
            self.close()
            raise
        return outcomes

    def _forget(self) -> None:
        # SQLite's connections must not be used, nor closed, on the other side of a fork.
        self._inherited, self._connection = self._connection, None


def _open(connection: sqlite3.Connection, event: PlainEvent) -> int | Declined:
    at = microseconds(event.created_at)
    found = connection.execute(
        _LOOK,
        {
            "mark": event.mark,
            "source_id": event.source_id,
            "license_id": event.license_id,
            "dedup_key": event.dedup_key,
            "repeats_since": microseconds(event.repeats_since),
            "counts_since": microseconds(event.counts_since),
            "most": event.most,
        },
    ).fetchall()
    if not found:
        return Declined.CHANGED
    unchanged, last_index, last_hash, repeats, count = found[0]
    if not unchanged:
        return Declined.CHANGED
    if last_hash is None or repeats or count >= event.most:
        return Declined.NOT_PLAIN
    event_id = connection.execute(
        _ADD_EVENT,
        (
            event.license_id,
            event.source_id,
            event.title,
            event.body,
            event.severity.value,
            event.dedup_key,
            event.payload,
            at,
            event.snapshot,
        ),
    ).lastrowid
    assert event_id is not None
    kind = TimelineType.ACCEPTED.value
    canonical = canonical_text(event_id=event_id, at=at, kind=kind, contact_id=None, channel=None, detail=event.detail)
    head = extend(ChainHead(license_id=event.license_id, index=last_index, hash=last_hash), canonical)
    connection.execute(
        _ADD_ENTRY, (event_id, at, kind, dump_object(event.detail), head.license_id, head.index, head.hash)
    )
    connection.execute(_ADD_SIGNAL, (SignalKind.EVENT_OPENED.value, event_id))
    return event_id
