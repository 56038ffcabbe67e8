"""The legs of a node that are under way, and what is told of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from gateway.channels.asterisk.ami_events import (
    AMIEvent,
    AnswerReported,
    ChannelHungUp,
    DialProgressed,
    EndReported,
    KeyReported,
    MachineReported,
    OperatorNoted,
)
from gateway.channels.asterisk.dialling import TrunkPace
from gateway.channels.asterisk.leg import Leg
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import (
    MESSAGE_LEFT,
    CallAnswered,
    CallEnded,
    CallRinging,
    KeyPressed,
    MachineDetected,
    OperatorReported,
    PhoneListener,
    PhoneReport,
)

log = structlog.get_logger(__name__)

_LONGEST_MEMORY = 10_000


class CallMemory(OrderedDict[str, None]):
    """The last so many call ids. The oldest give way."""

    def add(self, call_id: str) -> None:
        """Remember an id."""
        self[call_id] = None
        self.move_to_end(call_id)
        if len(self) > _LONGEST_MEMORY:
            self.popitem(last=False)

    def take(self, call_id: str) -> bool:
        """Forget an id and tell whether it was remembered."""
        if call_id not in self:
            return False
        del self[call_id]
        return True


class LegBook(dict[str, Leg]):
    """The legs by call id. Used on the loop's thread alone.

    ``ended`` remembers the legs that were this node's; ``given_up`` those that were reported as over, or as never
    dialled, without their end having been seen. ``overdue`` is called when a leg has been silent for too long.
    """

    def __init__(
        self,
        *,
        listener: PhoneListener,
        clock: Clock,
        timings: AsteriskTimings,
        paces: Mapping[str, TrunkPace],
        overdue: Callable[[Leg], None],
    ) -> None:
        super().__init__()
        self.ended = CallMemory()
        self.given_up = CallMemory()
        self._listener = listener
        self._clock = clock
        self._timings = timings
        self._paces = paces
        self._overdue = overdue

    def open(self, leg: Leg) -> None:
        """Enter a leg."""
        self[leg.call_id] = leg
        self.ended.take(leg.call_id)
        self.given_up.take(leg.call_id)

    def has(self, leg: Leg) -> bool:
        """Whether this very leg is still under way."""
        return self.get(leg.call_id) is leg

    def drop(self, leg: Leg) -> None:
        """Strike a leg out and let the trunk go on."""
        self.disarm(leg)
        if self.has(leg):
            del self[leg.call_id]
        self.ended.add(leg.call_id)
        pace = self._paces.get(leg.trunk or "")
        if pace is not None:
            pace.remove(leg.call_id)
            pace.release(leg.call_id)

    def end(self, leg: Leg, ended: CallEnded) -> None:
        """Strike a leg out and tell its end."""
        self.drop(leg)
        log.info("call_ended", call_id=leg.call_id, outcome=ended.outcome.value, trunk=leg.trunk)
        self.tell(ended)

    def end_as(self, leg: Leg, outcome: CallOutcome) -> None:
        """End a leg of which there are no causes: nothing was dialled."""
        self.end(leg, leg.ended(at=self._clock.now(), outcome=outcome))

    def end_by(self, leg: Leg, event: ChannelHungUp) -> None:
        """End a leg by what Asterisk told of it."""
        sip_cause = None if leg.was_ended_here(event) else event.sip_cause
        self.end(leg, leg.ended(at=self._clock.now(), hangup_cause=event.hangup_cause, sip_cause=sip_cause))

    def give_up(self, leg: Leg, outcome: CallOutcome) -> None:
        """End a leg whose end nobody saw."""
        self.end_as(leg, outcome)
        self.given_up.add(leg.call_id)

    def rings(self, leg: Leg) -> None:
        """Tell that a leg rings, once."""
        leg.rang = True
        if not leg.ringing_told and leg.answered_at is None:
            leg.ringing_told = True
            self.tell(CallRinging(leg.call_id, self._clock.now(), leg.post_dial_delay))

    def answered(self, leg: Leg, at: datetime | None) -> None:
        """Tell that a leg is answered, once."""
        if leg.answered_at is None:
            leg.answered_at = at or self._clock.now()
            log.info("call_answered", call_id=leg.call_id)
            self.tell(CallAnswered(leg.call_id, leg.answered_at))
            self.arm(leg)

    def note(self, leg: Leg, event: AMIEvent) -> None:
        """Tell what the network or the dialplan reports of a leg in progress; nothing for other events."""
        match event:
            case DialProgressed(at=at):
                leg.rang = True
                leg.heard(at)
            case AnswerReported(at=at):
                self.answered(leg, at)
            case KeyReported(call_id, digit, sequence, at, pin):
                self.tell(KeyPressed(call_id, digit, sequence, at or self._clock.now(), pin))
            case OperatorNoted(call_id, state, at, trunk, talked):
                self.tell(OperatorReported(call_id, state, at or self._clock.now(), trunk, talked))
            case MachineReported(call_id, at, reason, keys):
                leg.machine = leg.machine or reason != MESSAGE_LEFT
                self.tell(MachineDetected(call_id, at or self._clock.now(), reason, keys))
            case EndReported(sip_call_id=sip_call_id, hangup_cause=cause, quality=quality):
                leg.sip_call_id, leg.noted_cause, leg.quality = sip_call_id, cause, quality
            case _:
                pass

    def arm(self, leg: Leg, seconds: float | None = None) -> None:
        """Call ``overdue`` after so long, unless the leg ends before."""
        self.disarm(leg)
        if seconds is None:
            limit = self._timings.longest_call if leg.answered_at else leg.ring_timeout + self._timings.ring_margin
            seconds = limit.total_seconds()
        leg.watchdog = asyncio.get_running_loop().call_later(seconds, self._overdue, leg)

    def disarm(self, leg: Leg) -> None:
        """Watch a leg no more."""
        if leg.watchdog is not None:
            leg.watchdog.cancel()
            leg.watchdog = None

    def tell(self, report: PhoneReport) -> None:
        """Tell the listener; what it does with it is not the connection's business."""
        try:
            self._listener(report)
        except Exception:
            log.exception("phone_listener_failed", report=type(report).__name__)
