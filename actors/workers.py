"""Slow work beside the actors: messages to providers, speech. Each result comes back by ``tell``."""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta

import structlog

from actors.event import Tell
from actors.messages import CallPrepared, EventChanged, TrialPrepared
from actors.owner import TellOwner
from actors.timers import Timers
from gateway.metrics import PREPARE_SECONDS, SEND_SECONDS
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.ports.record import EscalationRecord, RecordUnavailableError
from gateway.services.acknowledge import AckResult
from gateway.services.advance import Begun
from gateway.services.announce import Announcer, PreparedCall
from gateway.services.deliver import Courier
from gateway.services.lines import Line
from gateway.services.trial_announce import CannotAnnounceError, TrialAnnouncer

log = structlog.get_logger(__name__)

# A provider may be a moment late in listing what it has accepted.
_LISTED_AFTER = timedelta(seconds=3)


class CourierOutbox:
    """Hands messages to a courier on the executor's threads; those to owners to their actor, where there is one."""

    def __init__(
        self,
        *,
        executor: Executor,
        courier: Courier,
        dispatcher: Tell,
        timers: Timers | None = None,
        owner: Tell | None = None,
    ) -> None:
        self._executor = executor
        self._owner = owner
        self._courier = courier
        self._dispatcher = dispatcher
        self._timers = timers

    def submit(self, begun: Begun, escalation: EscalationRecord) -> None:
        """Send the message elsewhere; whatever happens, the event's actor then looks at the record."""
        if self._owner is not None and begun.attempt.level is Level.OWNER:
            self._owner(TellOwner(begun, escalation))
            return

        def deliver() -> None:
            state = None
            try:
                with SEND_SECONDS.labels(begun.attempt.level.value).time():
                    state = self._courier.deliver(begun, escalation)
            finally:
                self._dispatcher(EventChanged(begun.attempt.event_id))
            if state is AttemptState.UNKNOWN:
                self.look_up(begun.attempt, escalation)

        _submit(self._executor, deliver, event_id=begun.attempt.event_id, attempt_id=begun.attempt.id)

    def look_up(self, attempt: Attempt, escalation: EscalationRecord) -> None:
        """Ask the provider, a little later and once, what became of a message of unknown result."""
        if self._timers is not None and self._courier.can_look_up(attempt.level):
            self._timers.after(_LISTED_AFTER, lambda: self._look_up(attempt, escalation))

    def _look_up(self, attempt: Attempt, escalation: EscalationRecord) -> None:
        def look_up() -> None:
            self._courier.look_up(attempt, escalation)
            self._dispatcher(EventChanged(attempt.event_id))

        _submit(self._executor, look_up, event_id=attempt.event_id, attempt_id=attempt.id)


class AnnouncerBooth:
    """Prepares calls with an announcer on the executor's threads."""

    def __init__(self, *, executor: Executor, announcer: Announcer, dispatcher: Tell) -> None:
        self._executor = executor
        self._announcer = announcer
        self._dispatcher = dispatcher

    def prepare(self, contact_id: int, preparation: int, attempt_ids: tuple[int, ...], way: Line | Call) -> None:
        """Prepare a call elsewhere; ``CallPrepared`` follows in any case."""

        def prepare() -> None:
            prepared = PreparedCall(attempt_ids=attempt_ids, failure="preparation_failed")
            record_away = False
            try:
                with PREPARE_SECONDS.time():
                    prepared = self._announcer.prepare(contact_id, attempt_ids, way)
            except RecordUnavailableError as error:
                log.warning("record_unavailable", error=str(error), contact_id=contact_id, attempt_ids=attempt_ids)
                record_away = True
            finally:
                told = CallPrepared(
                    contact_id=contact_id,
                    preparation=preparation,
                    asked_for=tuple(attempt_id for attempt_id in attempt_ids if attempt_id not in prepared.left),
                    attempt_ids=prepared.attempt_ids,
                    order=prepared.order,
                    failure=prepared.failure,
                    may_pass=prepared.may_pass,
                    record_away=record_away,
                )
                self._dispatcher(told)

        _submit(self._executor, prepare, contact_id=contact_id, attempt_ids=attempt_ids)

    def confirm(self, call_id: str, contact_id: int, results: tuple[AckResult, ...]) -> None:
        """Speak to the callee elsewhere."""
        _submit(self._executor, lambda: self._announcer.confirm(call_id, contact_id, results), call_id=call_id)

    def stand_down(self, call_id: str, contact_id: int) -> None:
        """Speak to the callee elsewhere."""
        _submit(self._executor, lambda: self._announcer.stand_down(call_id, contact_id), call_id=call_id)


class TrialAnnouncerBooth:
    """Prepares test calls with an announcer on the executor's threads."""

    def __init__(self, *, executor: Executor, announcer: TrialAnnouncer, dispatcher: Tell) -> None:
        self._executor = executor
        self._announcer = announcer
        self._dispatcher = dispatcher

    def prepare(self, contact_id: int, trial_id: int, line: Line) -> None:
        """Prepare a test call elsewhere; ``TrialPrepared`` follows in any case."""

        def prepare() -> None:
            order, failure = None, "preparation_failed"
            try:
                order = self._announcer.prepare(contact_id, line)
            except (CannotAnnounceError, RecordUnavailableError) as error:
                failure = str(error)
            finally:
                self._dispatcher(TrialPrepared(contact_id, trial_id, line.call_id, order, failure))

        _submit(self._executor, prepare, contact_id=contact_id, trial_id=trial_id)

    def confirm(self, call_id: str, contact_id: int) -> None:
        """Speak to the callee elsewhere."""
        _submit(self._executor, lambda: self._announcer.confirm(call_id, contact_id), call_id=call_id)


def _submit(executor: Executor, work: Callable[[], None], **context: object) -> None:
    def logged() -> None:
        try:
            work()
        except Exception:
            # Nobody waits for this work's future: what it raises would be lost.
            log.exception("background_work_failed", **context)

    executor.submit(logged)
