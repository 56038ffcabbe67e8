"""A contact's call in progress, from the order to dial it to its end."""

from datetime import timedelta
from typing import Any

import pykka
import structlog

from actors.calling import LONGEST_CALL, LONGEST_HANDOFF, LOOKED_UP_WITHIN, Booth, Leg
from actors.event import Tell, tell_if_alive
from actors.messages import CallOverdue, EventChanged
from actors.timers import Timers
from gateway.model.attempt import AttemptState
from gateway.ports.clock import Clock
from gateway.ports.phone import KeyPressed, Phone
from gateway.ports.record import Record
from gateway.services import call_queries, calls, keys
from gateway.services.call_safety import CallGuard
from gateway.services.keys import PinResult

log = structlog.get_logger(__name__)


class CallInProgress:
    """The leg that a contact's actor follows, if any. Used by that actor alone, ``me``."""

    def __init__(
        self,
        *,
        contact_id: int,
        me: "pykka.ActorRef[Any]",
        record: Record,
        clock: Clock,
        timers: Timers,
        phone: Phone,
        booth: Booth,
        dispatcher: Tell,
        guard: CallGuard | None = None,
    ) -> None:
        self._contact_id = contact_id
        self._guard = guard
        self._me = me
        self._record = record
        self._clock = clock
        self._timers = timers
        self._phone = phone
        self._booth = booth
        self._dispatcher = dispatcher
        self.leg: Leg | None = None

    def take_up(self) -> None:
        """Follow a call that is in progress, after a restart, and have it looked up."""
        now = self._clock.now()
        for leg in call_queries.unfinished(self._record, contact_id=self._contact_id):
            handed_off = call_queries.is_handed_off(self._record, leg.id)
            longest = LONGEST_HANDOFF if handed_off else LONGEST_CALL
            # The machine's clock may have been set meanwhile: back, and the wait would last for hours more; forward,
            # and a call in progress would look long over, and its callee's phone would ring again.
            left = min(leg.started_at + longest - now, longest)
            if left > timedelta() or call_queries.is_awaited(self._record, leg.id):
                followed = self.follow(leg.id, max(left, LOOKED_UP_WITHIN))
                followed.confirming = followed.handed_off = handed_off
                if leg.node is not None:
                    self._phone.look_up(leg.node, [leg.id])

    def follow(self, call_id: str, at_most: timedelta = LONGEST_CALL) -> Leg:
        """Wait for the leg's end for so long."""
        me, overdue = self._me, CallOverdue(self._contact_id, call_id)
        timer = self._timers.after(at_most, lambda: tell_if_alive(me, overdue))
        self.leg = Leg(call_id, timer=timer)
        return self.leg

    def release(self) -> None:
        """Follow the leg no more."""
        if self.leg is not None and self.leg.timer is not None:
            self.leg.timer.cancel()
        self.leg = None

    def of(self, call_id: str) -> Leg | None:
        """Return the leg if it is that call's."""
        return self.leg if self.leg is not None and self.leg.call_id == call_id else None

    def attempt_ids(self) -> set[int]:
        """Return the attempts that the leg makes."""
        if self.leg is None:
            return set()
        return {attempt.id for attempt in call_queries.attempts_of(self._record, self.leg.call_id)}

    def answered(self, call_id: str) -> None:
        """Take note of the answer."""
        if (leg := self.of(call_id)) is not None:
            leg.answered = True

    def pressed(self, key: KeyPressed) -> None:
        """Record a key, whichever leg it is of, and let the callee hear what it did."""
        self.answered(key.call_id)
        pressed = keys.press_key(
            self._record,
            call_id=key.call_id,
            digit=key.digit,
            sequence=key.sequence,
            at=key.at,
            pin=key.pin,
            may_connect=self._may_connect,
        )
        log.info(
            "key_pressed",
            contact_id=self._contact_id,
            call_id=key.call_id,
            digit=key.digit,
            event_ids=pressed.event_ids,
            pin=pressed.pin,
        )
        if pressed.is_refused:
            self._phone.refuse_pin(key.call_id, again=pressed.pin is not PinResult.LAST_REFUSED)
        settled = bool(pressed.acknowledged) or pressed.handed_off
        leg = self.of(key.call_id)
        if leg is not None and settled:
            leg.confirming = True
            if pressed.handed_off:
                self.handed_off(key.call_id)
        if pressed.acknowledged:
            self._booth.confirm(key.call_id, self._contact_id, pressed.acknowledged)
        for event_id in pressed.event_ids if settled else ():
            self._dispatcher(EventChanged(event_id))

    def _may_connect(self, number: str) -> bool:
        return self._guard is None or self._guard.destination_refusal(number) is None

    def handed_off(self, call_id: str) -> None:
        """Leave the callee alone with the operator, for as long as people talk."""
        leg = self.of(call_id)
        if leg is not None and not leg.handed_off:
            self.release()
            followed = self.follow(call_id, LONGEST_HANDOFF)
            followed.answered = followed.confirming = followed.handed_off = True

    def withdraw(self) -> None:
        """End a call that has no purpose any more: all that it announces is over, and nobody is speaking."""
        leg = self.leg
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

    def overdue(self, call_id: str) -> bool:
        """Give up waiting for the leg's end, not for its keys: they count whenever they are found."""
        if self.of(call_id) is None:
            return False
        log.error("call_end_not_reported", contact_id=self._contact_id, call_id=call_id)
        attempts = call_queries.attempts_of(self._record, call_id)
        calls.settle_attempts(
            self._record,
            attempt_ids=[attempt.id for attempt in attempts],
            state=AttemptState.MISSED,
            reason="end_not_reported",
            at=self._clock.now(),
        )
        self.release()
        for event_id in {attempt.event_id for attempt in attempts}:
            self._dispatcher(EventChanged(event_id))
        return True
