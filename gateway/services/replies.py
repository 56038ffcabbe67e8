"""What people write back: it opens their 24-hour window, and acknowledges where they say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.contact import Contact
from gateway.model.event import Event, EventStatus
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import Record, UnitOfWork
from gateway.services.acknowledge import AckResult, acknowledge_within

# https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages: free text for 24 hours after a message.
WINDOW = timedelta(hours=24)
ACKNOWLEDGING_WORDS = frozenset({"1", "ok", "ack"})

_TOLD_BY = frozenset({Level.TEXT, Level.VOICE_NOTE})
_NEVER_LEFT = frozenset({AttemptState.SKIPPED, AttemptState.UNAVAILABLE, AttemptState.FAILED, AttemptState.CANCELLED})
# What can still be acknowledged goes first; an event that somebody has is only looked for to say who that is.
_PREFERENCE = ((EventStatus.OPEN, 500), (EventStatus.EXHAUSTED, 50), (EventStatus.ACKNOWLEDGED, 50))
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a message did. ``event`` is the alert that it was taken to be about, ``None`` where there is none."""

    known: bool
    event: Event | None = None
    result: AckResult | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    event: Event
    contact: Contact
    attempt: Attempt


def acknowledges(text: str) -> bool:
    """Tell whether a text says that the alert is taken: ``1``, ``ok`` or ``ack``, however written."""
    return text.strip(" \t\r\n.!").casefold() in ACKNOWLEDGING_WORDS


def take_reply(
    record: Record,
    *,
    number: str,
    text: str,
    button: bool,
    provider: str,
    replied_to: str | None,
    at: datetime,
) -> Reply:
    """Take a message from an E.164 number.

    ``button`` tells that the person pressed the template's button, which acknowledges.
    ``replied_to`` is the provider's id of the message that the person answered to, where
    they chose one: then the reply is about that alert, else about the newest that they were told of.
    """
    with record.write() as work:
        contacts = work.contacts.with_whatsapp(number)
        for contact in contacts:
            work.contacts.open_window(contact.id, at + WINDOW)
        work.commit()
    if not contacts:
        return Reply(known=False)
    # Read on its own: what is found holds no lock that an acknowledgement by another way could be waiting for.
    with record.read() as work:
        told = _answered(work, contacts, provider, replied_to) or _newest(work, contacts)
    if told is None:
        return Reply(known=True)
    # A transaction of its own: the window is open whatever becomes of the rest.
    with record.write() as work:
        _note(work, told, text, button=button, at=at)
        results: Sequence[AckResult] = ()
        if button or acknowledges(text):
            results = acknowledge_within(
                work,
                event_ids=[told.event.id],
                contact_id=told.contact.id,
                by=None,
                via=AcknowledgedVia.REPLY,
                at=at,
            )
        work.commit()
    return Reply(known=True, event=told.event, result=results[0] if results else None)


def _answered(work: UnitOfWork, contacts: Sequence[Contact], provider: str, replied_to: str | None) -> _Told | None:
    attempt = work.attempts.by_provider_id(provider, replied_to) if replied_to else None
    event = work.events.get(attempt.event_id) if attempt else None
    contact = next((contact for contact in contacts if attempt and contact.id == attempt.contact_id), None)
    return _Told(event, contact, attempt) if attempt and event and contact else None


def _newest(work: UnitOfWork, contacts: Sequence[Contact]) -> _Told | None:
    """Return the alert that the person was told of last, an open one if there is any."""
    for status, limit in _PREFERENCE:
        told = [
            _Told(event, contact, attempt)
            for contact in contacts
            for event in work.events.list(status=status, license_id=contact.license_id, limit=limit)
            for attempt in work.attempts.of_event(event.id)
            if attempt.contact_id == contact.id and attempt.level in _TOLD_BY and attempt.state not in _NEVER_LEFT
        ]
        if told:
            return max(told, key=lambda candidate: candidate.attempt.id)
    return None


def _note(work: UnitOfWork, told: _Told, text: str, *, button: bool, at: datetime) -> None:
    work.timeline.append(
        TimelineEntry(
            event_id=told.event.id,
            at=at,
            type=TimelineType.REPLY_RECEIVED,
            contact_id=told.contact.id,
            channel=told.attempt.level.value,
            detail={"text": text.replace("\0", "")[:_LONGEST_NOTE], "button": button},
        )
    )
