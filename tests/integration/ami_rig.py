"""A phone adapter connected to a fake AMI, and what it reported."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.config.schema import AsteriskConfig
from gateway.ports.phone import CallEnded, CallOrder, PhoneNodeUp, PhoneReport, Prompt
from tests.integration.fake_ami import FakeAMI
from tests.waiting import until

R = TypeVar("R")

QUICK = AsteriskTimings(
    connect=timedelta(seconds=2),
    boot=timedelta(seconds=2),
    action=timedelta(seconds=5),
    ping_interval=timedelta(milliseconds=100),
    ping=timedelta(seconds=2),
    first_pause=timedelta(milliseconds=20),
    longest_pause=timedelta(milliseconds=200),
    grace=timedelta(milliseconds=20),
    settle=timedelta(milliseconds=50),
    end_after_report=timedelta(milliseconds=200),
    ring_margin=timedelta(seconds=5),
)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Rig:
    """The adapter, the fake, and a listener that answers ``PhoneNodeUp`` with a look-up as the engine does."""

    def __init__(self, directory: Path, timings: AsteriskTimings, trunk: dict[str, object]) -> None:
        self.ami = FakeAMI().start()
        self.directory = directory
        self.sounds_dir = directory / "sounds"
        self.reports: list[PhoneReport] = []
        self.threads: set[str] = set()
        self.unfinished: set[str] = set()
        self.looks_up = True
        self.listener_fails = False
        self.sound = directory / "hello.wav"
        self.sound.write_bytes(b"RIFF hello")
        node = {"name": "pbx1", "host": "127.0.0.1", "port": self.ami.port, "sounds_dir": self.sounds_dir}
        trunks = [
            {"name": "carrier-a", "node": "pbx1", "host": "a.example", "calls_per_second": 10000, "max_calls": 10000}
            | {"caller_id": "+15550100"}
            | trunk
        ]
        config = AsteriskConfig.model_validate({"nodes": [node], "trunks": trunks})
        self.phone = AsteriskPhone(
            config=config, secrets={"pbx1": "s3cret"}, listener=self._listen, clock=SystemClock(), timings=timings
        )

    def order(self, call_id: str, **changes: object) -> CallOrder:
        order = CallOrder(
            call_id=call_id,
            trunk="carrier-a",
            to_number="+15550123",
            ring_timeout=timedelta(seconds=30),
            language="en",
            announcement=self.sound,
            prompts=dict.fromkeys(Prompt, self.sound),
        )
        return replace(order, **changes)  # type: ignore[arg-type]

    def place(self, call_id: str, **changes: object) -> None:
        """Order a call and wait until its originate has arrived."""
        self.phone.place(self.order(call_id, **changes))
        until(lambda: self.originates(call_id), 5, f"{call_id} was not originated")

    def originates(self, call_id: str) -> int:
        return sum(action["channelid"] == [f"tocsin-{call_id}"] for action in self.ami.received("Originate"))

    def of(self, kind: type[R], call_id: str | None = None) -> list[R]:
        """Return the reports of a kind, of one call where one is named."""
        return [
            report
            for report in list(self.reports)
            if isinstance(report, kind) and call_id in {None, getattr(report, "call_id", None)}
        ]

    def wait(self, kind: type[R], call_id: str | None = None, count: int = 1) -> R:
        """Wait for the ``count``-th report of a kind."""
        until(lambda: len(self.of(kind, call_id)) >= count, 10, f"no {kind.__name__} of {call_id}: {self.reports}")
        return self.of(kind, call_id)[count - 1]

    def ended(self, call_id: str) -> CallEnded:
        """Wait for the end of a call, and see that it is told once."""
        ended = self.wait(CallEnded, call_id)
        assert len(self.of(CallEnded, call_id)) == 1
        return ended

    def until_ready(self) -> None:
        until(self.phone.ready, 10, "the phone is not ready")

    def _listen(self, report: PhoneReport) -> None:
        self.reports.append(report)
        self.threads.add(threading.current_thread().name)
        if isinstance(report, PhoneNodeUp) and self.looks_up:
            self.phone.look_up(report.node, self.unfinished)
        if self.listener_fails:
            raise RuntimeError("the listener failed, as the test asked")


@contextmanager
def rig(directory: Path, timings: AsteriskTimings = QUICK, **trunk: object) -> Iterator[Rig]:
    """Yield an adapter that is connected and has been asked to look up nothing."""
    made = Rig(directory, timings, trunk)
    made.phone.start()
    try:
        made.until_ready()
        yield made
    finally:
        made.phone.stop()
        made.ami.stop()
