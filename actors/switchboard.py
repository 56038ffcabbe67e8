"""SwitchboardActor: hands out the trunks' lines, a thin shell over ``gateway.services.lines``."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pykka
import structlog

from actors.event import tell_if_alive
from actors.line_messages import (
    AskerFailed,
    AskForLine,
    CompareLines,
    LineAlive,
    LineEnded,
    LineGranted,
    LineRefused,
    LineUnused,
    LookAtLines,
    TellLines,
    WithdrawRequest,
)
from actors.pool import ActorPool, PooledActor
from actors.timers import Timer, Timers
from gateway.model.call import Call, CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.heartbeats import LinesState
from gateway.ports.phone import TrunkReported
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services import line_history
from gateway.services.lines import Line, Lines

log = structlog.get_logger(__name__)

_COMPARE_EVERY = timedelta(seconds=30)
# What was granted so long ago is dialled and on record, or will not be.
_GRANT_LASTS = timedelta(minutes=2)
_RETRY = timedelta(seconds=1)


class SwitchboardActor(PooledActor):
    """Tells those who asked for a line when they have one.

    It remembers nothing that matters: who has somebody to call asks again after a restart, and the lines in use are
    the legs on record without an end. ``trunks`` are those whose past says something of their health. ``on_told`` is
    given how the lines are whenever that is asked for; it must not block.
    """

    def __init__(
        self,
        *,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        lines: Lines,
        trunks: Sequence[str],
        on_broken: Callable[[], None],
        on_told: Callable[[LinesState], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(pool=pool)
        self._record = record
        self._clock = clock
        self._timers = timers
        self._lines = lines
        self._trunks = trunks
        self._on_broken = on_broken
        self._on_told = on_told
        self._monotonic = monotonic
        self._askers: dict[int, pykka.ActorRef[Any]] = {}
        self._loaded = False
        self._timer: Timer | None = None
        self._comparing: Timer | None = None

    def on_start(self) -> None:
        """Take the lines that are in use, and how the trunks did, from the record."""
        self._load()

    def on_receive(self, message: object) -> None:
        """Take a message, then hand out what there is."""
        if isinstance(message, TellLines):
            if self._loaded:
                self._on_told(self._lines.state())
            return
        self._take(message)
        self._hand_out()

    def _take(self, message: object) -> None:
        match message:
            case AskForLine(request, asker):
                self._askers[request.contact_id] = asker
                self._lines.ask(request)
            case WithdrawRequest(contact_id):
                self._forget(contact_id)
            case LineUnused(call_id):
                self._lines.free(call_id)
            case LineAlive(call_id):
                self._lines.prove(call_id)
            case LineEnded():
                self._ended(message)
            case AskerFailed(contact_id):
                self._forget(contact_id)
                self._compare([line.call_id for line in self._lines.held_by(contact_id)], timedelta())
            case TrunkReported():
                self._reached(message)
            case CompareLines():
                self._comparing = None
                self._compare(list(self._lines.held()), _GRANT_LASTS)
            case LookAtLines() if not self._loaded:
                self._load()

    def on_fault(self, error: BaseException) -> None:
        """Without a switchboard nobody is called: have the process end, its successor starts from the record."""
        log.error("switchboard_failed", exc_info=error)
        self._on_broken()

    def _load(self) -> None:
        now = self._clock.now()
        try:
            legs = line_history.in_progress(self._record, now)
            past = {trunk: line_history.newest(self._record, trunk, now) for trunk in self._trunks}
        except RecordUnavailableError as error:
            log.warning("record_unavailable", error=str(error))
            return
        for leg in legs:
            if leg.trunk is not None:
                self._lines.occupy(
                    Line(call_id=leg.id, trunk=leg.trunk, contact_id=leg.contact_id), since=self._of(leg)
                )
        for trunk, calls in past.items():
            for call in calls:
                self._remember(trunk, call)
        self._loaded = True
        log.info("lines_taken_up", in_use=len(legs))

    def _remember(self, trunk: str, call: Call) -> None:
        silent = call.sip_cause is None and call.hangup_cause is None
        if call.outcome is None or call.ended_at is None or (silent and call.outcome is CallOutcome.TRUNK_TROUBLE):
            return
        delay = call.post_dial_delay_ms
        self._lines.health.end(
            trunk,
            call.id,
            outcome=call.outcome,
            at=call.ended_at,
            answered=call.answered_at is not None,
            post_dial_delay=None if delay is None else timedelta(milliseconds=delay),
            began=self._of(call),
        )

    def _of(self, call: Call) -> float:
        """Return when a call on record began, by the monotonic clock."""
        return self._monotonic() - max((self._clock.now() - call.started_at).total_seconds(), 0.0)

    def _ended(self, ended: LineEnded) -> None:
        report = ended.report
        self._lines.end(
            report.call_id,
            outcome=report.outcome,
            at=report.at,
            answered=report.answered_at is not None,
            post_dial_delay=report.post_dial_delay,
            network_said=report.sip_cause is not None or report.hangup_cause is not None,
        )

    def _reached(self, reached: TrunkReported) -> None:
        if reached.reachable is not None:
            self._lines.health.mark_reachable(reached.trunk, reachable=reached.reachable)
        if reached.registered is not None:
            self._lines.health.mark_registered(reached.trunk, registered=reached.registered)

    def _forget(self, contact_id: int) -> None:
        self._lines.withdraw(contact_id)
        self._askers.pop(contact_id, None)

    def _compare(self, call_ids: Sequence[str], at_least: timedelta) -> None:
        """Free the lines whose leg is over, and those that were granted so long ago and have no leg on record."""
        held = self._lines.held()
        try:
            going_on = {leg.id for leg in line_history.in_progress(self._record, self._clock.now())}
            recorded = line_history.recorded(self._record, set(call_ids) - going_on)
        except RecordUnavailableError as error:
            log.warning("record_unavailable", error=str(error))
            return
        for call_id in set(call_ids) - going_on:
            if call_id in recorded or self._monotonic() - held[call_id] >= at_least.total_seconds():
                self._lines.free(call_id)
                log.info("line_taken_back", call_id=call_id)

    def _hand_out(self) -> None:
        if self._loaded:
            granted, refused = self._lines.decide()
            for line in granted:
                self._answer(line.contact_id, LineGranted(line), line)
            for refusal in refused:
                self._answer(refusal.contact_id, LineRefused(refusal.reason), None)
        self._set_timers()

    def _answer(self, contact_id: int, answer: object, line: Line | None) -> None:
        asker = self._askers.pop(contact_id, None)
        try:
            if asker is not None:
                asker.tell(answer)
                return
        except pykka.ActorDeadError:
            log.debug("asker_gone", contact_id=contact_id)
        if line is not None:
            self._lines.free(line.call_id)

    def _set_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seconds = self._lines.seconds_to_look() if self._loaded else _RETRY.total_seconds()
        ref = self.actor_ref
        if seconds is not None:
            self._timer = self._timers.after(timedelta(seconds=seconds), lambda: tell_if_alive(ref, LookAtLines()))
        if self._comparing is None and self._lines.held():
            self._comparing = self._timers.after(_COMPARE_EVERY, lambda: tell_if_alive(ref, CompareLines()))
