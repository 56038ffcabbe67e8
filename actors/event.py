"""EventActor: one event's escalation. What is due ``gateway.model.ladder`` says, and the ``ClerkActor`` records it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import pykka
import structlog

from actors.agenda import Agenda
from actors.messages import (
    ActorFailed,
    EventChanged,
    EventFinished,
    LadderClimbed,
    LookAtLadder,
    LookFailed,
    PlaceCall,
    StepDue,
    Withdraw,
)
from actors.pool import ActorPool, PooledActor
from actors.timers import Timer, Timers
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.urgency import Urgency, urgency
from gateway.ports.clock import Clock
from gateway.ports.record import EscalationRecord
from gateway.services.advance import Advanced, Begun, Seen, Surveyed

log = structlog.get_logger(__name__)

Tell = Callable[[object], None]


class LadderError(Exception):
    """The steps of an event could not be taken: a fault of this program, which the message names."""


class Outbox(Protocol):
    """What an event's actor hands messages over to."""

    def submit(self, begun: Begun, escalation: EscalationRecord) -> None:
        """Send the message on another thread, record what became of it, and tell the dispatcher. Returns at once."""
        ...

    def look_up(self, attempt: Attempt, escalation: EscalationRecord) -> None:
        """Likewise ask the provider what became of a message whose result was given up. Sends nothing."""
        ...


class EventActor(PooledActor):
    """Sees to it that one event's steps are taken, each at its time.

    It remembers nothing that matters: whenever something happened, or a time has come, it has the clerk look at the
    record, does what was recorded as begun, and sets a timer for the rest. ``surveyed`` is where the event stood as
    the engine took it up.
    """

    def __init__(
        self,
        *,
        event_id: int,
        pool: ActorPool,
        clock: Clock,
        timers: Timers,
        clerk: Tell,
        outbox: Outbox,
        dispatcher: Tell,
        agenda: Agenda | None = None,
        surveyed: Surveyed | None = None,
    ) -> None:
        super().__init__(pool=pool)
        self._event_id = event_id
        self._clock = clock
        self._timers = timers
        self._clerk = clerk
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._agenda = agenda or Agenda()
        self._surveyed = surveyed
        self._rank = surveyed.urgency.rank if surveyed is not None else 0
        self._seen: Seen = {}
        self._timer: Timer | None = None
        self._due_at: datetime | None = None
        self._asked_for_calls: set[int] | None = None
        self._looking = False
        self._ended = False

    def on_start(self) -> None:
        """Take the escalation up where the record says it stands."""
        surveyed, self._surveyed = self._surveyed, None
        if surveyed is None:
            self._look(None)
        elif surveyed.standing is None:
            self._look(surveyed.urgency.since)
        else:
            self._stand(surveyed.standing)

    def on_receive(self, message: object) -> None:
        """Have the record looked at, or do what was found to be due."""
        match message:
            case EventChanged():
                self._look(None)
            case StepDue():
                self._look(self._due_at)
            case LadderClimbed(advanced):
                self._climbed(advanced)
            case LookFailed(error):
                raise LadderError(error)

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
        log.error("event_actor_failed", event_id=self._event_id, exc_info=error)
        what = str(error) if isinstance(error, LadderError) else f"{type(error).__name__}: {error}"
        self._dispatcher(ActorFailed(what, event_id=self._event_id, concerned_events=(self._event_id,)))

    def _look(self, due_at: datetime | None) -> None:
        """Have the ladder looked at; ``due_at`` tells how long a step has waited, ``None`` where something happened."""
        self._ended = False
        if self._looking and due_at is not None:
            return
        self._looking = True
        self._clerk(
            LookAtLadder(
                event_id=self._event_id,
                asker=self.actor_ref,
                seen=self._seen,
                precedence=Urgency(self._rank, due_at or self._clock.now()),
                due_at=due_at,
            )
        )

    def _climbed(self, advanced: Advanced) -> None:
        # Should another look be under way, its answer follows: that it is asked for twice does no harm.
        self._looking = False
        escalation = advanced.escalation
        if escalation is not None:
            if advanced.exhausted:
                log.error("event_exhausted", event_id=self._event_id, license=escalation.snapshot.license_name)
            for begun in advanced.begun:
                self._outbox.submit(begun, escalation)
            for attempt in advanced.given_up:
                self._outbox.look_up(attempt, escalation)
        self._stand(advanced)

    def _stand(self, advanced: Advanced) -> None:
        """Wait for what comes next."""
        self._seen = advanced.seen
        if advanced.escalation is not None:
            self._rank = urgency(advanced.escalation.event, self._clock.now()).rank
            self._settle_calls(advanced.escalation)
        if advanced.over:
            self._wait(None)
            self._agenda.drop(self._event_id)
            self._ended = True
            self._dispatcher(EventFinished(self._event_id))
            return
        self._wait(advanced.next_at)
        self._agenda.note(self._event_id, advanced.next_at)

    def _settle_calls(self, escalation: EscalationRecord) -> None:
        """Have the pending calls placed, each asked for once, or withdrawn where the event is over."""
        for attempt in escalation.history:
            if attempt.level is not Level.CALL or attempt.state is not AttemptState.PENDING:
                continue
            contact_id = _contact_of(attempt)
            if self._asked_for_calls is None:
                self._asked_for_calls = set()
            if escalation.event.status is not EventStatus.OPEN:
                self._dispatcher(Withdraw(contact_id, self._event_id))
            elif attempt.id not in self._asked_for_calls:
                self._asked_for_calls.add(attempt.id)
                self._dispatcher(PlaceCall(contact_id, self._event_id, attempt.id))

    def _wait(self, until: datetime | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due_at = until
        if until is not None:
            ref = self.actor_ref
            self._timer = self._timers.after(until - self._clock.now(), lambda: tell_if_alive(ref, _STEP_DUE))


_STEP_DUE = StepDue()


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
