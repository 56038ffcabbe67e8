"""ContactActor: one person, one phone call at a time.

Calls that fall due while one is in progress are bundled into the next, which announces them all.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from actors.calling import (
    LONGEST_CALL,
    LONGEST_HANDOFF,
    LOOK_AGAIN_AFTER,
    LOOKED_UP_WITHIN,
    PATIENCE,
    Booth,
    Leg,
)
from actors.event import Tell, tell_if_alive
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
from actors.pool import ActorPool, PooledActor
from actors.timers import Timers
from gateway.model.attempt import AttemptState
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
    Phone,
    provider_of,
)
from gateway.ports.record import Record
from gateway.services import call_queries, calls
from gateway.services.due import still_wanted
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)


class ContactActor(PooledActor):
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
        call_caps: CallCaps | None = None,
    ) -> None:
        super().__init__(pool=pool)
        self._contact_id = contact_id
        self._record = record
        self._clock = clock
        self._timers = timers
        self._phone = phone
        self._booth = booth
        self._quota = quota
        self._call_caps = call_caps
        self._dispatcher = dispatcher
        self._due: dict[int, int] = {}  # attempt -> event
        self._leg: Leg | None = None
        self._preparation = 0
        self._preparing = False
        self._out_of_reach_since: datetime | None = None
        self._log = log.bind(contact_id=contact_id)

    def on_start(self) -> None:
        """Take up a call that is in progress, after a restart."""
        now = self._clock.now()
        for leg in call_queries.unfinished(self._record, contact_id=self._contact_id):
            handed_off = call_queries.is_handed_off(self._record, leg.id)
            longest = LONGEST_HANDOFF if handed_off else LONGEST_CALL
            # The machine's clock may have been set meanwhile: back, and the wait would last for hours more; forward,
            # and a call in progress would look long over, and its callee's phone would ring again.
            left = min(leg.started_at + longest - now, longest)
            if left > timedelta() or call_queries.is_awaited(self._record, leg.id):
                followed = self._follow(leg.id, max(left, LOOKED_UP_WITHIN))
                followed.confirming = followed.handed_off = handed_off
                if leg.node is not None:
                    self._phone.look_up(leg.node, [leg.id])

    def on_receive(self, message: object) -> None:
        """Handle a command or a report."""
        match message:
            case PlaceCall(_, event_id, attempt_id):
                self._place(event_id, attempt_id)
            case Withdraw(_, event_id):
                self._withdraw(event_id)
            case CallPrepared():
                self._prepared(message)
            case PhoneReported(report):
                self._reported(report)
            case PrepareAgain(preparation):
                self._prepare_again(preparation)
            case CallOverdue(_, call_id):
                self._overdue(call_id)
            case CheckCalls(_, attempt_ids):
                self._check(attempt_ids)

    def on_fault(self, error: BaseException) -> None:
        """Ask to be started again."""
        self._log.error("contact_actor_failed", exc_info=error)
        if self._leg is not None and self._leg.timer is not None:
            self._leg.timer.cancel()
        what = f"{type(error).__name__}: {error}"
        concerned = tuple(sorted(set(self._due.values())))
        self._dispatcher(ActorFailed(what, contact_id=self._contact_id, concerned_events=concerned))

    # --- what is due --------------------------------------------------------------------------------------------------

    def _place(self, event_id: int, attempt_id: int) -> None:
        in_progress = call_queries.attempts_of(self._record, self._leg.call_id) if self._leg is not None else ()
        if attempt_id not in self._due and attempt_id not in {attempt.id for attempt in in_progress}:
            self._due[attempt_id] = event_id
            self._next()

    def _check(self, attempt_ids: tuple[int, ...]) -> None:
        in_progress = call_queries.attempts_of(self._record, self._leg.call_id) if self._leg is not None else ()
        known = self._due.keys() | {attempt.id for attempt in in_progress}
        unknown = tuple(attempt_id for attempt_id in attempt_ids if attempt_id not in known)
        if unknown:
            self._dispatcher(CallsUnknown(self._contact_id, unknown))

    def _next(self) -> None:
        if self._leg is None and not self._preparing and self._due:
            self._prepare(tuple(sorted(self._due)), None)

    def _prepare(self, attempt_ids: tuple[int, ...], leg: Call | None) -> None:
        self._preparation += 1
        self._preparing = True
        self._booth.prepare(self._contact_id, self._preparation, attempt_ids, leg)

    def _prepared(self, prepared: CallPrepared) -> None:
        if prepared.preparation != self._preparation:
            return
        self._preparing = False
        self._drop_cancelled(prepared)
        if prepared.may_pass and self._worth_waiting():
            self._prepare_again_soon()
            return
        self._out_of_reach_since = None
        if self._leg is not None:
            self._dial_again(prepared)
        elif prepared.failure is not None:
            self._log.warning("call_not_placed", reason=prepared.failure, attempt_ids=prepared.attempt_ids)
            self._settle_due(prepared.attempt_ids, AttemptState.UNAVAILABLE, prepared.failure)
        elif prepared.order is not None:
            self._dial(prepared.order, prepared.attempt_ids)
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
        leg = call_queries.find(self._record, self._leg.call_id) if self._leg is not None else None
        if leg is not None:
            self._prepare(tuple(attempt.id for attempt in call_queries.attempts_of(self._record, leg.id)), leg)
        else:
            self._next()

    def _drop_cancelled(self, prepared: CallPrepared) -> None:
        """Forget what turned out to be over when the call was prepared."""
        for attempt_id in [known for known in self._due if known in prepared.asked_for]:
            if attempt_id not in prepared.attempt_ids:
                self._dispatcher(EventChanged(self._due.pop(attempt_id)))

    def _dial(self, order: CallOrder, attempt_ids: tuple[int, ...]) -> None:
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
            return
        for attempt_id in attempt_ids:
            self._due.pop(attempt_id, None)
        self._follow(order.call_id, LONGEST_CALL)
        self._log.info("call_dialled", call_id=order.call_id, trunk=order.trunk, attempt_ids=attempt_ids)
        self._phone.place(order)

    def _dial_again(self, prepared: CallPrepared) -> None:
        """Dial a leg that is on record and was never dialled, unless nobody waits for it any more."""
        leg, order = self._leg, prepared.order
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
        self._due = {attempt_id: due_for for attempt_id, due_for in self._due.items() if due_for != event_id}
        if calls.cancel_waiting(self._record, event_id=event_id, contact_id=self._contact_id, at=self._clock.now()):
            self._dispatcher(EventChanged(event_id))
        leg = self._leg
        if leg is None or leg.confirming or leg.withdrawn:
            return
        if call_queries.concerns_open_event(self._record, leg.call_id) or call_queries.is_settled(
            self._record, leg.call_id
        ):
            return
        leg.withdrawn = True
        if leg.answered:
            self._booth.stand_down(leg.call_id, self._contact_id)
        else:
            self._phone.hang_up(leg.call_id)

    def _settle_due(self, attempt_ids: "list[int] | tuple[int, ...]", state: AttemptState, reason: str) -> None:
        calls.settle_attempts(self._record, attempt_ids=attempt_ids, state=state, reason=reason, at=self._clock.now())
        for event_id in {self._due.pop(attempt_id) for attempt_id in attempt_ids if attempt_id in self._due}:
            self._dispatcher(EventChanged(event_id))

    # --- what the phone reports ---------------------------------------------------------------------------------------

    def _reported(self, report: object) -> None:
        match report:
            case CallRinging(call_id, at):
                calls.note_progress(self._record, call_id=call_id, kind=TimelineType.CALL_RINGING, at=at)
            case CallAnswered(call_id, at):
                self._answered(call_id)
                calls.note_progress(self._record, call_id=call_id, kind=TimelineType.CALL_ANSWERED, at=at)
            case KeyPressed():
                self._pressed(report)
            case CallEnded():
                self._ended(report)
            case CallNeverDialled(call_id):
                self._never_dialled(call_id)

    def _answered(self, call_id: str) -> None:
        if self._leg is not None and self._leg.call_id == call_id:
            self._leg.answered = True

    def _pressed(self, key: KeyPressed) -> None:
        self._answered(key.call_id)
        pressed = calls.press_key(self._record, call_id=key.call_id, digit=key.digit, sequence=key.sequence, at=key.at)
        self._log.info("key_pressed", call_id=key.call_id, digit=key.digit, event_ids=pressed.event_ids)
        settled = bool(pressed.acknowledged) or pressed.handed_off
        if self._leg is not None and self._leg.call_id == key.call_id and settled:
            self._leg.confirming = True
            if pressed.handed_off and not self._leg.handed_off:
                self._release(self._leg)
                followed = self._follow(key.call_id, LONGEST_HANDOFF)
                followed.answered = followed.confirming = followed.handed_off = True
        if pressed.acknowledged:
            self._booth.confirm(key.call_id, self._contact_id, pressed.acknowledged)
        for event_id in pressed.event_ids if settled else ():
            self._dispatcher(EventChanged(event_id))

    def _ended(self, report: CallEnded) -> None:
        leg = self._leg if self._leg is not None and self._leg.call_id == report.call_id else None
        if leg is not None and leg.withdrawn and report.outcome is CallOutcome.NO_KEY:
            report = replace(report, outcome=CallOutcome.CANCELLED)
        ended = calls.end_call(self._record, report, quota=self._quota)
        self._phone.forget(report.call_id)
        if leg is not None:
            self._release(leg)
        if ended is None:
            return
        self._log.info("call_ended", call_id=report.call_id, outcome=ended.outcome.value, sip_cause=report.sip_cause)
        for attempt in ended.open_attempts:
            # Another trunk, in the same attempt.
            self._due[attempt.id] = attempt.event_id
        for event_id in {attempt.event_id for attempt in ended.attempts}:
            self._dispatcher(EventChanged(event_id))
        self._next()

    def _never_dialled(self, call_id: str) -> None:
        call = call_queries.find(self._record, call_id)
        if call is None or call.ended_at is not None:
            return
        if self._leg is None or self._leg.call_id != call_id or self._leg.withdrawn:
            self._ended(CallEnded(call_id=call_id, at=self._clock.now(), outcome=CallOutcome.CANCELLED))
            return
        self._prepare(tuple(attempt.id for attempt in call_queries.attempts_of(self._record, call_id)), call)

    def _overdue(self, call_id: str) -> None:
        """Give up waiting for a leg's end, not for its keys: they count whenever they are found."""
        if self._leg is None or self._leg.call_id != call_id:
            return
        self._log.error("call_end_not_reported", call_id=call_id)
        attempts = call_queries.attempts_of(self._record, call_id)
        calls.settle_attempts(
            self._record,
            attempt_ids=[attempt.id for attempt in attempts],
            state=AttemptState.MISSED,
            reason="end_not_reported",
            at=self._clock.now(),
        )
        self._release(self._leg)
        for event_id in {attempt.event_id for attempt in attempts}:
            self._dispatcher(EventChanged(event_id))
        self._next()

    def _follow(self, call_id: str, at_most: timedelta) -> Leg:
        ref, overdue = self.actor_ref, CallOverdue(self._contact_id, call_id)
        timer = self._timers.after(at_most, lambda: tell_if_alive(ref, overdue))
        self._leg = Leg(call_id, timer=timer)
        return self._leg

    def _release(self, leg: Leg) -> None:
        if leg.timer is not None:
            leg.timer.cancel()
        self._leg = None
