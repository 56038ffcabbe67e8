"""ClerkActor: has the due steps of many events recorded in one transaction."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import structlog

from actors.agenda import Agenda
from actors.backlog import LATE_AFTER, Backlog, CatchUp
from actors.event import tell_if_alive
from actors.messages import LadderClimbed, LookAtLadder, LookFailed, WriteSteps
from actors.pool import ActorPool, PooledActor
from actors.timers import Timers
from gateway.metrics import STEP_LATENESS
from gateway.model.attempt import Level
from gateway.ports.clock import Clock
from gateway.ports.record import EscalationRecord, Record, RecordUnavailableError
from gateway.services.advance import Advanced, advance

log = structlog.get_logger(__name__)

# An acknowledgement of one of the events waits as long as the transaction takes: a few tens of milliseconds.
_MOST_AT_ONCE = 128
_RETRY = timedelta(seconds=1)
# So much later than expected a step of the backlog may come before the auditor wonders.
_SLACK = timedelta(seconds=60)


class Refusals(Protocol):
    """Knows which levels cannot work now."""

    def refusal(self, level: Level, *, window_open: bool, escalation: EscalationRecord) -> str | None:
        """Return why that level cannot work now, or ``None``. Does no I/O."""
        ...


class ClerkActor(PooledActor):
    """Takes looks at ladders from the events' actors and answers each with ``LadderClimbed``.

    Whatever has come in while one transaction was written goes into the next. Without the database nothing is
    decided, and nothing is lost: what was asked for is tried again. Looks that are long overdue wait in a backlog.
    """

    def __init__(
        self,
        *,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        refusals: Refusals,
        on_broken: Callable[[], None],
        agenda: Agenda | None = None,
        catch_up: CatchUp | None = None,
    ) -> None:
        super().__init__(pool=pool)
        self._record = record
        self._clock = clock
        self._timers = timers
        self._refusals = refusals
        self._on_broken = on_broken
        self._agenda = agenda or Agenda()
        self._wanted: dict[int, LookAtLadder] = {}
        self._backlog = Backlog(catch_up or CatchUp())
        self._woken = False
        self._alarm_set = False
        self._resting = False  # the database is away

    def on_receive(self, message: object) -> None:
        """Take a look, or write what is due."""
        match message:
            case LookAtLadder():
                if message.due_at is None or message.event_id not in self._wanted:
                    self._wanted[message.event_id] = message
                self._wake()
            case WriteSteps(by_alarm):
                if by_alarm:
                    self._alarm_set = self._resting = False
                else:
                    self._woken = False
                if not self._resting:
                    self._write()

    def on_fault(self, error: BaseException) -> None:
        """Without a clerk nothing moves: have the process end, its successor starts from the record."""
        log.error("clerk_failed", exc_info=error)
        self._on_broken()

    def _wake(self) -> None:
        """Have what is wanted written, behind the looks that have come in already."""
        if not self._woken and not self._resting:
            self._woken = True
            self.actor_ref.tell(WriteSteps())

    def _wake_after(self, delay: timedelta) -> None:
        if not self._alarm_set:
            self._alarm_set = True
            ref = self.actor_ref
            self._timers.after(delay, lambda: tell_if_alive(ref, WriteSteps(by_alarm=True)))

    def _write(self) -> None:
        now = self._clock.now()
        batch: dict[int, LookAtLadder] = {}
        while self._wanted and len(batch) < _MOST_AT_ONCE:
            event_id = next(iter(self._wanted))
            look = self._wanted.pop(event_id)
            if look.due_at is not None and look.due_at < now - LATE_AFTER:
                self._agenda.note(event_id, self._backlog.add(look, now) + _SLACK)
            else:
                self._backlog.drop(event_id)
                batch[event_id] = look
        batch |= {look.event_id: look for look in self._backlog.let_go(now, _MOST_AT_ONCE - len(batch))}
        try:
            self._advance(batch)
        except RecordUnavailableError as error:
            log.warning("record_unavailable", error=str(error), looks=len(batch) + len(self._wanted))
            self._wanted = batch | self._wanted
            self._resting = True
            self._wake_after(_RETRY)
            return
        self._measure(batch)
        if self._wanted:
            self._wake()
        elif (pause := self._backlog.pause()) is not None:
            self._wake_after(pause)

    def _measure(self, batch: Mapping[int, LookAtLadder]) -> None:
        now = self._clock.now()
        for look in batch.values():
            if look.due_at is not None:
                STEP_LATENESS.observe(max((now - look.due_at).total_seconds(), 0.0))

    def _advance(self, batch: Mapping[int, LookAtLadder]) -> None:
        if not batch:
            return
        try:
            self._tell(batch, self._climb(batch))
        except RecordUnavailableError:
            raise
        except Exception as error:
            if len(batch) > 1:
                # One of them has a fault: the others go on without it.
                for event_id, look in batch.items():
                    self._advance({event_id: look})
                return
            ((event_id, look),) = batch.items()
            log.exception("ladder_not_climbed", event_id=event_id)
            tell_if_alive(look.asker, LookFailed(f"{type(error).__name__}: {error}"))

    def _climb(self, batch: Mapping[int, LookAtLadder]) -> tuple[Advanced, ...]:
        return advance(
            self._record,
            {event_id: look.seen for event_id, look in batch.items()},
            refusal=lambda level, window_open, escalation: self._refusals.refusal(
                level, window_open=window_open, escalation=escalation
            ),
            now=self._clock.now,
        )

    def _tell(self, batch: Mapping[int, LookAtLadder], results: tuple[Advanced, ...]) -> None:
        for advanced in results:
            tell_if_alive(batch[advanced.event_id].asker, LadderClimbed(advanced))
