"""The database, as the use cases see it: repositories in one unit of work."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.model.acknowledgement import AcknowledgedVia, Acknowledgement
from gateway.model.attempt import Attempt
from gateway.model.call import Call
from gateway.model.chain import ChainedEntry, ChainHead
from gateway.model.contact import Contact
from gateway.model.event import Event, EventStatus, Severity, ThrottleReason
from gateway.model.license import AlertSource, License
from gateway.model.policy import Snapshot
from gateway.model.timeline import TimelineEntry
from gateway.ports.call_details import CallDetailRepository
from gateway.ports.quota import QuotaRepository


class RecordUnavailableError(Exception):
    """The database could not be reached or could not write (full disk, lost server). Nothing was recorded."""


class SignalKind(StrEnum):
    """What another process asks the engine to look at."""

    EVENT_OPENED = "event_opened"
    EVENT_CHANGED = "event_changed"
    CALL_CHANGED = "call_changed"  # something came in about a leg that the engine follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A durable note from a writer of the record to the engine, written in the same transaction."""

    id: int
    kind: SignalKind
    event_id: int
    call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCredentials:
    """A source as its token finds it, with its license. ``token_hash`` was compared by the caller."""

    source: AlertSource
    license: License


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What is written when an alert is accepted or throttled."""

    license_id: int
    source_id: int
    title: str
    body: str
    severity: Severity
    dedup_key: str
    payload: str
    status: EventStatus
    created_at: datetime
    snapshot: Snapshot | None
    throttle_reason: ThrottleReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AckLink:
    """A link that acknowledges one event for one contact, or (``None``) for the license's owner."""

    id: int
    event_id: int
    contact_id: int | None
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRecord:
    """All that the ladder needs of one event."""

    event: Event
    snapshot: Snapshot
    history: tuple[Attempt, ...]


class LicenseRepository(Protocol):
    """Licenses."""

    def add(self, license_: License) -> License:
        """Store a new license (its ``id`` is ignored) and return it with its id."""
        ...

    def get(self, license_id: int) -> License | None:
        """Return a license."""
        ...

    def lock(self, license_id: int) -> None:
        """Hold off other intakes of the same license until this unit of work ends."""
        ...

    def list(self) -> Sequence[License]:
        """Return all licenses by id."""
        ...

    def update(self, license_: License) -> None:
        """Store the license's present values."""
        ...


class ContactRepository(Protocol):
    """Contacts."""

    def add(self, contact: Contact, *, pin_hash: str | None) -> Contact:
        """Store a new contact (its ``id`` is ignored) and return it with its id."""
        ...

    def get(self, contact_id: int) -> Contact | None:
        """Return a contact."""
        ...

    def of_license(self, license_id: int) -> Sequence[Contact]:
        """Return the license's contacts in their order."""
        ...

    def with_whatsapp(self, number: str) -> Sequence[Contact]:
        """Return every contact, of any license, that has this WhatsApp number."""
        ...

    def open_window(self, contact_id: int, until: datetime) -> None:
        """Record that WhatsApp's 24-hour window is open until then."""
        ...

    def with_open_window(self, contact_ids: Collection[int], at: datetime) -> Collection[int]:
        """Return those of the contacts whose WhatsApp window is known to be open then."""
        ...

    def pin_hash(self, contact_id: int) -> str | None:
        """Return the hash of the PIN that the contact acknowledges with; ``None`` where there is none."""
        ...

    def flag_phone_invalid(self, contact_id: int, at: datetime) -> None:
        """Record that the network knows no such number."""
        ...


class SourceRepository(Protocol):
    """Alert sources."""

    def add(self, source: AlertSource, *, token_hash: bytes, token_encrypted: bytes | None) -> AlertSource:
        """Store a new source (its ``id`` is ignored) and return it with its id."""
        ...

    def get(self, source_id: int) -> AlertSource | None:
        """Return a source."""
        ...

    def by_token_hash(self, token_hash: bytes) -> SourceCredentials | None:
        """Return the source with that keyed hash, enabled or not, with its license."""
        ...

    def of_license(self, license_id: int) -> Sequence[AlertSource]:
        """Return the license's sources by id."""
        ...


