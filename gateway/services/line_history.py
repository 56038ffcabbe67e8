"""What the record tells of lines: those that are in use, and how the trunks did lately."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from gateway.model.attempt import AttemptState
from gateway.model.call import Call
from gateway.model.trunk_quality import MOST_SAMPLES, SAMPLES_SPAN
from gateway.ports.call_details import CallFilter
from gateway.ports.phone import LONGEST_CALL, LONGEST_HANDOFF
from gateway.ports.record import Record, UnitOfWork


def in_progress(record: Record, now: datetime) -> list[Call]:
    """Return the legs that may be going on: those without an end, unless no call lasts for so long."""
    with record.read() as work:
        return [leg for leg in work.calls.unfinished() if leg.started_at > now - _longest(work, leg.id)]


def newest(record: Record, trunk: str, now: datetime) -> Sequence[Call]:
    """Return the trunk's newest calls that are over, in their order, as far as they still say how it does."""
    wanted = CallFilter(trunk=trunk, since=now - SAMPLES_SPAN)
    with record.read() as work:
        legs = work.call_details.newest(wanted, limit=MOST_SAMPLES)
    return sorted((leg for leg in legs if leg.ended_at is not None), key=lambda leg: leg.ended_at or leg.started_at)


def recorded(record: Record, call_ids: Collection[str]) -> frozenset[str]:
    """Return those of the legs that are on record."""
    with record.read() as work:
        return frozenset(call_id for call_id in call_ids if work.calls.get(call_id) is not None)


def _longest(work: UnitOfWork, call_id: str) -> timedelta:
    handed_off = any(attempt.state is AttemptState.HANDED_OFF for attempt in work.attempts.of_call(call_id))
    return LONGEST_HANDOFF if handed_off else LONGEST_CALL
