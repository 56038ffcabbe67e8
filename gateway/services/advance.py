"""The steps of escalations that are due, each recorded before it is done: many events in one transaction.

An event is decided on and recorded under its lock, so nothing begins once an acknowledgement is committed, and
nothing is begun twice. Many events share a transaction because at the worst moment, when hundreds are due in one
second, a transaction for each would make all of them late.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.ladder import (
    Call,
    Exhaust,
    Finished,
    GiveUp,
    Send,
    Skip,
    Step,
    TellOwner,
    WaitUntil,
    first_seen,
    next_step,
    without_future,
)
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.model.urgency import Urgency, urgency
from gateway.model.whatsapp import LEVELS, SPARE, UNKNOWN_REACH, Reach, Window
from gateway.ports.record import EscalationRecord, Record, UnitOfWork
from gateway.services.steps import note_step

# No event has so many steps that are due at one moment; a ladder that runs in circles must not run for ever.
_MOST_STEPS = 1000
_WITH_LINK = frozenset({Level.TEXT, Level.OWNER})

Refusal = Callable[[Level, bool, EscalationRecord], str | None]
"""Says why a level cannot work now, given whether WhatsApp's window is open; ``None`` where it can. Does no I/O."""

Seen = Mapping[datetime, datetime]
"""What ``ladder.first_seen`` returned at the last look."""


class EndlessLadderError(RuntimeError):
    """An event's ladder does not come to rest: a fault of this program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt as it was recorded; ``link_id`` is the acknowledgement link of a message that carries one."""

    attempt: Attempt
    link_id: int | None = None
    window_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """Where an event stands, with everything recorded that was due.

    ``begun`` are the messages to be sent now, ``given_up`` those whose result is worth a question to the provider.
    ``next_at`` is when to look again, ``None``: not before something is reported. ``over``: never again.
    ``escalation`` is ``None`` for an event that never escalated. ``exhausted``: it was closed just now, untaken.
    """

    event_id: int
    escalation: EscalationRecord | None = None
    begun: tuple[Begun, ...] = ()
    given_up: tuple[Attempt, ...] = ()
    next_at: datetime | None = None
    over: bool = False
    exhausted: bool = False
    seen: Seen = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """Where an event stands as the engine starts: ``standing`` where it waits, else it has steps that are due."""

    event_id: int
    urgency: Urgency
    standing: Advanced | None = None


def survey(record: Record, event_ids: Collection[int], at: datetime) -> tuple[Surveyed, ...]:
    """Return where the events stand, the most urgent first, without recording anything.

    Those that never escalated are left out.
    """
    with record.read() as work:
        escalations = work.events.escalations(event_ids)
    return tuple(sorted((_surveyed(each, at) for each in escalations), key=lambda surveyed: surveyed.urgency))


def advance(
    record: Record, looks: Mapping[int, Seen], *, refusal: Refusal, now: Callable[[], datetime]
) -> tuple[Advanced, ...]:
    """Record every step that is due for these events, in one transaction, and return what is to be done.

    Raises ``RecordUnavailableError``, and has recorded nothing then; ``EndlessLadderError`` likewise.
    """
    with record.write() as work:
        escalations = work.events.escalations(looks.keys(), hold=True)
        at = now()  # Read under the locks: whatever another process recorded is not later.
        people = {contact.id for escalation in escalations for contact in escalation.snapshot.contacts}
        reach = work.contacts.whatsapp_reach(people)
        climbs = [_Climb(escalation, looks[escalation.event.id], reach, refusal, at) for escalation in escalations]
        for climb in climbs:
            climb.run()
        if any(climb.has_news for climb in climbs):
            _write(work, climbs, at)
            work.commit()
    known = {climb.event_id: climb.result() for climb in climbs}
    return tuple(known.get(event_id) or Advanced(event_id=event_id, over=True) for event_id in looks)


@dataclass(slots=True)
class _Message:
    """An attempt that is not on record yet."""

    attempt: Attempt
    window_open: bool = False
    link_id: int | None = None


