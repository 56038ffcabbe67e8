"""The last words of a call, whoever speaks them."""

from collections.abc import Sequence

from gateway.ports.record import Record
from gateway.services.acknowledge import AckResult
from gateway.wording import phrases


def after_key(language: str, results: Sequence[AckResult]) -> str:
    """Return what somebody hears whose key has acknowledged: that it did, who was first, or that it is over."""
    first_by = next((result.by for result in results if result.by and not result.first), None)
    if any(result.first for result in results):
        return phrases.acknowledged(language)
    return phrases.over(language) if first_by is None else phrases.already_acknowledged(language, by=first_by)


def when_over(record: Record, call_id: str, language: str) -> str:
    """Return what somebody hears whose alert is over: who has taken it, or that it was withdrawn."""
    with record.read() as work:
        events = [work.events.get(attempt.event_id) for attempt in work.attempts.of_call(call_id)]
    by = next((event.acknowledged_by for event in events if event and event.acknowledged_by), None)
    return phrases.already_acknowledged(language, by=by) if by else phrases.over(language)


def language_of(record: Record, call_id: str, contact_id: int) -> str:
    """Return the language that a call began in: an edit of the contact while it lasts does not change its words."""
    with record.read() as work:
        for attempt in work.attempts.of_call(call_id):
            escalation = work.events.escalation(attempt.event_id)
            if escalation is not None:
                return escalation.snapshot.contact(contact_id).language
        contact = work.contacts.get(contact_id)
    return contact.language if contact is not None else "en"
