"""The fast intake on PostgreSQL: one statement, which is a transaction, for all events; on a connection of its own.

The statement never waits for a lock. It takes the rows of the licenses, which hold off other intakes, and the ends of
their chains, as far as nobody else has them (SKIP LOCKED); what it does not get is declined. It looks at the database
as it was when it began, a moment before the locks: had somebody worked on the license in between, the end of the chain
that was locked, which is always the newest, would not be the one that was seen.
"""

import json
import select
import threading
import time
from collections.abc import Sequence

import psycopg
from sqlalchemy import URL, Engine

from gateway.model.chain import canonical_text, microseconds
from gateway.model.policy import Snapshot
from gateway.model.timeline import TimelineType
from gateway.ports.fast_intake import Declined, PlainEvent, SeenSource
from gateway.ports.record import CommitObserver
from gateway.ports.signals import SignalKind
from gateway.store import after_fork
from gateway.store.engines import prepare_session, transaction
from gateway.store.errors import unavailable_when_refused, unavailable_when_unreachable
from gateway.store.fast_intake import see, tell
from gateway.store.json_text import dump_object, dump_snapshot
from gateway.store.postgresql import Connection, connect
from gateway.store.tables import ACCEPTED_EVENT

_CONTACTS = (
    "(SELECT string_agg(ROW(contacts.id, name, phone, whatsapp, language)::text, '' ORDER BY position, contacts.id)"
    " FROM contacts WHERE contacts.license_id = licenses.id AND enabled)"
)
_MARK = f"md5(concat(alert_sources::text, licenses::text, {_CONTACTS}))"
_SOURCE = "alert_sources JOIN licenses ON licenses.id = alert_sources.license_id"
_MARK_QUERY = f"SELECT {_MARK} FROM {_SOURCE} WHERE alert_sources.id = :source_id"  # noqa: S608 - our own names
_OPEN = f"""
WITH item AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%s::json) AS item (
        place integer, source_id bigint, license_id bigint, mark text, title text, body text, severity text,
        dedup_key text, payload text, created_at timestamptz, snapshot text, detail text, canonical text,
        repeats_since timestamptz, counts_since timestamptz, most bigint)
), head AS MATERIALIZED (
    SELECT chain_heads.license_id, last_index, last_hash
    FROM item JOIN licenses ON licenses.id = item.license_id JOIN chain_heads ON chain_heads.license_id = licenses.id
    FOR NO KEY UPDATE OF licenses, chain_heads SKIP LOCKED
), looked AS MATERIALIZED (
    SELECT item.*, head.last_index, head.last_hash, {_MARK} = item.mark AS unchanged,
        seen_head.last_index = head.last_index
        AND NOT EXISTS (
            SELECT FROM events WHERE events.source_id = item.source_id AND events.dedup_key = item.dedup_key
            AND events.created_at >= item.repeats_since AND events.status <> 'resolved')
        AND (SELECT count(*) FROM (
            SELECT FROM events WHERE events.license_id = item.license_id AND events.created_at >= item.counts_since
            AND {ACCEPTED_EVENT} LIMIT item.most) AS accepted) < item.most AS plain
    FROM item
    JOIN {_SOURCE.replace(" JOIN", " ON alert_sources.id = item.source_id JOIN")}
    LEFT JOIN head ON head.license_id = item.license_id
    LEFT JOIN chain_heads AS seen_head ON seen_head.license_id = item.license_id
), taken AS MATERIALIZED (
    SELECT nextval('events_id_seq') AS event_id, * FROM looked WHERE unchanged AND plain
), event AS (
    INSERT INTO events (id, license_id, source_id, title, body, severity, dedup_key, payload, status, repeat_count,
        created_at, snapshot)
    SELECT event_id, license_id, source_id, title, body, severity, dedup_key, payload, 'open', 0, created_at, snapshot
    FROM taken
), entry AS (
    INSERT INTO timeline (event_id, at, type, detail, license_id, chain_index, entry_hash)
    SELECT event_id, created_at, '{TimelineType.ACCEPTED}', detail, license_id, last_index + 1,
        sha256(last_hash || convert_to('[' || event_id || canonical, 'UTF8'))
    FROM taken
), signal AS (
    INSERT INTO signals (kind, event_id) SELECT '{SignalKind.EVENT_OPENED}', event_id FROM taken
)
SELECT looked.place, event_id, looked.unchanged FROM looked LEFT JOIN taken ON taken.place = looked.place
"""  # noqa: S608 - our own names
# What follows the event's id, which only the database knows.
_AFTER_THE_ID = len("[0")


