"""What people write back: it opens their 24-hour window, and acknowledges where they say so.

A message about a certain alert (its button, or an answer to its message) is about that one only. A message that a
provider tells twice does nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.contact import Contact
from gateway.model.event import Event, EventStatus
from gateway.model.reply_words import OptChoice, acknowledges, opt_choice
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.model.whatsapp_numbers import same_phone
from gateway.ports.inbound import InboundMessage
from gateway.ports.record import Record, UnitOfWork
from gateway.services.acknowledge import AckResult, acknowledge_within
from gateway.services.buttons import attempt_of, is_of_trial
from gateway.services.whatsapp import opt_out, people_with, wrote

_TOLD_BY = frozenset({Level.TEXT, Level.VOICE_NOTE})
_NEVER_LEFT = frozenset({AttemptState.SKIPPED, AttemptState.UNAVAILABLE, AttemptState.FAILED, AttemptState.CANCELLED})
_WAITING = frozenset({EventStatus.OPEN, EventStatus.EXHAUSTED})
# What can still be acknowledged goes first; an event that somebody has is only looked for to say who that is.
_PREFERENCE = ((EventStatus.OPEN, 500), (EventStatus.EXHAUSTED, 50), (EventStatus.ACKNOWLEDGED, 50))
_LONGEST_NOTE = 500
# For much longer than any provider repeats what it could not deliver.
_REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMessage:
    """A message that a person sent, from an E.164 number.

    ``payload`` is what the button that they tapped brings back; ``replied_to`` the provider's id of the message that
    they answered to, where they chose one. ``plain``: it is text or a button, not media or a reaction, whose caption
    acknowledges nothing. ``kind`` and ``media`` (types) are for the timeline. ``opt`` is what the provider took it for.
    """

    number: str
    text: str
    provider: str
    provider_id: str | None = None
    payload: str | None = None
    replied_to: str | None = None
    plain: bool = True
    kind: str = "text"
    media: tuple[str, ...] = ()
    opt: OptChoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a message did. ``event`` is the alert that it was taken to be about, ``None`` where there is none.

    ``which``: it may have been about any of several alerts, so it acknowledged none. ``also_open`` is the title of
    another alert that waits for the same person. ``language`` is theirs.
    """

    known: bool
    language: str = "en"
    event: Event | None = None
    result: AckResult | None = None
    opted: OptChoice | None = None
    which: bool = False
    also_open: str | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    event: Event
    contact: Contact
    attempt: Attempt


def take_reply(record: Record, message: WrittenMessage, *, at: datetime) -> Reply:
    """Take a message. Raises ``RecordUnavailableError``: then the person has to send it again."""
    opted = message.opt or (opt_choice(message.text) if message.plain and message.payload is None else None)
    with record.write() as work:
        seen = _seen(work, message)
        people = people_with(work, message.number)
        if seen is None:
            wrote(work, people, at, opts_in=opted is OptChoice.IN)
            if opted is OptChoice.OUT:
                opt_out(work, people, at)
            work.commit()
    if seen is not None:
        return _again(record, seen, people, at)
    # Read on its own: what is found holds no lock that an acknowledgement by another way could be waiting for.
    with record.read() as work:
        told, which = _meant(work, message, people)
    if told is None and not people:
        return Reply(known=False)
    language = told.contact.language if told else people[0].language
    taking = opted is None and not which and told is not None and _takes(message, language)
    # A transaction of its own: the window is open whatever becomes of the rest.
    with record.write() as work:
        if not _remember(work, message, told, taking=taking, at=at):
            return _again(record, None, people, at, message=message)
        results: Sequence[AckResult] = ()
        if told is not None:
            _note(work, told, message, opted, at)
            if taking:
                results = _acknowledge(work, told.event.id, told.contact.id, at)
        work.commit()
    reply = Reply(known=True, language=language, event=told.event if told else None, opted=opted, which=which)
    if results:
        reply = replace(reply, result=results[0], also_open=_also_open(record, people, results[0]))
    return reply


def _takes(message: WrittenMessage, language: str) -> bool:
    return message.plain and (message.payload is not None or acknowledges(message.text, language))


def _seen(work: UnitOfWork, message: WrittenMessage) -> InboundMessage | None:
    return work.inbound.get(message.provider, message.provider_id) if message.provider_id else None


def _remember(work: UnitOfWork, message: WrittenMessage, told: _Told | None, *, taking: bool, at: datetime) -> bool:
    """Record that a message is taken; tell whether this is the first time."""
    if message.provider_id is None:
        return True
    work.inbound.forget(at - _REMEMBERED)
    return work.inbound.add(
        InboundMessage(
            provider=message.provider,
            provider_id=message.provider_id,
            at=at,
            event_id=told.event.id if told else None,
            contact_id=told.contact.id if told else None,
            acknowledges=taking,
        )
    )


