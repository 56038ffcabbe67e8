"""Examples of what stands in the record, to be changed with ``dataclasses.replace``."""

import itertools
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.model.contact import Contact
from gateway.model.event import EventStatus, Severity
from gateway.model.license import AlertSource, License, SourceKind
from gateway.model.policy import Policy, Snapshot, SnapshotContact, Tier
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import NewEvent, Record
from gateway.services.steps import note_step

NOW = datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


def a_license(name: str = "Harbour Parking") -> License:
    return License(
        id=0,
        name=name,
        active=True,
        tier="pro",
        time_zone="Europe/Madrid",
        language="es",
        owner_telegram="-100200300",
        handoff_number="+15550199",
        created_at=NOW,
        policy={"l1_wait": "10s", "call_attempts": 2},
    )


def a_contact(license_id: int, position: int = 1) -> Contact:
    phone = f"+1555010{next(_numbers):04}"
    return Contact(
        id=0,
        license_id=license_id,
        name="Ana Núñez 王",
        phone=phone,
        whatsapp=phone,
        language="es",
        position=position,
    )


def a_source(license_id: int) -> AlertSource:
    return AlertSource(
        id=0,
        license_id=license_id,
        kind=SourceKind.ANPR,
        name="Gate 4",
        severity=Severity.WARN,
        enabled=True,
        created_at=NOW,
    )


def a_snapshot(*contacts: Contact) -> Snapshot:
    return Snapshot(
        license_name="Harbour Parking",
        tier_name="pro",
        tier=Tier(voice_minutes=50),
        policy=Policy(l1_wait=timedelta(milliseconds=1500), l2_wait=timedelta(microseconds=1)),
        contacts=tuple(
            SnapshotContact(id=c.id, name=c.name, phone=c.phone, whatsapp=c.whatsapp, language=c.language)
            for c in contacts
        ),
        language="es",
        time_zone="Europe/Madrid",
        owner_telegram="-100200300",
        handoff_number=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A license with two contacts and a source, as recorded."""

    license: License
    contacts: tuple[Contact, Contact]
    source: AlertSource
    token_hash: bytes

    def new_event(self, dedup_key: str = "plate-1234", *, created_at: datetime = NOW) -> NewEvent:
        return NewEvent(
            license_id=self.license.id,
            source_id=self.source.id,
            title="Blacklisted plate 1234 BCD 🚗",
            body="Lane 2\r\nseen twice",
            severity=Severity.CRITICAL,
            dedup_key=dedup_key,
            payload='{"plate": "1234 BCD",  "n": 1.50}',
            status=EventStatus.OPEN,
            created_at=created_at,
            snapshot=a_snapshot(*self.contacts),
        )

    def attempt(self, event_id: int, level: Level = Level.TEXT, *, contact: int = 0) -> Attempt:
        return Attempt(
            id=0,
            event_id=event_id,
            contact_id=self.contacts[contact].id,
            level=level,
            number=1,
            state=AttemptState.PENDING,
            began_at=NOW,
            deadline_at=NOW + timedelta(seconds=15),
        )

    def call(self) -> Call:
        return Call(
            id=secrets.token_hex(16),
            license_id=self.license.id,
            contact_id=self.contacts[0].id,
            provider="asterisk",
            node="pbx1",
            trunk="carrier-a",
            to_number=self.contacts[0].phone,
            started_at=NOW,
            caller_id="+15550100",
        )


def add_tenant(record: Record, name: str = "Harbour Parking") -> Tenant:
    """Record a tenant and return it."""
    token_hash = secrets.token_bytes(32)
    with record.write() as work:
        license_ = work.licenses.add(a_license(name))
        contacts = (
            work.contacts.add(a_contact(license_.id, 1), pin_hash=None),
            work.contacts.add(a_contact(license_.id, 2), pin_hash=None),
        )
        source = work.sources.add(a_source(license_.id), token_hash=token_hash, token_encrypted=b"\x00sealed\xff")
        work.commit()
    return Tenant(license=license_, contacts=contacts, source=source, token_hash=token_hash)


def add_event(record: Record, event: NewEvent) -> int:
    """Record an event and return its id."""
    with record.write() as work:
        event_id = work.events.add(event)
        work.commit()
    return event_id


def an_entry(event_id: int, kind: TimelineType = TimelineType.ACCEPTED, **detail: object) -> TimelineEntry:
    """Return an entry of an event's timeline."""
    return TimelineEntry(event_id=event_id, at=NOW, type=kind, contact_id=None, channel=None, detail=detail)


def add_due_call(record: Record, event_id: int, contact_id: int, *, at: datetime = NOW, number: int = 1) -> Attempt:
    """Record that the contact is to be called for the event, as the ladder does it, and return the attempt."""
    attempt = Attempt(
        id=0,
        event_id=event_id,
        contact_id=contact_id,
        level=Level.CALL,
        number=number,
        state=AttemptState.PENDING,
        began_at=at,
    )
    with record.write() as work:
        added = work.attempts.add(attempt)
        detail: dict[str, object] = {"attempt_id": added.id, "number": number}
        note_step(work, added, TimelineType.ATTEMPT_STARTED, at, detail)
        work.commit()
    return added
