"""Whether a call would be one too many, from the legs on record."""

from collections.abc import Collection
from datetime import datetime

from gateway.model.caps import HOUR, NUMBER_SPAN, CallCaps, Dialled, over_cap, was_dialled
from gateway.ports.record import Record


def refusal(
    record: Record,
    caps: CallCaps,
    *,
    contact_id: int,
    to_number: str,
    event_ids: Collection[int],
    at: datetime,
) -> str | None:
    """Return which cap forbids to call the contact about these events now, or ``None``. See ``gateway.model.caps``."""
    with record.read() as work:
        number = [leg.started_at for leg in work.calls.to_number(to_number, since=at - NUMBER_SPAN) if was_dialled(leg)]
        legs = [leg for leg in work.calls.of_contact(contact_id, since=at - HOUR) if was_dialled(leg)]
        events_of = {leg.id: {attempt.event_id for attempt in work.attempts.of_call(leg.id)} for leg in legs}
    contact: list[Dialled] = []
    rang: set[int] = set()
    for leg in legs:
        contact.append(Dialled(leg.started_at, repeats=not rang.isdisjoint(events_of[leg.id])))
        rang |= events_of[leg.id]
    return over_cap(caps, contact=contact, number=number, repeats=not rang.isdisjoint(event_ids), now=at)
