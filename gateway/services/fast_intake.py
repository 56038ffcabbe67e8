"""Taking alerts quickly: what is plainly a new event is recorded together with whatever else comes at that moment.

``services.intake`` decides about alerts one by one, each in a transaction with a good number of statements. Most
alerts leave nothing to decide: their source is known and enabled, nothing repeats, no limit is near. For these the
source, its license and its contacts are remembered, and the database is asked to record the event *if* all of that
still holds: one statement on PostgreSQL, four on SQLite, in a transaction that is shared by the threads that come at
the same time. What the database declines, for whatever reason, goes the usual way. So nothing is accepted on the
strength of what is remembered, and there are no rules here that are not in ``services.intake`` as well.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.config.schema import Config
from gateway.model.event import EventStatus, Severity
from gateway.ports.fast_intake import Declined, FastIntakeRecord, PlainEvent, SeenSource
from gateway.ports.record import RecordUnavailableError
from gateway.ports.wakeup import Wakeup
from gateway.services.grouped import GroupedWriter
from gateway.services.intake import (
    RATE_WINDOW,
    Accepted,
    Alert,
    AlertAction,
    default_dedup_key,
    log_taken,
    policy_of,
    snapshot_of,
)
from gateway.services.quota import effective_tier

log = structlog.get_logger(__name__)

# So many sources are remembered, those that posted last.
_REMEMBERED = 4096
# As many as a web process has threads, and more than a transaction should hold others off for.
_MOST_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class _Source:
    """What is remembered of a source: all that its next event needs besides the alert."""

    id: int
    license_id: int
    mark: str
    severity: Severity
    snapshot: str
    detail: dict[str, object]
    dedup_window: timedelta
    most: int


class _Ticket:
    """An event that waits to be recorded, and what became of it."""

    __slots__ = ("event", "outcome")

    def __init__(self, event: PlainEvent) -> None:
        self.event = event
        self.outcome: int | Declined = Declined.NOT_PLAIN


class FastIntake:
    """Takes alerts that are plainly new events. Its methods may be called from several threads."""

    def __init__(self, record: FastIntakeRecord, *, config: Config, wakeup: Wakeup) -> None:
        self._record = record
        self._config = config
        self._wakeup = wakeup
        self._writer = GroupedWriter[_Ticket](self._write, most=_MOST_TOGETHER)
        self._mutex = threading.Lock()
        self._sources: OrderedDict[bytes, _Source] = OrderedDict()

    def take(self, token_hash: bytes, alert: Alert, now: datetime) -> Accepted | None:
        """Open an event for the alert and wake the engine; ``None`` where ``services.intake`` has to decide.

        When this returns an answer, the event is durable. Raises ``RecordUnavailableError``.
        """
        if alert.action is not AlertAction.TRIGGER:
            return None
        source = self._sources.get(token_hash) or self._look(token_hash)
        if source is None:
            return None
        key = alert.dedup_key if alert.dedup_key is not None else default_dedup_key(source.id, alert)
        ticket = _Ticket(
            PlainEvent(
                source_id=source.id,
                license_id=source.license_id,
                mark=source.mark,
                title=alert.title,
                body=alert.body,
                severity=alert.severity or source.severity,
                dedup_key=key,
                payload=alert.payload,
                created_at=now,
                snapshot=source.snapshot,
                detail=source.detail,
                repeats_since=now - source.dedup_window,
                counts_since=now - RATE_WINDOW,
                most=source.most,
            )
        )
        self._writer.put(ticket)
        if isinstance(ticket.outcome, Declined):
            if ticket.outcome is Declined.CHANGED:
                self._forget(token_hash, source)
            return None
        accepted = Accepted(event_id=ticket.outcome, status=EventStatus.OPEN)
        log_taken(accepted, alert.action, source_id=source.id, license_id=source.license_id)
        return accepted

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        try:
            outcomes = self._record.open_events([ticket.event for ticket in tickets])
        except RecordUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad alert must not take the others with it
            # Nothing was recorded. Each goes the usual way, by itself, and the bad one is told what is wrong with it.
            log.warning("alerts_recorded_apart", count=len(tickets), error=f"{type(error).__name__}: {error}")
            return
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.outcome = outcome
        if any(not isinstance(outcome, Declined) for outcome in outcomes):
            self._wakeup.notify()

    def _look(self, token_hash: bytes) -> _Source | None:
        seen = self._record.seen(token_hash)
        source = None if seen is None else self._source(seen)
        if source is not None:
            with self._mutex:
                self._sources[token_hash] = source
                while len(self._sources) > _REMEMBERED:
                    self._sources.popitem(last=False)
        return source

    def _source(self, seen: SeenSource) -> _Source | None:
        """Return what to remember of a source; ``None`` where each of its alerts needs a decision or a log's line."""
        source, license_ = seen.sender.source, seen.sender.license
        tier = effective_tier(self._config.tiers, license_)
        if not source.enabled or not license_.active or tier.events_per_month is not None:
            return None
        if license_.tier not in self._config.tiers:
            return None
        policy = policy_of(self._config, license_)
        return _Source(
            id=source.id,
            license_id=license_.id,
            mark=seen.mark,
            severity=source.severity,
            snapshot=self._record.text_of(snapshot_of(license_, policy, tier, seen.contacts)),
            detail={"source": source.name},
            dedup_window=policy.dedup_window,
            most=policy.events_per_minute,
        )

    def _forget(self, token_hash: bytes, source: _Source) -> None:
        with self._mutex:
            if self._sources.get(token_hash) is source:
                del self._sources[token_hash]
