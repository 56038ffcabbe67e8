"""An escalation as a ladder that people look at: what was done, what goes on now, and what comes if nobody answers.

What comes is not reckoned by rules of its own: ``gateway.model.ladder`` is asked again and again, as if every message
arrived and nobody answered, so that a page cannot announce anything else than what the engine does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.ladder import Call, GiveUp, Send, Skip, TellOwner, WaitUntil, next_step
from gateway.model.policy import Snapshot, SnapshotContact
from gateway.model.timeline import TimelineEntry, TimelineType

# A message in these states may be answered yet: the ladder waits for that.
_AWAITED = frozenset({AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ, AttemptState.UNKNOWN})
_WAITED_FOR = frozenset({Level.TEXT, Level.VOICE_NOTE})
_PROGRESS = frozenset({TimelineType.CALL_DIALLED, TimelineType.CALL_RINGING, TimelineType.CALL_ANSWERED})
# Steps that each contact has ahead at most: two texts, the voice note, and a wait or a result beside each step.
_STEPS_BESIDE_CALLS = 8


class RungState(StrEnum):
    """Where a rung stands."""

    DONE = "done"
    NOW = "now"  # the ladder stands here; there is one such rung at most
    BESIDE = "beside"  # under way too, while the ladder has gone on
    COMING = "coming"
    SKIPPED = "skipped"  # left out, or going to be, for the reason given
    NOT_NEEDED = "not_needed"  # the event was over before


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step for one person.

    ``attempt`` is ``None`` for what was not begun. ``at`` is when it began or, of one that is coming, when it will if
    nobody answers before. ``until`` is when a wait ends that is running for it: of the rung that is now, when the
    ladder goes on; of the next one, when it begins; ``None`` while a result is waited for. ``progress`` is how far a
    call is.
    """

    level: Level
    number: int
    state: RungState
    attempt: Attempt | None = None
    at: datetime | None = None
    until: datetime | None = None
    reason: str | None = None
    progress: TimelineType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One person's rungs in their order; ``contact`` is ``None`` for the license's owner."""

    contact: SnapshotContact | None
    rungs: tuple[Rung, ...]

    @property
    def is_begun(self) -> bool:
        """Whether anything of it was begun."""
        return any(rung.attempt is not None for rung in self.rungs)


def tracks_of(
    snapshot: Snapshot,
    status: EventStatus,
    history: Sequence[Attempt],
    timeline: Sequence[TimelineEntry],
    now: datetime,
    *,
    closed_at: datetime | None = None,
) -> Sequence[Track]:
    """Return the ladder: the contacts in the snapshot's order, then the owner.

    Each attempt of the history makes one rung, and follow those that it has none for yet. ``history`` and ``timeline``
    are in the order of their ids. ``closed_at`` is when an event that is over was closed.
    """
    is_open = status is EventStatus.OPEN
    here = _here(snapshot, history, now) if is_open else None
    made: dict[int | None, list[Rung]] = {}
    told = _progress(timeline)
    for attempt in history:
        made.setdefault(attempt.contact_id, []).append(_made(attempt, here, told))
    rest = _coming(snapshot, history, now if is_open else closed_at or now)
    if status is EventStatus.EXHAUSTED:
        rest = []
    if here is None and is_open and rest:
        rest[0] = (rest[0][0], replace(rest[0][1], until=rest[0][1].at))
    for contact_id, rung in rest:
        shown = rung if is_open else replace(rung, state=RungState.NOT_NEEDED, at=None, reason=None)
        made.setdefault(contact_id, []).append(shown)
    people = {contact.id: contact for contact in snapshot.contacts}
    return [
        Track(contact=people.get(contact_id) if contact_id is not None else None, rungs=tuple(made[contact_id]))
        for contact_id in (*people, *sorted(one for one in made if one is not None and one not in people), None)
        if made.get(contact_id)
    ]


def _here(snapshot: Snapshot, history: Sequence[Attempt], now: datetime) -> tuple[int, datetime | None] | None:
    """Return the attempt at which the ladder stands, with the end of its wait; ``None`` where it stands between two."""
    pending = [one for one in history if one.state is AttemptState.PENDING]
    if pending:
        return max(one.id for one in pending), None
    if not history:
        return None
    newest = max(history, key=lambda one: one.id)
    step = next_step(snapshot, EventStatus.OPEN, history, now)
    if newest.level in _WAITED_FOR and newest.state in _AWAITED and isinstance(step, WaitUntil):
        return newest.id, step.at
    return None


def _made(attempt: Attempt, here: tuple[int, datetime | None] | None, told: Mapping[str, TimelineType]) -> Rung:
    state, until = RungState.DONE, None
    if here is not None and attempt.id == here[0]:
        state, until = RungState.NOW, here[1]
    elif attempt.state is AttemptState.PENDING:
        state = RungState.BESIDE
    elif attempt.state is AttemptState.SKIPPED:
        state = RungState.SKIPPED
    elif attempt.state is AttemptState.CANCELLED:
        state = RungState.NOT_NEEDED
    is_call = attempt.state is AttemptState.PENDING and attempt.call_id is not None
    return Rung(
        level=attempt.level,
        number=attempt.number,
        state=state,
        attempt=attempt,
        at=attempt.began_at,
        until=until,
        reason=attempt.reason,
        progress=told.get(attempt.call_id) if is_call and attempt.call_id is not None else None,
    )


def _progress(timeline: Sequence[TimelineEntry]) -> Mapping[str, TimelineType]:
    """Return how far each call was when something was last told of it."""
    return {str(entry.detail.get("call_id")): entry.type for entry in timeline if entry.type in _PROGRESS}


def _coming(snapshot: Snapshot, history: Sequence[Attempt], now: datetime) -> list[tuple[int | None, Rung]]:
    """Return what the ladder does from now on if every message arrives and nobody answers, with when."""
    policy = snapshot.policy
    supposed, at = list(history), now
    found: list[tuple[int | None, Rung]] = []
    each = _STEPS_BESIDE_CALLS + 3 * policy.call_attempts
    for _ in range(len(history) + (len(snapshot.contacts) + 1) * each):
        step = next_step(snapshot, EventStatus.OPEN, supposed, at)
        match step:
            case WaitUntil():
                pending = [one for one in supposed if one.state is AttemptState.PENDING]
                if pending:
                    # What is under way comes to nothing as late as it may.
                    ends = max(at, *(_ends(one, snapshot) for one in pending))
                    supposed = [_answerless(one, ends) for one in supposed]
                    at = ends
                elif step.at is not None:
                    at = max(at, step.at)
                else:
                    break
            case GiveUp(attempt_id=attempt_id):
                supposed = [_given_up(one) if one.id == attempt_id else one for one in supposed]
            case Send() | Skip() | Call() | TellOwner():
                attempt, rung = _supposed(step, at)
                found.append((attempt.contact_id, rung))
                if isinstance(step, Call):
                    at += policy.ring_timeout
                supposed.append(replace(attempt, ended_at=at))
            case _:
                break
    return found


def _supposed(step: Send | Skip | Call | TellOwner, at: datetime) -> tuple[Attempt, Rung]:
    """Return a step as an attempt that comes to nothing, and as a rung."""
    state, rung_state, reason, number = AttemptState.SENT, RungState.COMING, None, 1
    contact_id: int | None = None
    level = Level.OWNER
    match step:
        case Send():
            contact_id, level, number = step.contact_id, step.level, step.number
        case Skip():
            contact_id, level, reason = step.contact_id, step.level, step.reason
            state, rung_state = AttemptState.SKIPPED, RungState.SKIPPED
        case Call():
            contact_id, level, number, state = step.contact_id, Level.CALL, step.number, AttemptState.MISSED
        case TellOwner():
            number = step.number
    attempt = Attempt(
        id=0,
        event_id=0,
        contact_id=contact_id,
        level=level,
        number=number,
        state=state,
        began_at=at,
    )
    return attempt, Rung(level=level, number=number, state=rung_state, at=at, reason=reason)


def _ends(attempt: Attempt, snapshot: Snapshot) -> datetime:
    if attempt.level is Level.CALL:
        return attempt.began_at + snapshot.policy.ring_timeout
    return attempt.deadline_at or attempt.began_at


def _given_up(attempt: Attempt) -> Attempt:
    return replace(attempt, state=AttemptState.UNKNOWN, ended_at=attempt.began_at)


def _answerless(attempt: Attempt, at: datetime) -> Attempt:
    if attempt.state is not AttemptState.PENDING:
        return attempt
    missed = attempt.level is Level.CALL
    return replace(attempt, state=AttemptState.MISSED if missed else AttemptState.SENT, ended_at=at)
