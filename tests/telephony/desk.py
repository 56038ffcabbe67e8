"""The phone adapter as a thing to order calls from: its reports, waited for."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar
from uuid import uuid4

from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.config.schema import AsteriskConfig
from gateway.model.call import MachinePolicy
from gateway.ports.phone import CallOrder, PhoneNodeUp, PhoneReport, Prompt
from tests.integration.ami_rig import SystemClock
from tests.telephony.asterisk import GatewayPbx
from tests.telephony.carrier_ami import AmiClient
from tests.telephony.carrier_audio import warble
from tests.waiting import until

R = TypeVar("R")
NUMBER = "+15550123"


def with_sounds(config: AsteriskConfig, directory: Path) -> AsteriskConfig:
    """Return the configuration with its nodes' sounds kept in that directory."""
    nodes = tuple(node.model_copy(update={"sounds_dir": directory}) for node in config.nodes)
    return config.model_copy(update={"nodes": nodes})


@dataclass
class Desk:
    """An adapter, its reports, and sounds to play."""

    pbx: GatewayPbx
    config: AsteriskConfig
    message: Path
    prompts: dict[Prompt, Path]
    reports: list[PhoneReport] = field(default_factory=list)
    unfinished: set[str] = field(default_factory=set)
    phone: AsteriskPhone | None = None

    @classmethod
    def at(cls, pbx: GatewayPbx, directory: Path) -> Self:
        """Return a desk with sounds of its own, for a node whose sounds may lie below that directory."""
        directory.mkdir(parents=True, exist_ok=True)
        config = with_sounds(pbx.config, directory / "sounds")
        message = warble(directory / "message.wav", 2.0, 1)
        prompts = {prompt: warble(directory / f"{prompt}.wav", 0.5, 10 + place) for place, prompt in enumerate(Prompt)}
        return cls(pbx, config, message, prompts)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.phone is not None
        self.phone.stop()

    def open(self) -> None:
        timings = AsteriskTimings(first_pause=timedelta(milliseconds=50))
        self.phone = AsteriskPhone(
            config=self.config,
            secrets={node.name: self.pbx.secret for node in self.config.nodes},
            listener=self._listen,
            clock=SystemClock(),
            timings=timings,
        )
        self.phone.start()
        until(self.phone.ready, 20, "the phone is not ready")

    def _listen(self, report: PhoneReport) -> None:
        self.reports.append(report)
        if isinstance(report, PhoneNodeUp) and self.phone is not None:
            self.phone.look_up(report.node, self.unfinished)

    def place(
        self,
        number: str = NUMBER,
        trunk: str = "carrier-a",
        ring: float = 20,
        machine: MachinePolicy = MachinePolicy.IGNORE,
    ) -> str:
        assert self.phone is not None
        call_id = uuid4().hex
        self.phone.place(
            CallOrder(
                call_id=call_id,
                trunk=trunk,
                to_number=number,
                ring_timeout=timedelta(seconds=ring),
                language="en",
                announcement=self.message,
                prompts=self.prompts,
                machine=machine,
            )
        )
        return call_id

    def wait(self, kind: type[R], call_id: str | None = None, timeout: float = 30) -> R:
        def found() -> list[R]:
            return [
                report
                for report in list(self.reports)
                if isinstance(report, kind) and call_id in {None, getattr(report, "call_id", None)}
            ]

        return until(found, timeout, f"no {kind.__name__}: {self.reports}")[0]

    def ami(self) -> AmiClient:
        return self.pbx.ami()