class EventRepository(Protocol):
    """Events."""

    def add(self, event: NewEvent) -> int:
        """Store a new event and return its id."""
        ...

    def get(self, event_id: int) -> Event | None:
        """Return an event."""
        ...

    def lock(self, event_id: int) -> EventStatus | None:
        """Hold off other writers of this event until this unit of work ends, and return where the event stands."""
        ...

    def escalation(self, event_id: int) -> EscalationRecord | None:
        """Return an event with its snapshot and attempts; ``None`` where it never escalated."""
        ...

    def escalations(self, event_ids: Collection[int], *, hold: bool = False) -> Sequence[EscalationRecord]:
        """Return those of the events that escalate or did, by id; with ``hold``, locked as ``lock`` does it."""
        ...

    def find_duplicate(self, source_id: int, dedup_key: str, since: datetime) -> Event | None:
        """Return the newest event of that source and key created at or after ``since`` that is not resolved."""
        ...

    def find_open(self, source_id: int, dedup_key: str) -> Event | None:
        """Return the newest open event of that source and key."""
        ...

    def count_repeat(self, event_id: int) -> None:
        """Add one to the repeat count."""
        ...

    def count_accepted(self, license_id: int, since: datetime) -> int:
        """Return how many events of the license, throttled ones aside, were created at or after ``since``."""
        ...

    def close(
        self,
        event_id: int,
        *,
        status: EventStatus,
        at: datetime,
        from_statuses: Collection[EventStatus],
        by: str | None = None,
        via: AcknowledgedVia | None = None,
    ) -> bool:
        """Move an event to a closed status if it is in one of ``from_statuses``; tell whether it was moved."""
        ...

    def open_ids(self) -> Sequence[int]:
        """Return the ids of all open events, oldest first."""
        ...

    def unfinished_ids(self) -> Sequence[int]:
        """Return the ids of all events with something left to do, the gravest first, then by id.

        These are the open ones, and the closed ones not yet finished.
        """
        ...

    def finish(self, event_ids: Collection[int], at: datetime) -> None:
        """Record that closed events, whose lock is held, have nothing left to do."""
        ...

    def list(self, *, status: EventStatus | None, license_id: int | None, limit: int) -> Sequence[Event]:
        """Return the newest events."""
        ...


