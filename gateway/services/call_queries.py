"""Questions about the legs of phone calls, each answered in a transaction of its own."""

from collections.abc import Sequence

from gateway.model.attempt import Attempt, AttemptState
from gateway.model.call import Call
from gateway.model.event import EventStatus
from gateway.ports.record import Record

_SETTLED = frozenset({AttemptState.ACKNOWLEDGED, AttemptState.HANDED_OFF})


def attempts_of(record: Record, call_id: str) -> Sequence[Attempt]:
    """Return the attempts that a leg makes."""
    with record.read() as work:
        return work.attempts.of_call(call_id)


def unfinished(record: Record, *, contact_id: int | None = None, node: str | None = None) -> list[Call]:
    """Return the legs whose end is not recorded, of a contact, of a phone system, or all."""
    with record.read() as work:
        legs = work.calls.unfinished(contact_id=contact_id)
    return [leg for leg in legs if node is None or leg.node == node]


def concerns_open_event(record: Record, call_id: str) -> bool:
    """Tell whether any event that the leg announces is still open."""
    with record.read() as work:
        events = [work.events.get(attempt.event_id) for attempt in work.attempts.of_call(call_id)]
    return any(event is not None and event.status is EventStatus.OPEN for event in events)


def is_handed_off(record: Record, call_id: str) -> bool:
    """Tell whether the callee of the leg chose to speak to the operator."""
    with record.read() as work:
        return any(attempt.state is AttemptState.HANDED_OFF for attempt in work.attempts.of_call(call_id))


def is_settled(record: Record, call_id: str) -> bool:
    """Tell whether a key on the leg has acknowledged, or asked for the operator.

    It may have come in at another process, which has told the callee so.
    """
    with record.read() as work:
        return any(attempt.state in _SETTLED for attempt in work.attempts.of_call(call_id))


def is_awaited(record: Record, call_id: str) -> bool:
    """Tell whether an attempt waits for the result of the leg."""
    with record.read() as work:
        return any(attempt.state is AttemptState.PENDING for attempt in work.attempts.of_call(call_id))


def find(record: Record, call_id: str) -> Call | None:
    """Return a leg."""
    with record.read() as work:
        return work.calls.get(call_id)