def _again(
    record: Record,
    seen: InboundMessage | None,
    people: Sequence[Contact],
    at: datetime,
    *,
    message: WrittenMessage | None = None,
) -> Reply:
    """Return what a message did that was taken before; it does nothing more."""
    with record.write() as work:
        if seen is None and message is not None:
            seen = _seen(work, message)
        language = people[0].language if people else "en"
        if seen is None or seen.event_id is None or seen.contact_id is None:
            return Reply(known=bool(people), language=language, repeated=True)
        contact = work.contacts.get(seen.contact_id)
        # Their own acknowledgement is found, and nothing is changed.
        results = _acknowledge(work, seen.event_id, seen.contact_id, at) if seen.acknowledges else ()
        return Reply(
            known=True,
            language=contact.language if contact else language,
            event=work.events.get(seen.event_id),
            result=results[0] if results else None,
            repeated=True,
        )


def _acknowledge(work: UnitOfWork, event_id: int, contact_id: int, at: datetime) -> Sequence[AckResult]:
    return acknowledge_within(
        work, event_ids=[event_id], contact_id=contact_id, by=None, via=AcknowledgedVia.REPLY, at=at
    )


def _meant(work: UnitOfWork, message: WrittenMessage, people: Sequence[Contact]) -> tuple[_Told | None, bool]:
    """Return the alert that a message is about, and whether it may be about any of several."""
    named = _named(work, message, people)
    if named is not None:
        return named, False
    if _is_about_trial(work, message):
        return None, False
    told = _told(work, people)
    if message.payload is None and message.replied_to is None:
        return (told[0] if told else None), False
    # It is about one certain message, and nobody knows which: not necessarily about the newest.
    waiting = {each.event.id for each in told if each.event.status in _WAITING}
    if len(waiting) > 1:
        return None, True
    return (told[0] if told else None), False


def _is_about_trial(work: UnitOfWork, message: WrittenMessage) -> bool:
    """Tell whether somebody answers a test message: that must not acknowledge an alert which they did not mean."""
    if message.payload is not None and is_of_trial(message.payload):
        return True
    replied_to = message.replied_to
    return replied_to is not None and work.trials.by_provider_id(message.provider, replied_to) is not None


def _named(work: UnitOfWork, message: WrittenMessage, people: Sequence[Contact]) -> _Told | None:
    attempt = None
    if message.payload is not None and (attempt_id := attempt_of(message.payload)) is not None:
        attempt = work.attempts.get(attempt_id)
    if attempt is None and message.replied_to:
        attempt = work.attempts.by_provider_id(message.provider, message.replied_to)
    if attempt is None or attempt.contact_id is None:
        return None
    escalation, contact = work.events.escalation(attempt.event_id), work.contacts.get(attempt.contact_id)
    if escalation is None or contact is None:
        return None
    # The number may have been corrected since: what counts is that they got the message.
    numbers = {each.whatsapp for each in escalation.snapshot.contacts if each.id == contact.id}
    theirs = contact.id in {each.id for each in people} or numbers & set(same_phone(message.number))
    return _Told(escalation.event, contact, attempt) if theirs else None


def _told(work: UnitOfWork, people: Sequence[Contact]) -> list[_Told]:
    """Return the alerts that the person was told of: of the first status that has any, the newest first."""
    for status, limit in _PREFERENCE:
        told = [
            _Told(event, contact, attempt)
            for contact in people
            for event in work.events.list(status=status, license_id=contact.license_id, limit=limit)
            for attempt in work.attempts.of_event(event.id)
            if attempt.contact_id == contact.id and attempt.level in _TOLD_BY and attempt.state not in _NEVER_LEFT
        ]
        if told:
            return sorted(told, key=lambda each: each.attempt.id, reverse=True)
    return []


def _also_open(record: Record, people: Sequence[Contact], result: AckResult) -> str | None:
    with record.read() as work:
        told = _told(work, people)
    open_ones = [each.event for each in told if each.event.status is EventStatus.OPEN]
    return next((event.title for event in open_ones if event.id != result.event_id), None)


def _note(work: UnitOfWork, told: _Told, message: WrittenMessage, opted: OptChoice | None, at: datetime) -> None:
    detail: dict[str, object] = {
        "text": message.text.replace("\0", "")[:_LONGEST_NOTE],
        "button": message.payload is not None,
    }
    if not message.plain:
        detail |= {"kind": message.kind, "media": list(message.media)}
    if opted is not None:
        detail["opted"] = opted.value
    work.timeline.append(
        TimelineEntry(
            event_id=told.event.id,
            at=at,
            type=TimelineType.REPLY_RECEIVED,
            contact_id=told.contact.id,
            channel=told.attempt.level.value,
            detail=detail,
        )
    )