class _Climb:
    """One event's steps of this moment, taken in memory first."""

    def __init__(
        self, escalation: EscalationRecord, seen: Seen, reach: Mapping[str, Reach], refusal: Refusal, at: datetime
    ) -> None:
        self.event_id = escalation.event.id
        self.escalation = escalation
        self.status = escalation.event.status
        self.history = list(escalation.history)
        self.news: list[_Message | Attempt | Exhaust] = []  # begun, given up, exhausted: in their order
        self.next_at: datetime | None = None
        self.over = False
        self._seen = seen
        self._reach = reach
        self._refusal = refusal
        self._at = at

    @property
    def has_news(self) -> bool:
        """Whether anything is to be recorded."""
        return bool(self.news) or self.over

    def run(self) -> None:
        """Ask the ladder until it says to wait."""
        for _ in range(_MOST_STEPS):
            self._seen = first_seen(self.history, self._at, self._seen)
            history = without_future(self.history, self._seen)
            step = next_step(self.escalation.snapshot, self.status, history, self._at)
            if isinstance(step, WaitUntil):
                self.next_at = step.at
                return
            if isinstance(step, Finished):
                self.over = True
                return
            self._take(step)
        raise EndlessLadderError(f"the ladder of event {self.event_id} does not come to rest")

    def begun(self) -> Iterator[_Message]:
        """Yield the attempts that this climb begins or skips."""
        return (one for one in self.news if isinstance(one, _Message))

    def result(self) -> Advanced:
        """Return where the event stands now."""
        event, is_same = self.escalation.event, self.status is self.escalation.event.status
        return Advanced(
            event_id=self.event_id,
            escalation=EscalationRecord(
                event=event if is_same else replace(event, status=self.status),
                snapshot=self.escalation.snapshot,
                history=tuple(self.history),
            ),
            begun=tuple(
                Begun(attempt=one.attempt, link_id=one.link_id, window_open=one.window_open)
                for one in self.begun()
                if one.attempt.state is AttemptState.PENDING and one.attempt.level is not Level.CALL
            ),
            given_up=tuple(one for one in self.news if isinstance(one, Attempt)),
            next_at=self.next_at,
            over=self.over,
            exhausted=any(isinstance(one, Exhaust) for one in self.news),
            seen=self._seen,
        )

    def settle(self, added: Iterator[Attempt]) -> None:
        """Put the attempts as they were recorded, with their ids, in the place of those in memory."""
        first = len(self.history) - sum(1 for _ in self.begun())
        for place, message in enumerate(self.begun(), start=first):
            message.attempt = self.history[place] = next(added)

    def _take(self, step: Step) -> None:
        match step:
            case Send(contact_id, level, number):
                self._send(contact_id, level, number)
            case TellOwner(number):
                self._send(None, Level.OWNER, number)
            case Skip(contact_id, level, reason):
                self._begin(contact_id, level, 1, refusal=reason)
            case Call(contact_id, number):
                refusal = self._refusal(Level.CALL, False, self.escalation)
                self._begin(contact_id, Level.CALL, number, refusal=refusal)
            case GiveUp(attempt_id):
                self._give_up(attempt_id)
            case Exhaust():
                self.status = EventStatus.EXHAUSTED
                self.news.append(step)

    def _send(self, contact_id: int | None, level: Level, number: int) -> None:
        reach = UNKNOWN_REACH
        if contact_id is not None:
            reach = self._reach.get(self.escalation.snapshot.contact(contact_id).whatsapp, UNKNOWN_REACH)
        # The window must still be open when the message leaves, at the latest at its deadline.
        margin = self.escalation.snapshot.policy.send_timeout + SPARE
        window_open = reach.window(self._at, margin) is Window.OPEN
        refusal = self._refusal(level, window_open, self.escalation)
        if refusal is None and level in LEVELS:
            refusal = reach.blocked
        self._begin(contact_id, level, number, refusal=refusal, window_open=window_open)

    def _begin(
        self, contact_id: int | None, level: Level, number: int, *, refusal: str | None, window_open: bool = False
    ) -> None:
        has_deadline = level is not Level.CALL and not refusal
        attempt = Attempt(
            id=0,
            event_id=self.event_id,
            contact_id=contact_id,
            level=level,
            number=number,
            state=AttemptState.SKIPPED if refusal else AttemptState.PENDING,
            began_at=self._at,
            deadline_at=self._at + self.escalation.snapshot.policy.send_timeout if has_deadline else None,
            ended_at=self._at if refusal else None,
            reason=refusal,
        )
        self.history.append(attempt)
        self.news.append(_Message(attempt, window_open))

    def _give_up(self, attempt_id: int) -> None:
        place = next(place for place, attempt in enumerate(self.history) if attempt.id == attempt_id)
        attempt = self.history[place]
        # The wait for an answer runs from when the message may have left, so a restart does not prolong it.
        ended_at = self._at if attempt.level is Level.OWNER else attempt.began_at
        given_up = replace(attempt, state=AttemptState.UNKNOWN, ended_at=ended_at, reason="no_result_in_time")
        self.history[place] = given_up
        self.news.append(given_up)


