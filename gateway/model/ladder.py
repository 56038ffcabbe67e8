"""The ladder: what to do next for one event, as a pure function.

Where an escalation stands is not stored anywhere: it follows from the event's
snapshot, from its status and from the attempts made so far. So a restart needs no
special case, and every rule of the ladder can be read, and tested, here.

A contact's *track* is L1 (text), L2 (voice note), L3 (calls). Tracks follow each
other in the snapshot's order. A call that nobody could carry does not hold the
ladder up: the next contact's track begins, while the call is tried again
with a growing pause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.policy import Policy, Snapshot, SnapshotContact
from gateway.model.whatsapp import refused_for_window


@dataclass(frozen=True, slots=True)
class Send:
    """Send the level's message to the contact."""

    contact_id: int
    level: Level
    number: int = 1


@dataclass(frozen=True, slots=True)
class Skip:
    """Record that the level is left out for the contact, and why."""

    contact_id: int
    level: Level
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call the contact for the ``number``-th time."""

    contact_id: int
    number: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Record that an attempt's result will not be known: its deadline has passed."""

    attempt_id: int


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing to do before ``at``; ``None``: nothing before something is reported."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class TellOwner:
    """Tell the license's owner that everyone failed, for the ``number``-th time of trying."""

    number: int


@dataclass(frozen=True, slots=True)
class Exhaust:
    """Close the event: everyone failed and the owner was told, as far as that was possible."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more to do, ever."""


Step = Send | Skip | Call | GiveUp | WaitUntil | TellOwner | Exhaust | Finished

# A message in these states has left, or may have: its wait runs.
_LEFT = frozenset({AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ, AttemptState.UNKNOWN})
# After these results a contact is not called again: the number is wrong, or they have spoken to a human.
_CALLS_OVER = frozenset({AttemptState.INVALID_NUMBER, AttemptState.HANDED_OFF, AttemptState.SKIPPED})
_TOLD = frozenset({Level.TEXT, Level.VOICE_NOTE})


@dataclass(frozen=True, slots=True)
class _Pause:
    """A track's wait. One that holds the ladder keeps the next contact's track from beginning."""

    at: datetime | None
    holds: bool = True


def next_step(snapshot: Snapshot, status: EventStatus, history: Sequence[Attempt], now: datetime) -> Step:
    """Return the one thing to do now for an event.

    ``history`` holds all attempts of the event in the order of their ids. The caller
    does the step, records it, and asks again until it is told to wait.
    """
    if status is not EventStatus.OPEN:
        return _after_the_end(snapshot, status, history, now)
    pauses: list[datetime | None] = []
    for contact in snapshot.contacts:
        step = _track(snapshot, contact, [a for a in history if a.contact_id == contact.id], now)
        if step is None:
            continue
        if not isinstance(step, _Pause):
            return step
        pauses.append(step.at)
        if step.holds:
            return WaitUntil(_earliest(pauses))
    owner = _owner(snapshot.policy, [a for a in history if a.level is Level.OWNER], now)
    if owner is not None and not isinstance(owner, _Pause):
        return owner
    if isinstance(owner, _Pause):
        pauses.append(owner.at)
    return WaitUntil(_earliest(pauses)) if pauses else Exhaust()


def first_seen(
    history: Sequence[Attempt], now: datetime, known: Mapping[datetime, datetime]
) -> Mapping[datetime, datetime]:
    """Return the times in the history that were in the future when they were first seen, with when that was.

    ``known`` is what the last look at the same event returned. Such times were written before the machine's clock
    was set back (a process has a clock that does not jump, but a restart takes the machine's time over), or by
    another process after it was set forward.
    """
    future = {at for a in history for at in (a.began_at, a.ended_at) if at is not None and at > now}
    return {**dict.fromkeys(future, now), **known} if future - known.keys() else known


def without_future(history: Sequence[Attempt], seen: Mapping[datetime, datetime]) -> Sequence[Attempt]:
    """Return the history with what was dated in the future dated to when it was first seen.

    A wait that is reckoned from such a date would last for the length of the clock's jump on top of its own; so it
    lasts its own length, from the first look on. A clock that was set forward needs no rule: a wait that seems to be
    over is over, as after an engine that was away for so long; and as each step is recorded before it is done, none is
    done twice.
    """
    return [_redated(attempt, seen) for attempt in history] if seen else history


def backoff(policy: Policy, failures: int) -> timedelta:
    """Return the pause after the ``failures``-th failure in a row: doubling, up to the policy's bound."""
    doubled: timedelta = policy.retry_backoff * (1 << min(max(failures, 1) - 1, 20))
    return min(doubled, policy.retry_backoff_max)


def _redated(attempt: Attempt, seen: Mapping[datetime, datetime]) -> Attempt:
    began_at = seen.get(attempt.began_at, attempt.began_at)
    ended_at, deadline_at = attempt.ended_at, attempt.deadline_at
    return replace(
        attempt,
        began_at=began_at,
        ended_at=ended_at and seen.get(ended_at, ended_at),
        deadline_at=deadline_at and began_at + (deadline_at - attempt.began_at),
    )


