"""ContactActor: one person, one phone call at a time.

Calls that fall due while one is in progress, or while it waits for a line, are bundled into the next, which announces
them all.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from actors.call_in_progress import CallInProgress
from actors.calling import LINE_WAIT, LOOK_AGAIN_AFTER, Booth
from actors.due_calls import DueCalls
from actors.event import Tell, tell_if_alive
from actors.line_messages import (
    AskerFailed,
    LineAlive,
    LineEnded,
    LineGranted,
    LineRefused,
    LineUnused,
    WaitedForLine,
)
from actors.messages import (
    ActorFailed,
    CallOverdue,
    CallPrepared,
    CallsUnknown,
    CheckCalls,
    EventChanged,
    PhoneReported,
    PlaceCall,
    PrepareAgain,
    Withdraw,
)
from actors.patience import PatientActor
from actors.pool import ActorPool
from actors.timers import Timers
from gateway.model.call import Call, CallOutcome
from gateway.model.caps import CallCaps
from gateway.model.timeline import TimelineType
from gateway.ports.clock import Clock
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    MachineDetected,
    OperatorReported,
    OperatorState,
    Phone,
    SoundsMissing,
    provider_of,
)
from gateway.ports.record import Record
from gateway.services import call_queries, call_reports, calls
from gateway.services.call_safety import CallGuard
from gateway.services.due import still_wanted
from gateway.services.lines import PATIENCE, Line
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)


class ContactActor(PatientActor):
    """Calls one person, about everything that is due, one call at a time."""

    def __init__(
        self,
        *,
        contact_id: int,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        phone: Phone,
        booth: Booth,
        quota: VoiceQuota,
        dispatcher: Tell,
        switchboard: Tell,
        call_caps: CallCaps | None = None,
        guard: CallGuard | None = None,
        line_wait: timedelta = LINE_WAIT,
    ) -> None:
        super().__init__(pool=pool, timers=timers)
        self._contact_id = contact_id
        self._record = record
        self._clock = clock
        self._timers = timers
        self._phone = phone
        self._booth = booth
        self._quota = quota
        self._call_caps = call_caps
        self._dispatcher = dispatcher
        self._switchboard = switchboard
        self._due = DueCalls(
            contact_id=contact_id,
            me=self.actor_ref,
            record=record,
            clock=clock,
            timers=timers,
            dispatcher=dispatcher,
            switchboard=switchboard,
            guard=guard,
            line_wait=line_wait,
        )
        self._call = CallInProgress(
            contact_id=contact_id,
            me=self.actor_ref,
            record=record,
            clock=clock,
            timers=timers,
            phone=phone,
            booth=booth,
            dispatcher=dispatcher,
            guard=guard,
        )
        self._line: Line | None = None  # granted, and not dialled yet
        self._preparation = 0
        self._preparing = False
        self._out_of_reach_since: datetime | None = None
        self._log = log.bind(contact_id=contact_id)

    def begin(self) -> None:
        """Take up a call that is in progress, after a restart."""
        self._call.release()
        self._call.take_up()

    def handle(self, message: object) -> None:
        """Handle a command or a report."""
        match message:
            case PlaceCall(_, event_id, attempt_id):
                self._place(event_id, attempt_id)
            case Withdraw(_, event_id):
                self._withdraw(event_id)
            case LineGranted() | LineRefused() | WaitedForLine():
                self._line_answered(message)
            case CallPrepared():
                self._prepared(message)
            case PrepareAgain(preparation):
                self._prepare_again(preparation)
            case PhoneReported(report):
                self._reported(report)
            case CallOverdue(_, call_id):
                if self._call.overdue(call_id):
                    self._next()
            case CheckCalls(_, attempt_ids):
                self._check(attempt_ids)

    def recovered(self, messages: tuple[object, ...]) -> None:
        """Ask for a line again, and have the events looked at whose calls may have been cancelled at the first try."""
        for message in messages:
            if isinstance(message, Withdraw):
                self._dispatcher(EventChanged(message.event_id))
        self._next()

    def on_fault(self, error: BaseException) -> None:
        """Ask to be started again."""
        self._log.error("contact_actor_failed", exc_info=error)
        self._call.release()
        self._switchboard(AskerFailed(self._contact_id))
        what = f"{type(error).__name__}: {error}"
        self._dispatcher(ActorFailed(what, contact_id=self._contact_id, concerned_events=self._due.event_ids))

    # --- what is due --------------------------------------------------------------------------------------------------

    def _place(self, event_id: int, attempt_id: int) -> None:
        if attempt_id not in self._due.attempt_ids and attempt_id not in self._call.attempt_ids():
            self._due.add(attempt_id, event_id)
            self._next()

    def _check(self, attempt_ids: tuple[int, ...]) -> None:
        known = {*self._due.attempt_ids} | self._call.attempt_ids()
        unknown = tuple(attempt_id for attempt_id in attempt_ids if attempt_id not in known)
        if unknown:
            self._dispatcher(CallsUnknown(self._contact_id, unknown))

    def _next(self) -> None:
        if self._call.leg is None and not self._preparing:
            self._due.ask()

    def _line_answered(self, answer: LineGranted | LineRefused | WaitedForLine) -> None:
        attempt_ids = self._due.attempt_ids
        match answer:
            case LineRefused(reason):
                self._due.refused(reason)
            case WaitedForLine():
                self._due.waited()
            case LineGranted(line) if not attempt_ids or self._call.leg is not None or self._preparing:
                self._switchboard(LineUnused(line.call_id))
            case LineGranted(line):
                self._due.granted()
                self._line = line
                self._prepare(attempt_ids, line)

    def _prepare(self, attempt_ids: tuple[int, ...], way: Line | Call) -> None:
        self._preparation += 1
        self._preparing = True
        self._booth.prepare(self._contact_id, self._preparation, attempt_ids, way)

    def _prepared(self, prepared: CallPrepared) -> None:
        if prepared.preparation != self._preparation:
            return
        self._preparing = False
        if prepared.record_away:
            self._prepare_again_soon()
            return
        # What turned out to be over when the call was prepared.
        self._due.drop(set(prepared.asked_for) - set(prepared.attempt_ids))
        if prepared.may_pass and self._call.leg is not None and self._worth_waiting():
            self._prepare_again_soon()
            return
        self._out_of_reach_since = None
        if self._call.leg is not None:
            self._dial_again(prepared)
            return
        if prepared.failure is not None:
            self._due.give_up(prepared.attempt_ids, prepared.failure)
        dialled = prepared.order is not None and self._dial(prepared.order, prepared.attempt_ids)
        line, self._line = self._line, None
        if line is not None and not dialled:
            self._switchboard(LineUnused(line.call_id))
        self._next()

    def _worth_waiting(self) -> bool:
        """Tell whether the phone systems have been out of reach for a moment only."""
        self._out_of_reach_since = self._out_of_reach_since or self._clock.now()
        return self._clock.now() - self._out_of_reach_since < PATIENCE

    def _prepare_again_soon(self) -> None:
        self._preparing = True
        ref, again = self.actor_ref, PrepareAgain(self._preparation)
        self._timers.after(LOOK_AGAIN_AFTER, lambda: tell_if_alive(ref, again))

    def _prepare_again(self, preparation: int) -> None:
        if preparation != self._preparation:
            return
        self._preparing = False
        leg = call_queries.find(self._record, self._call.leg.call_id) if self._call.leg is not None else None
        if leg is not None:
            self._prepare(tuple(attempt.id for attempt in call_queries.attempts_of(self._record, leg.id)), leg)
        elif self._line is not None:
            self._prepare(self._due.attempt_ids, self._line)
        else:
            self._next()

    def _dial(self, order: CallOrder, attempt_ids: tuple[int, ...]) -> bool:
        # Recorded first: if the process ends after this, the next one asks the phone system about this id.
        begun = calls.begin_call(
            self._record,
            call_id=order.call_id,
            contact_id=self._contact_id,
            attempt_ids=attempt_ids,
            provider=provider_of(order.trunk),
            node=self._phone.node_of(order.trunk),
            trunk=order.trunk,
            to_number=order.to_number,
            longest=order.longest,
            quota=self._quota,
            call_caps=self._call_caps,
            at=self._clock.now(),
        )
        if not begun:
            return False
        waited = round(self._due.dialled(attempt_ids).total_seconds(), 3)
        self._call.follow(order.call_id)
        self._log.info(
            "call_dialled", call_id=order.call_id, trunk=order.trunk, attempt_ids=attempt_ids, waited_seconds=waited
        )
        self._phone.place(order)
        return True

    def _dial_again(self, prepared: CallPrepared) -> None:
        """Dial a leg that is on record and was never dialled, unless nobody waits for it any more."""
        leg, order = self._call.leg, prepared.order
        if leg is None:
            return
        if order is not None and still_wanted(self._record, leg.call_id, self._clock.now()):
            self._log.info("call_dialled", call_id=leg.call_id, trunk=order.trunk, again=True)
            self._phone.place(order)
            return
        outcome = CallOutcome.CANCELLED if prepared.failure is None else CallOutcome.TRUNK_TROUBLE
        self._ended(CallEnded(call_id=leg.call_id, at=self._clock.now(), outcome=outcome))

    def _withdraw(self, event_id: int) -> None:
        # Taken from the record: after a restart nobody has asked this actor for a call about it.
        self._due.drop_event(event_id)
        if calls.cancel_waiting(self._record, event_id=event_id, contact_id=self._contact_id, at=self._clock.now()):
            self._dispatcher(EventChanged(event_id))
        self._call.withdraw()

    # --- what the phone reports ---------------------------------------------------------------------------------------

    def _reported(self, report: object) -> None:
        match report:
            case CallRinging(call_id, at, delay):
                self._switchboard(LineAlive(call_id))
                kind = TimelineType.CALL_RINGING
                calls.note_progress(self._record, call_id=call_id, kind=kind, at=at, post_dial_delay=delay)
            case CallAnswered(call_id, at):
                self._switchboard(LineAlive(call_id))
                self._call.answered(call_id)
                calls.note_progress(self._record, call_id=call_id, kind=TimelineType.CALL_ANSWERED, at=at)
            case KeyPressed():
                self._call.pressed(report)
            case OperatorReported(call_id, state):
                if state in {OperatorState.DIALLING, OperatorState.CONNECTED}:
                    self._call.handed_off(call_id)
                if report.trunk is not None:
                    call_reports.note_operator(self._record, report)
            case MachineDetected() | SoundsMissing():
                call_reports.note(self._record, report)
            case CallEnded():
                self._ended(report)
            case CallNeverDialled(call_id):
                self._never_dialled(call_id)

    def _ended(self, report: CallEnded) -> None:
        leg = self._call.of(report.call_id)
        if leg is not None and leg.withdrawn and report.outcome is CallOutcome.NO_KEY:
            report = replace(report, outcome=CallOutcome.CANCELLED)
        ended = calls.end_call(self._record, report, quota=self._quota)
        self._phone.forget(report.call_id)
        self._switchboard(LineEnded(report))
        if leg is not None:
            self._call.release()
        if ended is None:
            return
        self._log.info("call_ended", call_id=report.call_id, outcome=ended.outcome.value, sip_cause=report.sip_cause)
        for attempt in ended.open_attempts:
            # Another trunk, in the same attempt.
            self._due.add(attempt.id, attempt.event_id)
        for event_id in {attempt.event_id for attempt in ended.attempts}:
            self._dispatcher(EventChanged(event_id))
        self._next()

    def _never_dialled(self, call_id: str) -> None:
        call = call_queries.find(self._record, call_id)
        if call is None or call.ended_at is not None:
            return
        leg = self._call.of(call_id)
        if leg is None or leg.withdrawn:
            self._ended(CallEnded(call_id=call_id, at=self._clock.now(), outcome=CallOutcome.CANCELLED))
            return
        self._prepare(tuple(attempt.id for attempt in call_queries.attempts_of(self._record, call_id)), call)
