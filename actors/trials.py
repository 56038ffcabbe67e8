"""TrialsActor: finds the test calls and test messages that were asked for, and has them made."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import timedelta

import structlog

from actors.event import Tell, tell_if_alive
from actors.messages import GiveUpTrial, LookForTrials, TryCall
from actors.pool import ActorPool, PooledActor
from actors.timers import Timers
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState
from gateway.ports.clock import Clock
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services import trial_messages, trials
from gateway.services.trial_messages import TrialCourier

log = structlog.get_logger(__name__)

# In a storm of alerts the wake-ups are many, and none of them is about a test.
_NOT_SOONER = timedelta(milliseconds=250)
# A message whose result could not be recorded for so long is of an unknown result. Longer than a channel tries.
_RESULT_WITHIN = timedelta(minutes=3)


class TrialsActor(PooledActor):
    """Looks at the record when it is woken, hands calls to the contacts' actors and messages to the courier.

    It remembers nothing that matters: what it hands over is claimed by whoever does it, in the transaction that comes
    before the deed. Escalations neither wait for it nor fail with it.
    """

    def __init__(
        self,
        *,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        executor: Executor,
        courier: TrialCourier,
        dispatcher: Tell,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(pool=pool)
        self._record = record
        self._clock = clock
        self._timers = timers
        self._executor = executor
        self._courier = courier
        self._dispatcher = dispatcher
        self._monotonic = monotonic
        self._looked_at = float("-inf")
        self._will_look = False
        self._took_over = False
        self._handed_over: set[int] = set()

    def on_receive(self, message: object) -> None:
        """Look, now or in a moment."""
        if not isinstance(message, LookForTrials):
            return
        self._will_look = False
        wait = self._looked_at + _NOT_SOONER.total_seconds() - self._monotonic()
        if wait > 0:
            self._look_later(timedelta(seconds=wait))
            return
        self._looked_at = self._monotonic()
        try:
            self._look()
        except RecordUnavailableError as error:
            # It is looked for again with the next wake-up, a second from now at the latest.
            log.debug("record_unavailable", error=str(error))

    def on_fault(self, error: BaseException) -> None:
        """Say so. Tests are not made any more by this engine; alerts are not concerned."""
        log.error("trials_actor_failed", exc_info=error)

    def _look_later(self, after: timedelta) -> None:
        if not self._will_look:
            self._will_look = True
            ref = self.actor_ref
            self._timers.after(after, lambda: tell_if_alive(ref, LookForTrials()))

    def _look(self) -> None:
        now = self._clock.now()
        with self._record.read() as work:
            asked = work.trials.in_state(TrialState.ASKED)
            begun = work.trials.in_state(TrialState.BEGUN)
        if begun:
            self._look_at_begun(begun)
        self._handed_over &= {trial.id for trial in asked}
        for trial in asked:
            if trial.is_stale(now):
                trials.finish(self._record, trial.id, TrialOutcome.EXPIRED, reason=trials.why_stale(trial), at=now)
                if trial.kind is TrialKind.CALL:
                    self._dispatcher(GiveUpTrial(trial.contact_id, trial.id))
            elif trial.kind is TrialKind.CALL:
                self._dispatcher(TryCall(trial.contact_id, trial.id))
            elif trial.id not in self._handed_over:
                self._handed_over.add(trial.id)
                self._send(trial.id)
        self._took_over = True

    def _look_at_begun(self, begun: Sequence[Trial]) -> None:
        now = self._clock.now()
        if not self._took_over:
            # What another engine began: its messages are not sent again, its calls are taken up where they are.
            trial_messages.give_up(self._record, asked_before=now, at=now)
            for trial in begun:
                if trial.kind is TrialKind.CALL:
                    self._dispatcher(TryCall(trial.contact_id, trial.id))
        elif any(trial.asked_at <= now - _RESULT_WITHIN for trial in begun):
            trial_messages.give_up(self._record, asked_before=now - _RESULT_WITHIN, at=now)

    def _send(self, trial_id: int) -> None:
        def send() -> None:
            try:
                self._courier.deliver(trial_id)
            except Exception:
                # Nobody waits for this work's future: what it raises would be lost.
                log.exception("trial_not_sent", trial_id=trial_id)

        self._executor.submit(send)
