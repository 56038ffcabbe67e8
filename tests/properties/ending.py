"""What must hold of each event when all is over: it ended well, and its story is the one that its snapshot tells."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.model.caps import CallCaps
from gateway.model.event import Event, EventStatus
from gateway.model.quota import VoiceUseKind
from gateway.model.trial import TrialState
from gateway.ports.call_details import CallFilter
from gateway.ports.record import UnitOfWork
from gateway.services import evidence
from gateway.store import SqlRecord
from tests.properties.outside import SimPbx
from tests.properties.tenancy import Expected

HOUR, THREE_HOURS = timedelta(hours=1), timedelta(hours=3)

_LEFT = frozenset({AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ, AttemptState.UNKNOWN})
_TOLD = frozenset({Level.TEXT, Level.VOICE_NOTE})
_OVER = frozenset({EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED})
_OWNER_TOLD = frozenset({AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ})
# Refused for good, or for as long as it is worth trying: the timeline says so, and nothing more can be done.
_OWNER_OUT_OF_REACH = frozenset({AttemptState.FAILED, AttemptState.UNAVAILABLE, AttemptState.UNKNOWN})


def faults(record: SqlRecord, pbx: SimPbx, caps: CallCaps, expected: dict[int, Expected]) -> Iterator[tuple[int, str]]:
    """Yield what is wrong in the end, each with the event that it is about."""
    with record.read() as work:
        legs = [leg for license_ in work.licenses.list() for leg in _legs(work, license_.id)]
        events = work.events.list(status=None, license_id=None, limit=10_000)
        for event in events:
            attempts = work.attempts.of_event(event.id)
            if event.status is EventStatus.THROTTLED:
                if attempts:
                    yield event.id, "it was throttled, and escalated"
                continue
            for fault in _of_event(work, event, attempts, expected[event.id]):
                yield event.id, fault
        rang = [leg for leg in legs if leg.id in pbx.legs and pbx.legs[leg.id].rang]
        for use in work.quota.open_notes(before=datetime.max.replace(tzinfo=UTC)):
            yield int(use.reference), f"nobody settles {use}"
        for fault in (*(fault for leg in legs for fault in _of_leg(work, leg, pbx)), *_caps(work, rang, caps)):
            yield 0, fault
        for state in (TrialState.ASKED, TrialState.BEGUN):
            for trial in work.trials.in_state(state):
                yield 0, f"a test does not end: {trial}"
    for license_id in evidence.license_ids(record):
        if not evidence.verify(record, license_id).holds:
            yield 0, f"the chain of license {license_id} is broken"


def _legs(work: UnitOfWork, license_id: int) -> Iterator[Call]:
    yield from work.call_details.newest(CallFilter(license_id=license_id), limit=10_000)


# --- events -----------------------------------------------------------------------------------------------------------


def _of_event(work: UnitOfWork, event: Event, attempts: Sequence[Attempt], expected: Expected) -> Iterator[str]:
    if event.status is EventStatus.OPEN:
        yield "it is still open"
    pending = [attempt for attempt in attempts if attempt.state is AttemptState.PENDING]
    if pending:
        yield f"it is over, and {pending} are not"
    made = Counter((attempt.contact_id, attempt.level, attempt.number) for attempt in attempts)
    if most := [key for key, count in made.items() if count > 1]:
        yield f"{most} were made twice"
    owner = [attempt for attempt in attempts if attempt.level is Level.OWNER]
    if event.status is EventStatus.EXHAUSTED and not _is_told(owner, expected):
        yield f"it is exhausted, and the owner was not told: {owner}"
    yield from _people(attempts, expected, finished=event.status is EventStatus.EXHAUSTED)
    for person_id, *_ in expected.people:
        yield from _track([a for a in attempts if a.contact_id == person_id], expected)
    yield from _reasons(work, event, attempts)
    if event.status in _OVER:
        yield from _stood_down(attempts, expected)


def _is_told(owner: Sequence[Attempt], expected: Expected) -> bool:
    if not owner:
        return False
    last = owner[-1].state
    if expected.owner is None:
        return last is AttemptState.SKIPPED
    return last in _OWNER_TOLD | _OWNER_OUT_OF_REACH


def _people(attempts: Sequence[Attempt], expected: Expected, *, finished: bool) -> Iterator[str]:
    """Those of the snapshot are told in their order, nobody else, and everybody before the owner."""
    order = [person_id for person_id, *_ in expected.people]
    told = list(dict.fromkeys(a.contact_id for a in attempts if a.contact_id is not None))
    if told != order[: len(told)]:
        yield f"told were {told}, in the snapshot are {order}"
    if finished and told != order:
        yield f"it is exhausted, and of {order} only {told} were told"


def _track(attempts: Sequence[Attempt], expected: Expected) -> Iterator[str]:
    """A contact's steps keep the waits of the event's own policy, and are no more than it says."""
    policy = expected.policy
    texts, notes, calls = (
        [a for a in attempts if a.level is level] for level in (Level.TEXT, Level.VOICE_NOTE, Level.CALL)
    )
    for before, after, wait in ((texts, notes, policy.l1_wait), (notes, calls, policy.l2_wait)):
        if before and after and before[-1].state in _LEFT:
            since = before[-1].ended_at or before[-1].began_at
            if after[0].began_at < since + wait:
                yield f"{after[0]} did not wait {wait} after {before[-1]}"
    if notes and not expected.voice_note and notes[0].reason != "not_in_tier":
        yield f"{notes[0]} is not in the tier"
    missed = [a for a in calls if a.state is AttemptState.MISSED]
    if len(missed) > policy.call_attempts:
        yield f"{len(missed)} missed calls, and the policy allows {policy.call_attempts}"
    for earlier, later in pairwise(calls):
        missed_at = earlier.ended_at if earlier.state is AttemptState.MISSED else None
        if missed_at is not None and later.began_at < missed_at + policy.call_gap:
            yield f"{later} did not wait {policy.call_gap} after {earlier}"


def _reasons(work: UnitOfWork, event: Event, attempts: Sequence[Attempt]) -> Iterator[str]:
    """What was skipped says why on the timeline."""
    noted = {(entry.detail.get("attempt_id"), entry.detail.get("reason")) for entry in work.timeline.of_event(event.id)}
    for attempt in attempts:
        if attempt.state is AttemptState.SKIPPED and (not attempt.reason or (attempt.id, attempt.reason) not in noted):
            yield f"{attempt} was skipped, and the timeline does not say why"


def _stood_down(attempts: Sequence[Attempt], expected: Expected) -> Iterator[str]:
    """Whoever was told by a message, and did not take it, is told once that it is over."""
    takers = {a.contact_id for a in attempts if a.state is AttemptState.ACKNOWLEDGED}
    told = {a.contact_id for a in attempts if a.level in _TOLD and a.state in _LEFT}
    informed = Counter(a.contact_id for a in attempts if a.level is Level.STAND_DOWN)
    wanted = told - takers if expected.policy.stand_down else set()
    if not wanted <= informed.keys():
        yield f"{wanted} were told of it, and only {informed.keys()} that it is over"
    if not expected.policy.stand_down and informed:
        yield f"{informed.keys()} were told that it is over, against the policy"


# --- calls ------------------------------------------------------------------------------------------------------------


def _of_leg(work: UnitOfWork, leg: Call, pbx: SimPbx) -> Iterator[str]:
    known = pbx.legs.get(leg.id)
    if leg.ended_at is None:
        yield f"a call without an end: {leg}; {known}"
        return
    seconds = known.ended.billed_seconds if known is not None and known.ended is not None else 0
    use = work.quota.use(VoiceUseKind.CALL, leg.id)
    if use is None or use.used_seconds != seconds:
        yield f"{leg} took {seconds} s, and in the ledger is {use}"


def _caps(work: UnitOfWork, rang: Sequence[Call], caps: CallCaps) -> Iterator[str]:
    """No number and no person was called more often than the caps allow, in any span of time."""
    legs = sorted(rang, key=lambda leg: leg.started_at)
    yield from _crowded(legs, caps.per_number_3h, THREE_HOURS, "to_number")
    yield from _crowded(legs, caps.per_contact_hour, HOUR, "contact_id")
    for contact_id in {leg.contact_id for leg in legs}:
        opened = [leg for leg in legs if leg.contact_id == contact_id and not _repeats(work, leg)]
        for first, one in enumerate(opened):
            for last, other in enumerate(opened[first:], start=first):
                if last - first + 1 > 2 + (other.started_at - one.started_at) / caps.per_contact_gap:
                    yield f"contact {contact_id} was called about new alerts too fast: {opened[first : last + 1]}"


def _crowded(legs: Sequence[Call], most: int, span: timedelta, what: str) -> Iterator[str]:
    for leg in legs:
        about = [
            other
            for other in legs
            if getattr(other, what) == getattr(leg, what) and leg.started_at - span < other.started_at <= leg.started_at
        ]
        if len(about) > most:
            yield f"{len(about)} calls to {what} {getattr(leg, what)} within {span}: {about}"


def _repeats(work: UnitOfWork, leg: Call) -> bool:
    """Tell whether the leg announces an alert that another leg had announced to the contact before."""
    earlier = work.calls.of_contact(leg.contact_id, since=leg.started_at - timedelta(days=1))
    before = [other for other in earlier if other.started_at < leg.started_at and other.id != leg.id]
    announced = {attempt.event_id for other in before for attempt in work.attempts.of_call(other.id)}
    return any(attempt.event_id in announced for attempt in work.attempts.of_call(leg.id))