def _write(work: UnitOfWork, climbs: Sequence[_Climb], at: datetime) -> None:
    added = iter(work.attempts.add_all([one.attempt for climb in climbs for one in climb.begun()]))
    for climb in climbs:
        climb.settle(added)
    _add_links(work, climbs, at)
    for climb in climbs:
        for one in climb.news:
            if isinstance(one, _Message):
                _note_begun(work, one.attempt, at)
            elif isinstance(one, Attempt):
                work.attempts.update(one)
                _note_given_up(work, one, at)
            else:
                work.events.close(
                    climb.event_id,
                    status=EventStatus.EXHAUSTED,
                    at=at,
                    from_statuses=frozenset({EventStatus.OPEN}),
                )
                work.timeline.append(
                    TimelineEntry(
                        event_id=climb.event_id,
                        at=at,
                        type=TimelineType.EXHAUSTED,
                        contact_id=None,
                        channel=None,
                        detail={},
                    )
                )
    work.events.finish([climb.event_id for climb in climbs if climb.over], at)


def _add_links(work: UnitOfWork, climbs: Sequence[_Climb], at: datetime) -> None:
    wanted = [
        (one, at + climb.escalation.snapshot.policy.link_lifetime)
        for climb in climbs
        for one in climb.begun()
        if one.attempt.level in _WITH_LINK and one.attempt.state is AttemptState.PENDING
    ]
    links = work.acknowledgements.add_links(
        [(one.attempt.event_id, one.attempt.contact_id, expires_at) for one, expires_at in wanted]
    )
    for (one, _), link in zip(wanted, links, strict=True):
        one.link_id = link.id


def _note_begun(work: UnitOfWork, attempt: Attempt, at: datetime) -> None:
    skipped = attempt.state is AttemptState.SKIPPED
    detail: dict[str, object] = {"attempt_id": attempt.id, "number": attempt.number}
    if skipped:
        detail["reason"] = attempt.reason
    note_step(work, attempt, TimelineType.ATTEMPT_SKIPPED if skipped else TimelineType.ATTEMPT_STARTED, at, detail)


def _note_given_up(work: UnitOfWork, attempt: Attempt, at: datetime) -> None:
    detail: dict[str, object] = {"attempt_id": attempt.id, "result": attempt.state.value, "reason": attempt.reason}
    note_step(work, attempt, TimelineType.ATTEMPT_RESULT, at, detail)


def _surveyed(escalation: EscalationRecord, at: datetime) -> Surveyed:
    event, history = escalation.event, escalation.history
    seen = first_seen(history, at, {})
    step = next_step(escalation.snapshot, event.status, without_future(history, seen), at)
    standing = None
    if isinstance(step, WaitUntil):
        standing = Advanced(event_id=event.id, escalation=escalation, next_at=step.at, seen=seen)
    since = max((a.ended_at or a.began_at for a in history), default=event.created_at)
    return Surveyed(event_id=event.id, urgency=urgency(event, since), standing=standing)