class AttemptRepository(Protocol):
    """Attempts."""

    def add(self, attempt: Attempt) -> Attempt:
        """Store a new attempt (its ``id`` is ignored) and return it with its id."""
        ...

    def add_all(self, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        """Likewise store several, and return them in the same order, in which their ids ascend."""
        ...

    def get(self, attempt_id: int) -> Attempt | None:
        """Return an attempt."""
        ...

    def update(self, attempt: Attempt) -> None:
        """Store state, end, reason and call of an attempt."""
        ...

    def set_provider_id(self, attempt_id: int, provider: str, provider_id: str) -> None:
        """Record the provider's own id of the message."""
        ...

    def by_provider_id(self, provider: str, provider_id: str) -> Attempt | None:
        """Return the attempt that the provider's report is about."""
        ...

    def events_of(self, attempt_ids: Collection[int]) -> Mapping[int, int]:
        """Return the event of each attempt, without holding any: what is locked next should be the events."""
        ...

    def of_event(self, event_id: int) -> Sequence[Attempt]:
        """Return the event's attempts by id."""
        ...

    def of_call(self, call_id: str) -> Sequence[Attempt]:
        """Return the attempts that a call makes, by id."""
        ...

    def pending_calls(self, contact_id: int | None = None) -> Sequence[Attempt]:
        """Return the pending attempts by phone, of one contact or of all, of all events, by id."""
        ...


class CallRepository(Protocol):
    """Calls."""

    def add(self, call: Call) -> None:
        """Store a new leg."""
        ...

    def get(self, call_id: str) -> Call | None:
        """Return a leg."""
        ...

    def update(self, call: Call) -> None:
        """Store the leg's present values."""
        ...

    def by_provider_call_id(self, provider: str, provider_call_id: str) -> Call | None:
        """Return the leg that a cloud provider knows under that id."""
        ...

    def of_event(self, event_id: int) -> Sequence[Call]:
        """Return the legs that announced the event, in their order."""
        ...

    def tie(self, call_id: str, attempt_ids: Collection[int]) -> None:
        """Record which attempts a leg makes."""
        ...

    def legs_of_attempt(self, attempt_id: int) -> Sequence[Call]:
        """Return every leg that was placed for an attempt, in their order."""
        ...

    def unfinished(self, *, contact_id: int | None = None) -> Sequence[Call]:
        """Return all legs without an end, of one contact or of all."""
        ...

    def of_contact(self, contact_id: int, since: datetime) -> Sequence[Call]:
        """Return the contact's legs started at or after ``since``, in their order."""
        ...

    def lock_number(self, number: str) -> None:
        """Hold off others who begin a call to the number, of every license, until this unit of work ends."""
        ...

    def to_number(self, number: str, since: datetime) -> Sequence[Call]:
        """Return the legs to that number started at or after ``since``, of every license, in their order."""
        ...


class AcknowledgementRepository(Protocol):
    """Acknowledgements and their links."""

    def add(self, acknowledgement: Acknowledgement) -> None:
        """Store one."""
        ...

    def first_of(self, event_id: int) -> Acknowledgement | None:
        """Return the acknowledgement that stopped the event."""
        ...

    def of_contact(self, event_id: int, contact_id: int) -> Acknowledgement | None:
        """Return this contact's acknowledgement of the event."""
        ...

    def add_link(self, event_id: int, contact_id: int | None, expires_at: datetime) -> AckLink:
        """Return the link of that event and contact (``None``: the owner), made now where there is none."""
        ...

    def add_links(self, links: Sequence[tuple[int, int | None, datetime]]) -> Sequence[AckLink]:
        """Likewise for several, each an event, a contact and the time when it expires; in the same order."""
        ...

    def link(self, link_id: int) -> AckLink | None:
        """Return a link."""
        ...


class TimelineRepository(Protocol):
    """The append-only timeline. The entries of each license form a chain of hashes (``gateway.model.chain``)."""

    def append(self, entry: TimelineEntry) -> None:
        """Add an entry (its ``id`` and its place in the chain are ignored), written when the unit of work commits."""
        ...

    def of_event(self, event_id: int) -> Sequence[TimelineEntry]:
        """Return the event's entries in their order."""
        ...


class EvidenceRepository(Protocol):
    """What the record proves."""

    def chain(self, license_id: int, *, after: ChainedEntry | None, limit: int) -> Sequence[ChainedEntry]:
        """Return the next entries of a license's chain as they stand, right or wrong; the first ones for ``None``."""
        ...

    def chain_head(self, license_id: int) -> ChainHead | None:
        """Return what was noted when the chain's last entry was written; ``None`` for a chain without entries."""
        ...

    def chain_length(self, license_id: int) -> int:
        """Return the highest index in the chain, 0 where there is none."""
        ...

    def event_ids(
        self, license_id: int, *, since: datetime | None, until: datetime | None, after: int, limit: int
    ) -> Sequence[int]:
        """Return the license's next events behind the id ``after``, made from ``since`` on and before ``until``."""
        ...

    def acknowledgements(self, event_id: int) -> Sequence[Acknowledgement]:
        """Return all acknowledgements of an event in their order, late ones too."""
        ...


class SignalRepository(Protocol):
    """Notes to the engine."""

    def add(self, kind: SignalKind, event_id: int, call_id: str | None = None) -> None:
        """Leave a note; it becomes visible when the unit of work commits."""
        ...

    def pending(self, limit: int) -> Sequence[Signal]:
        """Return the oldest notes."""
        ...

    def remove(self, signal_ids: Collection[int]) -> None:
        """Drop notes that were acted upon."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How an engine said that it was. ``parts`` maps a part's name to ``ok`` or to what is wrong with it."""

    engine: str
    at: datetime
    parts: Mapping[str, str]


class HeartbeatRepository(Protocol):
    """What the engines last said of themselves."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Store an engine's newest word in place of its last."""
        ...

    def latest(self) -> Sequence[Heartbeat]:
        """Return the newest word of every engine."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Nothing is recorded unless ``commit`` was called and returned.

    Every method may raise ``RecordUnavailableError``.
    """

    licenses: LicenseRepository
    contacts: ContactRepository
    sources: SourceRepository
    events: EventRepository
    attempts: AttemptRepository
    calls: CallRepository
    call_details: CallDetailRepository
    acknowledgements: AcknowledgementRepository
    timeline: TimelineRepository
    evidence: EvidenceRepository
    signals: SignalRepository
    heartbeats: HeartbeatRepository
    quota: QuotaRepository

    def commit(self) -> None:
        """Make everything durable. After this returns, a crash loses nothing of it."""
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
