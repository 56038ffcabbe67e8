"""Whether a call would be one too many, from the legs on record."""

from collections.abc import Collection
from datetime import datetime

from gateway.model.caps import HOUR, NUMBER_SPAN, CallCaps, Dialled, over_cap, was_dialled
from gateway.ports.record import Record, UnitOfWork


def refusal(
    record: Record,
    caps: CallCaps,
    *,
    contact_id: int,
    to_number: str,
    event_ids: Collection[int],
    at: datetime,
) -> str | None:
    """Return which cap forbids to call the contact about these events now, or ``None``. See ``gateway.model.caps``.

    It is a first look: ``gateway.services.calls.begin_call`` looks again when nobody else can begin one.
    """
    with record.read() as work:
        return refusal_within(work, caps, contact_id=contact_id, to_number=to_number, event_ids=event_ids, at=at)


def refusal_within(
    work: UnitOfWork,
    caps: CallCaps,
    *,
    contact_id: int,
    to_number: str,
    event_ids: Collection[int],
    at: datetime,
) -> str | None:
    """Do the same inside a transaction. The caller holds the contact's license and the number, if it must be exact."""
    number = [leg.started_at for leg in work.calls.to_number(to_number, since=at - NUMBER_SPAN) if was_dialled(leg)]
    legs = [leg for leg in work.calls.of_contact(contact_id, since=at - HOUR) if was_dialled(leg)]
    events_of = {leg.id: {attempt.event_id for attempt in work.attempts.of_call(leg.id)} for leg in legs}
    contact: list[Dialled] = []
    rang: set[int] = set()
    for leg in legs:
        contact.append(Dialled(leg.started_at, repeats=not rang.isdisjoint(events_of[leg.id])))
        rang |= events_of[leg.id]
    return over_cap(caps, contact=contact, number=number, repeats=not rang.isdisjoint(event_ids), now=at)
