"""The engine on a real record, its outside replaced: supervision, lost wake-ups, late acknowledgements."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.engine import Engine
from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import Severity
from gateway.model.license import SourceKind
from gateway.ports.messages import Delivery, Message
from gateway.services import sources, tenants
from gateway.services.acknowledge import acknowledge
from gateway.services.intake import Alert, accept
from gateway.services.queries import show_event
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.waiting import until


@dataclass
class MemoryChannel:
    """A channel that keeps what it is given, after raising ``faults``. ``reached`` is set when it is to send."""

    sent: list[Message] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        if self.faults:
            raise self.faults.pop()
        return "window_closed" if message_level is Level.VOICE_NOTE and not window_open else None

    def send(self, message: Message) -> Delivery:
        self.reached.set()
        self.gate.wait(60)
        self.sent.append(message)
        return Delivery(state=AttemptState.SENT, provider="memory", provider_id=f"m{len(self.sent)}")


class Rig:
    """A record with one license, and engines on it."""

    def __init__(self, database_url: str, directory: Path) -> None:
        text = f"""
var_dir: {directory}
database_url: {database_url}
policy: {{l1_wait: 10m, retry_backoff: 200ms, events_per_minute: 1000}}
"""
        self.config: Config = parse_config(text, {})[0]
        self.record = open_record(database_url)
        self.channel = MemoryChannel()
        self.owner = MemoryChannel()
        now = datetime.now(UTC)
        license_ = tenants.add_license(self.record, self.config, name="Acme", tier="pro", at=now, owner_telegram="1001")
        self.contacts = [
            tenants.add_contact(self.record, license_id=license_.id, name=f"P{n}", phone=f"+1555012{n:04}")
            for n in range(2)
        ]
        self.tokens = SourceTokens(hash_key=b"k" * 32)
        self.token = sources.add_source(
            self.record, self.tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="s", at=now
        ).token

    def accept(self, title: str = "Alert", *, severity: Severity | None = None, ago: timedelta = timedelta()) -> int:
        accepted = accept(
            self.record,
            config=self.config,
            token_hash=self.tokens.hash(self.token),
            alert=Alert(title=title, severity=severity),
            now=datetime.now(UTC) - ago,
        )
        assert accepted.event_id is not None
        return accepted.event_id

    def show(self, event_id: int) -> dict[str, Any]:
        shown = show_event(self.record, event_id)
        assert shown is not None
        return shown

    def entry(self, event_id: int, kind: str) -> dict[str, Any] | None:
        return next((e for e in self.show(event_id)["timeline"] if e["type"] == kind), None)

    def finished(self, event_id: int) -> bool:
        with self.record.read() as work:
            return event_id not in work.events.unfinished_ids()

    @contextmanager
    def engine(self, on_broken: Callable[[], None] | None = None) -> Iterator[Engine]:
        channels = dict.fromkeys((Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN), self.channel)
        engine = Engine(self.config, channels=channels | {Level.OWNER: self.owner}, on_broken=on_broken)
        with ExitStack() as stack:
            engine.start()
            stack.callback(engine.stop)
            yield engine


@pytest.fixture
def rig(database_url: str, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(database_url, tmp_path / "var")
    yield rig
    rig.record.close()


def test_an_event_of_which_nobody_told_the_engine_is_escalated_all_the_same(rig: Rig) -> None:
    with rig.engine():
        event_id = rig.accept()  # no wake-up follows
        until(lambda: rig.channel.sent, 5, "the text is sent")
    assert rig.show(event_id)["status"] == "open"


def test_an_actor_that_fails_is_started_again_and_the_fault_is_on_the_timeline(rig: Rig) -> None:
    rig.channel.faults = [RuntimeError("the moon is full"), RuntimeError("the moon is full")]
    with rig.engine():
        event_id = rig.accept()
        until(lambda: rig.channel.sent, 10, "the text is sent after all")
        fault = until(lambda: rig.entry(event_id, "engine_fault"), 5, "the fault is on the timeline")
    assert fault is not None
    assert fault["detail"] == {"what": "RuntimeError: the moon is full"}
    assert len(rig.channel.sent) == 1


def test_an_acknowledgement_stops_the_ladder_and_stands_the_others_down(rig: Rig) -> None:
    first, _ = rig.contacts
    with rig.engine():
        event_id = rig.accept()
        until(lambda: (e := rig.entry(event_id, "attempt_result")) and e["detail"]["result"] == "sent", 5, "sent")
        acknowledge(
            rig.record,
            event_ids=[event_id],
            contact_id=None,
            by="Dana",
            via=AcknowledgedVia.ADMIN,
            at=datetime.now(UTC),
        )
        until(lambda: rig.finished(event_id), 5, "the event is finished")
    assert [(m.level, m.to) for m in rig.channel.sent] == [
        (Level.TEXT, first.whatsapp),
        (Level.STAND_DOWN, first.whatsapp),
    ]
    assert "Dana" in rig.channel.sent[1].text


def test_the_one_who_took_it_is_not_stood_down(rig: Rig) -> None:
    first, _ = rig.contacts
    with rig.engine():
        event_id = rig.accept()
        until(lambda: rig.entry(event_id, "attempt_result"), 5, "the text is sent")
        acknowledge(
            rig.record,
            event_ids=[event_id],
            contact_id=first.id,
            by=None,
            via=AcknowledgedVia.LINK,
            at=datetime.now(UTC),
        )
        until(lambda: rig.finished(event_id), 5, "the event is finished")
    assert [m.level for m in rig.channel.sent] == [Level.TEXT]


def test_a_text_in_flight_when_the_engine_stops_is_let_finish_and_not_sent_again(rig: Rig) -> None:
    rig.channel.gate.clear()
    with rig.engine():
        event_id = rig.accept()
        until(rig.channel.reached.is_set, 5, "the text is being sent")
        assert rig.entry(event_id, "attempt_started")
        threading.Timer(0.2, rig.channel.gate.set).start()
    with rig.engine():
        until(lambda: rig.entry(event_id, "attempt_result"), 5, "the result is on record")
    assert len(rig.channel.sent) == 1


def test_an_exhausted_event_that_is_acknowledged_is_taken_up_again_for_the_stand_down(rig: Rig) -> None:
    rig.config = rig.config.model_copy(
        update={"policy": rig.config.policy.model_copy(update={"l1_wait": timedelta(milliseconds=50)})}
    )
    first, second = rig.contacts
    with rig.engine():
        event_id = rig.accept()
        until(lambda: rig.show(event_id)["status"] == "exhausted", 10, "the event is exhausted")
        until(lambda: rig.finished(event_id), 5, "nothing is left to do")
        assert len(rig.owner.sent) == 1
        acknowledge(
            rig.record,
            event_ids=[event_id],
            contact_id=second.id,
            by=None,
            via=AcknowledgedVia.LINK,
            at=datetime.now(UTC),
        )
        until(lambda: len(rig.channel.sent) == 3, 5, "the other one is stood down")
        until(lambda: rig.finished(event_id), 5, "the event is finished again")
    assert (rig.channel.sent[-1].level, rig.channel.sent[-1].to) == (Level.STAND_DOWN, first.whatsapp)


def test_a_second_engine_finds_everything_and_repeats_nothing(rig: Rig) -> None:
    with rig.engine():
        event_ids = [rig.accept(f"Alert {n}") for n in range(20)]
        until(lambda: len(rig.channel.sent) == 20, 10, "all texts are sent")
    with rig.engine():
        extra = rig.accept("One more")
        until(lambda: len(rig.channel.sent) == 21, 5, "the new one is sent")
        until(lambda: rig.entry(extra, "attempt_result"), 5, "and recorded")
    assert all(rig.show(event_id)["status"] == "open" for event_id in event_ids)


def test_after_an_outage_the_gravest_alerts_go_first_and_the_rest_follows_at_its_pace(rig: Rig) -> None:
    settings = rig.config.engine.model_copy(update={"catch_up_at_once": 4, "catch_up_rate": 4})
    rig.config = rig.config.model_copy(update={"engine": settings})
    hour = timedelta(hours=1)
    for number in range(6):
        rig.accept(f"Minor {number}", severity=Severity.INFO, ago=hour - timedelta(seconds=number))
    for number in range(6):
        rig.accept(f"Grave {number}", severity=Severity.CRITICAL, ago=hour / 2 - timedelta(seconds=number))
    began = time.monotonic()
    with rig.engine():
        rig.accept("Fresh")
        until(
            lambda: "Fresh" in " ".join(message.text for message in rig.channel.sent), 5, "a new alert waits for none"
        )
        assert len(rig.channel.sent) < 13
        until(lambda: len(rig.channel.sent) == 13, 10, "all are told")
        took = time.monotonic() - began
    titles = [
        next(word for word in message.text.splitlines() if word[:5] in {"Minor", "Grave"})
        for message in rig.channel.sent
        if "Fresh" not in message.text
    ]
    # Those let go together are sent by several threads, in any order among themselves.
    assert {title[:5] for title in titles[:4]} == {"Grave"}
    assert {title[:5] for title in titles[6:]} == {"Minor"}
    assert took >= (12 - 4) / 4 - 0.2, "the rest did not come at once"
