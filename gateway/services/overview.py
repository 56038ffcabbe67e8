"""What an operator sees at a glance: what escalates now, who has been told, and what comes next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model import ladder
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import Event, EventStatus
from gateway.model.policy import Snapshot
from gateway.ports.record import EscalationRecord, Record

LAST_DAY = timedelta(hours=24)
ESCALATIONS_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One try that was made or is being made. ``to`` is the person's name, ``None`` for the license's owner.

    ``call_id`` is the latest leg of a call.
    """

    to: str | None
    level: Level
    number: int
    state: AttemptState
    at: datetime
    reason: str | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What comes next, and when, if nobody acknowledges before. ``level`` is ``None`` for the end of the ladder."""

    at: datetime
    level: Level | None = None
    to: str | None = None
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEscalation:
    """One event that escalates. ``now`` is the newest try; ``next_step`` is ``None`` while a report is waited for."""

    event: Event
    license_name: str
    now: Told | None
    next_step: NextStep | None
    told: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """``escalations`` holds the gravest and oldest of ``open_count``; ``last_day`` counts what came in since."""

    escalations: Sequence[OpenEscalation]
    open_count: int
    last_day: Mapping[EventStatus, int]
    version: str


def overview(record: Record, license_ids: Collection[int] | None, at: datetime) -> Overview:
    """Return how things stand for these licenses, ``None`` for all."""
    with record.read() as work:
        version = work.event_lists.version(license_ids)
        ids = work.event_lists.open_ids(license_ids, ESCALATIONS_SHOWN)
        found = {one.event.id: one for one in work.events.escalations(ids)}
        return Overview(
            escalations=[escalating(found[event_id], at) for event_id in ids if event_id in found],
            open_count=work.event_lists.open_count(license_ids),
            last_day=work.event_lists.counts(license_ids, at - LAST_DAY),
            version=version,
        )


def escalating(escalation: EscalationRecord, at: datetime) -> OpenEscalation:
    """Return where an escalation stands."""
    snapshot = escalation.snapshot
    made = [told_by(snapshot, attempt) for attempt in escalation.history if attempt.level is not Level.STAND_DOWN]
    tried = [one for one in made if one.state is not AttemptState.SKIPPED]
    return OpenEscalation(
        event=escalation.event,
        license_name=snapshot.license_name,
        now=tried[-1] if tried else None,
        next_step=coming(escalation, at),
        told=tuple(dict.fromkeys(one.to for one in tried if one.to is not None)),
    )


def told_by(snapshot: Snapshot, attempt: Attempt) -> Told:
    """Return an attempt with the name of the person that it was for."""
    return Told(
        to=_name(snapshot, attempt.contact_id),
        level=attempt.level,
        number=attempt.number,
        state=attempt.state,
        at=attempt.began_at,
        reason=attempt.reason,
        call_id=attempt.call_id,
    )


def coming(escalation: EscalationRecord, at: datetime) -> NextStep | None:
    """Return what the ladder does when its present wait is over; ``None`` where it waits for a report.

    What cannot work when its time comes is left out then, so this is what is tried, not what is certain.
    """
    snapshot, history = escalation.snapshot, escalation.history
    step = ladder.next_step(snapshot, EventStatus.OPEN, history, at)
    due = at
    if isinstance(step, ladder.WaitUntil):
        if step.at is None:
            return None
        due = step.at
        step = ladder.next_step(snapshot, EventStatus.OPEN, history, due)
    match step:
        case ladder.Send() | ladder.Skip():
            return NextStep(at=due, level=step.level, to=_name(snapshot, step.contact_id))
        case ladder.Call():
            return NextStep(at=due, level=Level.CALL, to=_name(snapshot, step.contact_id), number=step.number)
        case ladder.TellOwner():
            return NextStep(at=due, level=Level.OWNER, number=step.number)
        case ladder.Exhaust():
            return NextStep(at=due)
        case _:
            return None


def _name(snapshot: Snapshot, contact_id: int | None) -> str | None:
    return next((contact.name for contact in snapshot.contacts if contact.id == contact_id), None)