def _track(
    snapshot: Snapshot, contact: SnapshotContact, tried: Sequence[Attempt], now: datetime
) -> Step | _Pause | None:
    """Return what the contact's track wants; ``None`` when it is through."""
    texts, notes, calls = (
        [a for a in tried if a.level is level] for level in (Level.TEXT, Level.VOICE_NOTE, Level.CALL)
    )
    if calls:
        return _calls(snapshot.policy, contact.id, calls, now)
    if notes:
        return _message_wait(notes[-1], snapshot.policy.l2_wait, now) or _first_call(snapshot, contact)
    if texts:
        return _message_wait(texts[-1], snapshot.policy.l1_wait, now) or _after_text(snapshot, contact, texts)
    return Send(contact.id, Level.TEXT)


def _after_text(snapshot: Snapshot, contact: SnapshotContact, texts: Sequence[Attempt]) -> Step:
    """Repeat, once, a text that certainly did not arrive because it needed an open window; else go on."""
    if len(texts) == 1 and refused_for_window(texts[0]):
        return Send(contact.id, Level.TEXT, 2)
    return _voice_note(snapshot, contact)


def _voice_note(snapshot: Snapshot, contact: SnapshotContact) -> Step:
    if not snapshot.tier.voice_note:
        return Skip(contact.id, Level.VOICE_NOTE, "not_in_tier")
    return Send(contact.id, Level.VOICE_NOTE)


def _first_call(snapshot: Snapshot, contact: SnapshotContact) -> Step:
    if not snapshot.tier.call:
        return Skip(contact.id, Level.CALL, "not_in_tier")
    if not snapshot.policy.call_attempts:
        return Skip(contact.id, Level.CALL, "not_in_policy")
    return Call(contact.id, 1)


def _message_wait(attempt: Attempt, wait: timedelta, now: datetime) -> GiveUp | _Pause | None:
    if attempt.state is AttemptState.PENDING:
        return GiveUp(attempt.id) if _overdue(attempt, now) else _Pause(attempt.deadline_at)
    if attempt.state in _LEFT:
        until = (attempt.ended_at or attempt.began_at) + wait
        return _Pause(until) if now < until else None
    return None


def _calls(policy: Policy, contact_id: int, calls: Sequence[Attempt], now: datetime) -> Step | _Pause | None:
    last = calls[-1]
    holds = all(a.state is not AttemptState.UNAVAILABLE for a in calls)
    if last.state is AttemptState.PENDING:
        return _Pause(None, holds)
    if last.state in _CALLS_OVER:
        return None
    if last.state is AttemptState.UNAVAILABLE:
        failures = _trailing_failures(calls)
        due = _ended(last) + backoff(policy, len(failures))
        if due > _ended(failures[0]) + policy.call_retry_for:
            return None
    else:
        missed = sum(a.state is AttemptState.MISSED for a in calls)
        if missed >= policy.call_attempts:
            return None
        due = _ended(last) + policy.call_gap
    return Call(contact_id, len(calls) + 1) if due <= now else _Pause(due, holds)


def _owner(policy: Policy, told: Sequence[Attempt], now: datetime) -> Step | _Pause | None:
    """Tell the owner at least once. An unknown result is tried again: told twice is better than not told."""
    if not told:
        return TellOwner(1)
    last = told[-1]
    if last.state is AttemptState.PENDING:
        return GiveUp(last.id) if _overdue(last, now) else _Pause(last.deadline_at)
    if last.state not in {AttemptState.UNAVAILABLE, AttemptState.UNKNOWN}:
        return None
    due = _ended(last) + backoff(policy, len(told))
    if due > told[0].began_at + policy.owner_retry_for:
        return None
    return TellOwner(len(told) + 1) if due <= now else _Pause(due)


def _after_the_end(snapshot: Snapshot, status: EventStatus, history: Sequence[Attempt], now: datetime) -> Step:
    """Wait for calls to be hung up, and tell those who were told that it is over, each once, save who took it.

    What is still being sent is waited for, or given up: whoever may have got it must hear that it is over, too.
    """
    pending = [a for a in history if a.state is AttemptState.PENDING]
    for attempt in pending:
        if _overdue(attempt, now):
            return GiveUp(attempt.id)
    informed = {a.contact_id for a in history if a.level is Level.STAND_DOWN}
    for contact_id in _to_stand_down(snapshot, status, history):
        if contact_id not in informed:
            return Send(contact_id, Level.STAND_DOWN)
    return WaitUntil(_earliest([a.deadline_at for a in pending])) if pending else Finished()


def _to_stand_down(snapshot: Snapshot, status: EventStatus, history: Sequence[Attempt]) -> list[int]:
    if not snapshot.policy.stand_down or status not in {EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED}:
        return []
    takers = {a.contact_id for a in history if a.state is AttemptState.ACKNOWLEDGED}
    told = {a.contact_id for a in history if a.level in _TOLD and a.state in _LEFT}
    return [contact.id for contact in snapshot.contacts if contact.id in told - takers]


def _overdue(attempt: Attempt, now: datetime) -> bool:
    return attempt.deadline_at is not None and attempt.deadline_at <= now


def _trailing_failures(calls: Sequence[Attempt]) -> list[Attempt]:
    """Return the unbroken run of unavailable calls at the end."""
    run: list[Attempt] = []
    for attempt in reversed(calls):
        if attempt.state is not AttemptState.UNAVAILABLE:
            break
        run.insert(0, attempt)
    return run


def _ended(attempt: Attempt) -> datetime:
    return attempt.ended_at or attempt.began_at


def _earliest(times: Sequence[datetime | None]) -> datetime | None:
    known = [at for at in times if at is not None]
    return min(known) if known else None
