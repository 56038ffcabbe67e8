"""The database, as the use cases see it: repositories, each in a module of its own, in one unit of work."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from gateway.model.call import Call
from gateway.model.timeline import TimelineEntry
from gateway.ports.acknowledgements import AckLink, AcknowledgementRepository
from gateway.ports.attempts import AttemptRepository
from gateway.ports.call_details import CallDetailRepository
from gateway.ports.calls import CallRepository
from gateway.ports.contacts import ContactRepository
from gateway.ports.event_lists import EventListRepository
from gateway.ports.events import EscalationRecord, EventRepository, NewEvent
from gateway.ports.evidence import EvidenceRepository
from gateway.ports.heartbeats import Heartbeat, HeartbeatRepository
from gateway.ports.inbound import InboundRepository
from gateway.ports.licenses import LicenseRepository
from gateway.ports.owner_messages import CursorRepository, OwnerMessageRepository
from gateway.ports.quota import QuotaRepository
from gateway.ports.signals import Signal, SignalKind, SignalRepository
from gateway.ports.sources import RefusedPostRepository, SourceCredentials, SourceRepository
from gateway.ports.timeline import TimelineRepository
from gateway.ports.trials import TrialRepository
from gateway.ports.users import AuditRepository, UserRepository

__all__ = [
    "AckLink",
    "AcknowledgementRepository",
    "AttemptRepository",
    "AuditRepository",
    "CallRepository",
    "ContactRepository",
    "CursorRepository",
    "EscalationRecord",
    "EventListRepository",
    "EventRepository",
    "EvidenceRepository",
    "Heartbeat",
    "HeartbeatRepository",
    "LicenseRepository",
    "NewEvent",
    "OwnerMessageRepository",
    "Record",
    "RecordUnavailableError",
    "RefusedPostRepository",
    "Signal",
    "SignalKind",
    "SignalRepository",
    "SourceCredentials",
    "SourceRepository",
    "TimelineRepository",
    "TrialRepository",
    "UnitOfWork",
    "UserRepository",
]


class RecordUnavailableError(Exception):
    """The database could not be reached or could not write (full disk, lost server). Nothing was recorded."""


class UnitOfWork(Protocol):
    """One transaction. Nothing is recorded unless ``commit`` was called and returned.

    Every method may raise ``RecordUnavailableError``.
    """

    licenses: LicenseRepository
    contacts: ContactRepository
    sources: SourceRepository
    events: EventRepository
    event_lists: EventListRepository
    attempts: AttemptRepository
    calls: CallRepository
    call_details: CallDetailRepository
    acknowledgements: AcknowledgementRepository
    timeline: TimelineRepository
    evidence: EvidenceRepository
    signals: SignalRepository
    heartbeats: HeartbeatRepository
    inbound: InboundRepository
    quota: QuotaRepository
    owner_messages: OwnerMessageRepository
    cursors: CursorRepository
    users: UserRepository
    audit: AuditRepository
    refused_posts: RefusedPostRepository
    trials: TrialRepository

    def commit(self) -> None:
        """Make everything durable. After this returns, a crash loses nothing of it."""
        ...


class CommitObserver(Protocol):
    """Whoever counts what happens."""

    def committed(self, entries: Sequence[TimelineEntry], legs: Sequence[Call], seconds: float) -> None:
        """Take note of a committed transaction.

        ``entries`` are new on timelines, ``legs`` began (without an end) or ended with it. It took ``seconds`` from
        when it was asked for. Must not raise, and not take long.
        """
        ...


class Record(Protocol):
    """The database."""

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """Begin a transaction that writes. It is rolled back at its end unless committed."""
        ...

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """Begin a transaction that only reads."""
        ...

    def check(self) -> None:
        """Raise ``RecordUnavailableError`` unless an alert could be recorded now."""
        ...
