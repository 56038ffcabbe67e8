"""What is outside the engine and outlives it: the phone network and the providers, played by the test."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.ports.messages import Delivery, Message
from gateway.ports.phone import (
    LONGEST_CALL,
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    PhoneNodeDown,
    PhoneNodeUp,
    PhoneReport,
)
from gateway.ports.speech import Audio, AudioFormat
from tests.properties.clockwork import Clock

NODE, TRUNK = "pbx1", "carrier"

# Q.850's normal clearing: what a phone that was made to ring, and then not any more, is cleared with.
_NORMAL_CLEARING = 16
_NO_CIRCUIT = 34


@dataclass(slots=True)
class SimLeg:
    """A call as the phone system knows it."""

    order: CallOrder
    at: datetime
    answered_at: datetime | None = None
    ended: CallEnded | None = None
    keys: list[KeyPressed] = field(default_factory=list)

    @property
    def rang(self) -> bool:
        """Whether the callee's phone rang, or may have: trunk trouble never got that far."""
        return self.ended is None or self.ended.outcome is not CallOutcome.TRUNK_TROUBLE

    @property
    def ends_at(self) -> datetime:
        """When the phone ends it by itself, as it stands now."""
        return self.at + self.order.ring_timeout if self.answered_at is None else self.answered_at + LONGEST_CALL


class SimPbx:
    """The phone system: it outlives engines, keeps what happened, and lets no id be dialled twice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.connected = True
        self.legs: dict[str, SimLeg] = {}
        self.reports: deque[PhoneReport] = deque()
        self.on_dial: Callable[[CallOrder], None] = lambda _order: None
        self.on_dialled_again: Callable[[CallOrder], None] = lambda _order: None

    def live(self) -> list[SimLeg]:
        return [leg for leg in self.legs.values() if leg.ended is None]

    # The port.

    def trunks(self) -> Sequence[str]:
        return (TRUNK,) if self.connected else ()

    def node_of(self, trunk: str) -> str:
        assert trunk == TRUNK
        return NODE

    def place(self, order: CallOrder) -> None:
        if not self.connected:
            self._report(CallEnded(call_id=order.call_id, at=self._clock.at, outcome=CallOutcome.TRUNK_TROUBLE))
            return
        if (known := self.legs.get(order.call_id)) is not None:
            # A phone passes over an order for a leg that lives; one that has ended must never be ordered again.
            if known.ended is not None:
                self.on_dialled_again(order)
            return
        self.on_dial(order)
        self.legs[order.call_id] = SimLeg(order, self._clock.at)
        self._report(CallRinging(order.call_id, self._clock.at))

    def ends_at(self) -> list[datetime]:
        """Return when each call ends if nobody does anything."""
        return [leg.ends_at for leg in self.live()]

    def end_what_is_too_long(self) -> None:
        """Do what every phone does by itself: ring no longer than it was told to, and end each call some day."""
        for leg in self.live():
            if self._clock.at >= leg.ends_at:
                self.end(leg, CallOutcome.NO_ANSWER)

    def hang_up(self, call_id: str) -> None:
        leg = self.legs.get(call_id)
        if leg is not None and leg.ended is None and self.connected:
            self.end(leg, CallOutcome.CANCELLED if leg.answered_at is None else CallOutcome.NO_KEY)

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        self.hang_up(call_id)

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        raise AssertionError("nobody here has a PIN")

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        assert node == NODE
        if not self.connected:
            return
        for call_id in call_ids:
            leg = self.legs.get(call_id)
            if leg is None:
                self._report(CallNeverDialled(call_id))
                continue
            ringing = CallRinging(call_id, leg.at)
            self._report(ringing if leg.answered_at is None else CallAnswered(call_id, leg.answered_at))
            for key in leg.keys:
                self._report(key)
            if leg.ended is not None:
                self._report(leg.ended)

    def forget(self, call_id: str) -> None:
        pass

    # What callees and the network do.

    def answer(self, leg: SimLeg) -> None:
        if leg.ended is None and leg.answered_at is None:
            leg.answered_at = self._clock.at
            self._report(CallAnswered(leg.order.call_id, self._clock.at))

    def press(self, leg: SimLeg, digit: str) -> None:
        if leg.ended is None:
            self.answer(leg)
            key = KeyPressed(leg.order.call_id, digit, len(leg.keys) + 1, self._clock.at)
            leg.keys.append(key)
            self._report(key)

    def end(self, leg: SimLeg, outcome: CallOutcome) -> None:
        if leg.ended is None:
            answered = leg.answered_at is not None
            trouble = outcome is CallOutcome.TRUNK_TROUBLE and not answered
            leg.ended = CallEnded(
                call_id=leg.order.call_id,
                at=self._clock.at,
                outcome=CallOutcome.NO_KEY if answered else outcome,
                hangup_cause=_NO_CIRCUIT if trouble else _NORMAL_CLEARING,
                answered_at=leg.answered_at,
                billed_seconds=int((self._clock.at - leg.answered_at).total_seconds()) + 1 if leg.answered_at else 0,
            )
            self._report(leg.ended)

    def disconnect(self) -> None:
        if self.connected:
            self.connected = False
            self.reports.clear()
            self.reports.append(PhoneNodeDown(NODE, "cut"))

    def connect(self) -> None:
        if not self.connected:
            self.connected = True
            self.reports.append(PhoneNodeUp(NODE))

    def _report(self, report: PhoneReport) -> None:
        if self.connected:
            self.reports.append(report)


class SimChannel:
    """A provider: what it accepts stays sent, and its answer may be lost."""

    def __init__(self, on_send: Callable[[Message], None]) -> None:
        self._on_send = on_send
        self._sent: list[Message] = []
        self.next_results: deque[AttemptState] = deque()

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        return "window_closed" if message_level is Level.VOICE_NOTE and not window_open else None

    def find(self, message: Message, since: datetime) -> Delivery | None:
        alike = [place for place, sent in enumerate(self._sent) if _same(sent, message)]
        return self._accepted(alike[-1]) if alike else None

    def send(self, message: Message) -> Delivery:
        self._on_send(message)
        state = self.next_results.popleft() if self.next_results else AttemptState.SENT
        if state in {AttemptState.SENT, AttemptState.UNKNOWN}:
            self._sent.append(message)
        if state is AttemptState.SENT:
            return self._accepted(len(self._sent) - 1)
        return Delivery(state=state, provider="sim", reason=state.value)

    def _accepted(self, place: int) -> Delivery:
        return Delivery(state=AttemptState.SENT, provider="sim", provider_id=f"m{id(self)}-{place}")


def _same(one: Message, other: Message) -> bool:
    return (one.level, one.to, one.text, one.media_url) == (other.level, other.to, other.text, other.media_url)


class SimSpeech:
    """Speech that takes four seconds, whatever it says."""

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        return Audio(path=Path("/nowhere/a.wav"), duration=timedelta(seconds=4), engine="sim")