class PostgresqlFastIntake:
    """``FastIntakeRecord`` on PostgreSQL."""

    def __init__(self, url: URL, *, reading: Engine, observer: CommitObserver | None) -> None:
        self._url = url
        self._observer = observer
        self._reading = reading
        self._use = threading.Lock()
        self._connection: Connection | None = None
        after_fork.in_child(self._forget)

    def seen(self, token_hash: bytes) -> SeenSource | None:
        """See the port."""
        with transaction(self._reading) as connection:
            return see(connection, _MARK_QUERY, token_hash)

    def text_of(self, snapshot: Snapshot) -> str:
        """See the port."""
        return dump_snapshot(snapshot)

    def open_events(self, events: Sequence[PlainEvent]) -> Sequence[int | Declined]:
        """See the port. A statement holds one event of a license: it does not see what it writes itself."""
        began = time.monotonic()
        outcomes: dict[int, int | Declined] = {}
        pending = dict(enumerate(events))
        with self._use:
            while pending:
                now = {event.license_id: place for place, event in reversed(pending.items())}.values()
                try:
                    outcomes |= self._open({place: pending.pop(place) for place in sorted(now)})
                except Exception:
                    if not outcomes:
                        raise
                    break  # What was recorded before is durable; the rest is declined.
        told = [outcomes.get(place, Declined.NOT_PLAIN) for place in range(len(events))]
        tell(self._observer, events, told, time.monotonic() - began)
        return told

    def close(self) -> None:
        """Close the connection; the next event opens one again."""
        with self._use:
            self._disconnect()

    def _open(self, events: dict[int, PlainEvent]) -> dict[int, int | Declined]:
        outcomes: dict[int, int | Declined] = dict.fromkeys(events, Declined.CHANGED)
        items = json.dumps([_item(place, event) for place, event in events.items()])
        with unavailable_when_unreachable(), unavailable_when_refused():
            connection = self._connected()
            try:
                rows = connection.execute(_OPEN.encode(), (items,), prepare=True).fetchall()
            except psycopg.Error:
                # A lost server, or a statement that was prepared for a schema that has changed since.
                self._disconnect()
                raise
        for place, event_id, unchanged in rows:
            outcomes[place] = event_id or (Declined.NOT_PLAIN if unchanged else Declined.CHANGED)
        return outcomes

    def _connected(self) -> Connection:
        if self._connection is not None and _has_news(self._connection):
            self._disconnect()
        if self._connection is None:
            self._connection = connect(self._url)
            with self._connection.cursor() as cursor:
                prepare_session(cursor)
                # The statement is planned once, when the tables may be empty: an index serves it from the first event
                # to the last.
                for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"):
                    cursor.execute(f"SET {setting} = off".encode())
                cursor.execute("SET plan_cache_mode = force_generic_plan")
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _forget(self) -> None:
        self._inherited = self._connection  # Closing it here would say goodbye in the parent's name.
        self._use = threading.Lock()
        self._connection = None


def _item(place: int, event: PlainEvent) -> dict[str, object]:
    canonical = canonical_text(
        event_id=0,
        at=microseconds(event.created_at),
        kind=TimelineType.ACCEPTED.value,
        contact_id=None,
        channel=None,
        detail=event.detail,
    )
    return {
        "place": place,
        "source_id": event.source_id,
        "license_id": event.license_id,
        "mark": event.mark,
        "title": event.title,
        "body": event.body,
        "severity": event.severity.value,
        "dedup_key": event.dedup_key,
        "payload": event.payload,
        "created_at": event.created_at.isoformat(),
        "snapshot": event.snapshot,
        "detail": dump_object(event.detail),
        "canonical": canonical[_AFTER_THE_ID:],
        "repeats_since": event.repeats_since.isoformat(),
        "counts_since": event.counts_since.isoformat(),
        "most": event.most,
    }


def _has_news(connection: Connection) -> bool:
    """Tell whether the server has said something unasked: that it is going."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
