"""The phone over Twilio at a desk of its own, with a Twilio that reports nothing to the gateway."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from gateway.channels.twilio.voice import TwilioPhone
from gateway.channels.twilio.voice_leg import VoiceTimings
from gateway.config.schema import TwilioConfig
from gateway.model.call import Call
from gateway.ports.phone import (
    CallEnded,
    CallOrder,
    PhoneReport,
    Prompt,
)
from gateway.ports.record import RecordUnavailableError
from tests.clouds import FakeTwilio
from tests.clouds.twilio_callee import VoiceCall
from tests.waiting import until

NUMBER, VOICE_FROM = "+15550123", "+15550100"
FAST = VoiceTimings(
    search_every=timedelta(milliseconds=100),
    lost_after=timedelta(seconds=1),
    look_every=timedelta(milliseconds=200),
    after_ringing=timedelta(0),
)


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class NowhereToCall:
    """Addresses at which nobody is: Twilio's callbacks are lost."""

    def answer(self, order: CallOrder) -> str:
        return f"http://127.0.0.1:9/answer?call={order.call_id}"

    def status(self, order: CallOrder) -> str:
        return f"http://127.0.0.1:9/status?call={order.call_id}"

    def sound(self, path: Path) -> str:
        return f"http://127.0.0.1:9/{path.name}"


@dataclass
class Book:
    """The record, as far as this phone sees it."""

    calls: dict[str, Call] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    away: bool = False

    def find(self, call_id: str) -> Call | None:
        if self.away:
            raise RecordUnavailableError("away")
        return self.calls.get(call_id)

    def keep(self, call_id: str, provider_call_id: str) -> None:
        if self.away:
            raise RecordUnavailableError("away")
        if (call := self.calls.get(call_id)) is not None:
            self.calls[call_id] = replace(call, provider_call_id=provider_call_id)

    def is_taken(self, provider_call_id: str) -> bool:
        return provider_call_id in self.taken


@dataclass
class Desk:
    """A phone, the Twilio that it calls through, and what it has reported."""

    twilio: FakeTwilio
    directory: Path
    timings: VoiceTimings = FAST
    book: Book = field(default_factory=Book)
    reports: list[PhoneReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.phone = self.new_phone()

    def new_phone(self) -> TwilioPhone:
        config = TwilioConfig.model_validate(
            {
                "account_sid": self.twilio.account_sid,
                "auth_token": self.twilio.auth_token,
                "api_base": self.twilio.api_base,
                "voice_from": VOICE_FROM,
                "timeout": "900ms",
            }
        )
        return TwilioPhone(
            config=config,
            addresses=NowhereToCall(),
            book=self.book,
            listener=self.reports.append,
            clock=Clock(),
            timings=self.timings,
        )

    def order(self, *, ring: float = 30, **values: object) -> CallOrder:
        """Make an order whose leg is on record, as the one who gives it does first."""
        sound = self.directory / "said.wav"
        sound.write_bytes(b"said")
        call_id = uuid4().hex
        self.book.calls[call_id] = Call(
            id=call_id,
            license_id=1,
            contact_id=1,
            provider="twilio",
            node="twilio",
            trunk="twilio",
            to_number=NUMBER,
            started_at=datetime.now(UTC),
        )
        order = CallOrder(
            call_id=call_id,
            trunk="twilio",
            to_number=NUMBER,
            ring_timeout=timedelta(seconds=ring),
            language="en",
            announcement=sound,
            prompts=dict.fromkeys(Prompt, sound),
        )
        return replace(order, **values)  # type: ignore[arg-type]

    def place(self, **values: object) -> CallOrder:
        order = self.order(**values)  # type: ignore[arg-type]
        self.phone.place(order)
        return order

    def placed(self, **values: object) -> tuple[CallOrder, VoiceCall]:
        order = self.place(**values)
        return order, self.twilio.voice.expect_call(NUMBER)

    def ended(self, order: CallOrder, timeout: float = 10) -> CallEnded:
        """Return the report of the leg's end, of which there is one."""

        def found() -> list[CallEnded]:
            return [each for each in self.reports if isinstance(each, CallEnded) and each.call_id == order.call_id]

        (end,) = until(found, timeout, f"the leg has ended: {self.reports}") or []
        return end

    def reported(self, kind: type[PhoneReport], timeout: float = 10) -> None:
        until(lambda: any(isinstance(each, kind) for each in self.reports), timeout, f"{kind.__name__} is reported")
