"""A gateway's Asterisk with a carrier, and a bare AMI client that places calls as the gateway does."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from gateway.ports.phone import Prompt
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Behaviour, Carrier, CarrierCall
from tests.telephony.carrier_ami import AmiClient, Packet
from tests.telephony.carrier_audio import warble
from tests.waiting import patient, until

TRUNK = "carrier-a"
PROMPTS = tuple(prompt.value for prompt in Prompt)


@dataclass(slots=True)
class Leg:
    """One originated call: its id, when it was ordered (seconds of the epoch), and what AMI answered."""

    call_id: str
    number: str
    placed_at: float
    answer: Packet


@dataclass(slots=True)
class Ended:
    """The record that a leg leaves at its end."""

    at: float
    hangup_cause: int
    tech_cause: str
    seconds: float
    answered_at: float | None
    sip_call_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        at, cause, tech, seconds, answered, sip_call_id = text.split("|")
        return cls(float(at), int(cause), tech, float(seconds), float(answered) if answered else None, sip_call_id)


@dataclass(slots=True)
class Exchange:
    """Carrier, Asterisk and AMI client together, with sounds that can be told apart."""

    directory: Path
    carrier: Carrier
    pbx: GatewayPbx
    events: list[tuple[float, Packet]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    client: AmiClient | None = None

    @classmethod
    def on(cls, directory: Path, carrier: Carrier, **trunk_settings: object) -> Self:
        config = asterisk_config({TRUNK: carrier.sip_port}, trunk_settings=trunk_settings)
        return cls(directory, carrier, GatewayPbx(config, directory))

    def __enter__(self) -> Self:
        (self.directory / "prompts").mkdir(exist_ok=True)
        for seed, name in enumerate(PROMPTS):
            warble(self.prompt(name), 0.3, seed)
        warble(self.message, 1.0, 100)
        warble(self.reply, 0.5, 101)
        self.carrier.start()
        try:
            self.pbx.start()
            self.client = self.pbx.ami(self._heard)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.client is not None:
            self.client.close()
        self.pbx.stop()
        self.carrier.stop()

    @property
    def ami(self) -> AmiClient:
        assert self.client is not None
        return self.client

    @property
    def message(self) -> Path:
        return self.directory / "message.wav"

    @property
    def reply(self) -> Path:
        return self.directory / "reply.wav"

    def prompt(self, name: str) -> Path:
        return self.directory / "prompts" / f"{name}.wav"

    def place(
        self,
        number: str,
        *behaviours: Behaviour,
        operator: str = "",
        ring_timeout: float = 3.0,
        call_id: str | None = None,
        variables: Sequence[str] = (),
    ) -> Leg:
        """Say what the subscriber will do, and call them as the gateway does."""
        if behaviours:
            self.carrier.behaviour(number, *behaviours)
        call_id = call_id or uuid.uuid4().hex
        placed_at = time.time()
        answer = self.ami.send(
            "Originate",
            (
                f"TOCSIN_CALL={call_id}",
                f"TOCSIN_MESSAGE={self.message.with_suffix('')}",
                f"TOCSIN_PROMPTS={self.directory / 'prompts'}",
                f"TOCSIN_OPERATOR={operator}",
                f"TOCSIN_TRUNK={TRUNK}",
                f"DB(tocsin/{call_id}/dialled)={placed_at:.3f}",
                "CHANNEL(hangup_handler_push)=tocsin-ended\\,s\\,1",
                *variables,
            ),
            Channel=f"PJSIP/{number}@{TRUNK}",
            ChannelId=f"tocsin-{call_id}",
            Context="tocsin-call",
            Exten="s",
            Priority=1,
            Async="true",
            Timeout=int(ring_timeout * 1000),
            CallerID="<+15550100>",
        )
        return Leg(call_id, number, placed_at, answer[0])

    def channel_of(self, leg: Leg) -> str:
        """Return the name of the leg's channel, as Redirect and Hangup take it."""
        return self.ami_event("Newchannel", lambda packet: packet["Uniqueid"] == f"tocsin-{leg.call_id}")["Channel"]

    def facts(self, leg: Leg) -> dict[str, str]:
        """Return what Asterisk's database holds of the leg, by key."""
        prefix = f"tocsin/{leg.call_id}/"
        return {key.removeprefix(prefix): value for key, value in self.ami.tree("tocsin", leg.call_id).items()}

    def keys(self, leg: Leg) -> str:
        """Return the keys of the leg in their order, as the database has them."""
        facts = self.facts(leg)
        numbers = sorted(int(key.removeprefix("keys/")) for key in facts if key.startswith("keys/"))
        assert numbers == list(range(1, len(numbers) + 1))
        return "".join(facts[f"keys/{number}"].split("|")[0] for number in numbers)

    def ended(self, leg: Leg, timeout: float = 30) -> Ended:
        """Return the leg's last record as soon as it is there."""
        return Ended.parse(
            until(
                lambda: self.facts(leg).get("ended"), timeout, f"the leg to {leg.number} leaves its record", every=0.1
            )
            or ""
        )

    def answered_call(self, leg: Leg) -> CarrierCall:
        return self.carrier.expect_call(leg.number).wait_answered()

    def ami_event(self, name: str, matches: Callable[[Packet], bool], timeout: float = 10) -> Packet:
        """Return the first AMI event of that name that matches, seen already or to come."""
        return self._event(name, matches, timeout)[1]

    def user_event(self, name: str, leg: Leg, timeout: float = 10) -> Packet:
        return self.timed_user_event(name, leg, timeout)[1]

    def timed_user_event(self, name: str, leg: Leg, timeout: float = 10) -> tuple[float, Packet]:
        """Return the leg's first user event of that name, and when it arrived (seconds of the epoch)."""
        return self._event(
            "UserEvent", lambda packet: packet["UserEvent"] == name and packet["CallId"] == leg.call_id, timeout
        )

    def _event(self, name: str, matches: Callable[[Packet], bool], timeout: float) -> tuple[float, Packet]:
        def found() -> tuple[float, Packet] | None:
            return next(((at, p) for at, p in self.events if p["Event"] == name and matches(p)), None)

        timeout = patient(timeout)
        with self.changed:
            event = self.changed.wait_for(found, timeout)
        assert event is not None, f"waited {timeout} s for {name}"
        return event

    def _heard(self, packet: Packet) -> None:
        with self.changed:
            self.events.append((time.time(), packet))
            self.changed.notify_all()
