"""EventActor: one event's escalation, a thin shell over ``gateway.model.ladder``."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import pykka
import structlog

from actors.agenda import Agenda
from actors.messages import ActorFailed, EventChanged, EventFinished, PlaceCall, Withdraw
from actors.pool import ActorPool, PooledActor
from actors.timers import Timer, Timers
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
from gateway.ports.clock import Clock
from gateway.ports.record import EscalationRecord, Record
from gateway.services import escalate

log = structlog.get_logger(__name__)

# No event has so many steps that are due at one moment; a ladder that runs in circles must not run for ever.
_MOST_STEPS = 1000

Tell = Callable[[object], None]


class Outbox(Protocol):
    """What an event's actor needs of the outside: it asks whether a way is open, and hands messages over."""

    def refusal(self, level: Level, *, window_open: bool, escalation: EscalationRecord) -> str | None:
        """Return why that level cannot work now, or ``None``. Does no I/O."""
        ...

    def submit(self, begun: escalate.Begun, escalation: EscalationRecord) -> None:
        """Send the message on another thread, record what became of it, and tell the dispatcher. Returns at once."""
        ...

    def look_up(self, attempt: Attempt, escalation: EscalationRecord) -> None:
        """Likewise ask the provider what became of a message whose result was given up. Sends nothing."""
        ...


class EventActor(PooledActor):
    """Does the steps of one event's ladder, each at its time.

    It remembers nothing that matters: at every message it reads the record, asks the ladder,
    does what is due, and sets a timer for the rest.
    """

    def __init__(
        self,
        *,
        event_id: int,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        outbox: Outbox,
        dispatcher: Tell,
        agenda: Agenda | None = None,
    ) -> None:
        super().__init__(pool=pool)
        self._event_id = event_id
        self._agenda = agenda or Agenda()
        self._first_seen: Mapping[datetime, datetime] = {}
        self._record = record
        self._clock = clock
        self._timers = timers
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._timer: Timer | None = None
        self._asked_for_calls: set[int] = set()
        self._ended = False
        self._log = log.bind(event_id=event_id)

    def on_start(self) -> None:
        """Take the escalation up where the record says it stands."""
        self._advance()

    def on_receive(self, message: object) -> None:
        """Look at the record again: whatever happened is there."""
        if isinstance(message, EventChanged):
            self._advance()

    def on_stop(self) -> None:
        """Ask for a successor where something came up between the last word and the end."""
        self._wait(None)
        if not self._ended:
            self._dispatcher(EventChanged(self._event_id))

    def on_fault(self, error: BaseException) -> None:
        """Ask to be started again."""
        if self._timer is not None:
            self._timer.cancel()
        self._agenda.drop(self._event_id)
        self._log.error("event_actor_failed", exc_info=error)
        what = f"{type(error).__name__}: {error}"
        self._dispatcher(ActorFailed(what, event_id=self._event_id, concerned_events=(self._event_id,)))

    def _advance(self) -> None:
        self._ended = False
        for _ in range(_MOST_STEPS):
            escalation = escalate.load(self._record, self._event_id)
            if escalation is None:
                self._end()
                return
            self._settle_calls(escalation)
            now = self._clock.now()
            self._first_seen = first_seen(escalation.history, now, self._first_seen)
            history = without_future(escalation.history, self._first_seen)
            step = next_step(escalation.snapshot, escalation.event.status, history, now)
            if isinstance(step, WaitUntil):
                self._wait(None if step.at is None else step.at - now)
                self._agenda.note(self._event_id, step.at)
                return
            if isinstance(step, Finished):
                if escalate.finish(self._record, event_id=self._event_id, status=escalation.event.status):
                    self._end()
                    return
                continue
            self._do(step, escalation)
        raise RuntimeError(f"the ladder of event {self._event_id} does not come to rest")

    def _do(self, step: Step, escalation: EscalationRecord) -> None:
        now = self._clock.now()
        match step:
            case Send(contact_id, level, number):
                self._send(escalation, contact_id, level, number)
            case TellOwner(number):
                self._send(escalation, None, Level.OWNER, number)
            case Skip(contact_id, level, reason):
                escalate.skip(
                    self._record, event_id=self._event_id, contact_id=contact_id, level=level, reason=reason, at=now
                )
            case Call(contact_id, number):
                escalate.begin_call_attempt(
                    self._record,
                    event_id=self._event_id,
                    contact_id=contact_id,
                    number=number,
                    refusal=self._outbox.refusal(Level.CALL, window_open=False, escalation=escalation),
                    at=now,
                )
            case GiveUp(attempt_id):
                escalate.give_up(self._record, attempt_id=attempt_id, at=now)
                given_up = next(attempt for attempt in escalation.history if attempt.id == attempt_id)
                self._outbox.look_up(given_up, escalation)
            case Exhaust():
                self._log.error("event_exhausted", license=escalation.snapshot.license_name)
                escalate.exhaust(self._record, event_id=self._event_id, at=now)

    def _send(self, escalation: EscalationRecord, contact_id: int | None, level: Level, number: int) -> None:
        now = self._clock.now()
        window_open = contact_id is not None and escalate.window_open(self._record, contact_id, now)
        begun = escalate.begin_message(
            self._record,
            event_id=self._event_id,
            contact_id=contact_id,
            level=level,
            number=number,
            policy=escalation.snapshot.policy,
            window_open=window_open,
            refusal=self._outbox.refusal(level, window_open=window_open, escalation=escalation),
            at=now,
        )
        if begun is not None and begun.attempt.state is AttemptState.PENDING:
            self._outbox.submit(begun, escalation)

    def _settle_calls(self, escalation: EscalationRecord) -> None:
        """Have the pending calls placed, each asked for once, or withdrawn where the event is over."""
        for attempt in escalation.history:
            if attempt.level is not Level.CALL or attempt.state is not AttemptState.PENDING:
                continue
            contact_id = _contact_of(attempt)
            if escalation.event.status is not EventStatus.OPEN:
                self._dispatcher(Withdraw(contact_id, self._event_id))
            elif attempt.id not in self._asked_for_calls:
                self._asked_for_calls.add(attempt.id)
                self._dispatcher(PlaceCall(contact_id, self._event_id, attempt.id))

    def _wait(self, delay: timedelta | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if delay is not None:
            ref, changed = self.actor_ref, EventChanged(self._event_id)
            self._timer = self._timers.after(delay, lambda: tell_if_alive(ref, changed))

    def _end(self) -> None:
        self._wait(None)
        self._agenda.drop(self._event_id)
        self._ended = True
        self._dispatcher(EventFinished(self._event_id))


def tell_if_alive(ref: "pykka.ActorRef[Any]", message: object) -> None:
    """Tell an actor something that does not matter any more once it has stopped."""
    try:
        ref.tell(message)
    except pykka.ActorDeadError:
        log.debug("message_to_stopped_actor", actor=str(ref))


def _contact_of(attempt: Attempt) -> int:
    if attempt.contact_id is None:
        raise ValueError(f"attempt {attempt.id} is a call to nobody")
    return attempt.contact_id
