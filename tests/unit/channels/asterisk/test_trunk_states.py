"""What is told of the way to a trunk's carrier, from what Asterisk answers."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from gateway.channels.asterisk.ami_events import ContactSeen, RegistrySeen, read_event
from gateway.channels.asterisk.connection import AMIAnswer
from gateway.channels.asterisk.tasks import Tasks
from gateway.channels.asterisk.trunk_states import TrunkStates
from gateway.channels.asterisk.wire import AMITimeoutError
from gateway.config.schema import TrunkConfig
from gateway.ports.phone import TrunkReported

TRUNKS = [
    TrunkConfig(name="by-address", node="pbx1", host="192.0.2.1"),
    TrunkConfig.model_validate(
        {
            "name": "registers",
            "node": "pbx1",
            "host": "192.0.2.2",
            "username": "4711",
            "password": "secret-of-the-trunk",
        }
    ),
]


@dataclass
class FakeConnection:
    """Answers from tables."""

    states: dict[str, str]
    registrations: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    silent: bool = False

    async def act(self, name: str, headers: list[tuple[str, str]]) -> AMIAnswer:
        if self.silent:
            raise AMITimeoutError("no answer")
        variable = dict(headers)["Variable"]
        self.asked.append(variable)
        return AMIAnswer(success=True, message="", value=self.states[variable])

    async def list(self, name: str) -> AMIAnswer:
        self.asked.append(name)
        items = tuple({"ObjectName": trunk, "Status": status} for trunk, status in self.registrations.items())
        return AMIAnswer(success=True, message="", items=items)


def told(
    connection: FakeConnection, *events: ContactSeen | RegistrySeen, trunks: list[TrunkConfig] = TRUNKS
) -> list[Any]:
    """Return what is told when a connection is made, or of events where there are any."""
    reports: list[TrunkReported] = []

    async def live() -> None:
        tasks = Tasks()
        given: Any = connection
        states = TrunkStates(connection=given, tasks=tasks, trunks=trunks, listener=reports.append)
        for event in events:
            states.seen(event)
        if not events:
            states.ask()
        for _ in range(100):
            await asyncio.sleep(0)
        assert not len(tasks)

    asyncio.run(live())
    return reports


def test_when_it_is_connected_every_trunk_is_asked_about() -> None:
    connection = FakeConnection(
        {"DEVICE_STATE(PJSIP/by-address)": "UNAVAILABLE", "DEVICE_STATE(PJSIP/registers)": "NOT_INUSE"},
        {"registers": "Rejected", "of-somebody-else": "Registered"},
    )
    assert told(connection) == [
        TrunkReported(trunk="by-address", reachable=False),
        TrunkReported(trunk="registers", reachable=True),
        TrunkReported(trunk="registers", registered=False),
    ]


def test_registrations_are_asked_about_only_where_a_trunk_registers() -> None:
    connection = FakeConnection({"DEVICE_STATE(PJSIP/by-address)": "INUSE"})
    assert told(connection, trunks=TRUNKS[:1]) == [TrunkReported(trunk="by-address", reachable=True)]
    assert connection.asked == ["DEVICE_STATE(PJSIP/by-address)"]


def test_a_change_is_told_as_it_comes() -> None:
    connection = FakeConnection({}, {"registers": "Registered"})
    seen = [read_event({"Event": "ContactStatus", "AOR": aor, "ContactStatus": status}) for aor, status in CHANGES]
    events = [
        event for event in (*seen, read_event({"Event": "Registry"})) if isinstance(event, ContactSeen | RegistrySeen)
    ]
    assert told(connection, *events) == [
        TrunkReported(trunk="by-address", reachable=False),
        TrunkReported(trunk="by-address", reachable=True),
        TrunkReported(trunk="registers", registered=True),
    ]


CHANGES = [
    ("by-address", "Unreachable"),
    ("by-address", "Reachable"),
    ("by-address", "NonQualified"),  # not asked: nothing is known
    ("no-trunk-of-ours", "Unreachable"),
]


def test_an_asterisk_that_does_not_answer_says_nothing_of_its_trunks() -> None:
    assert told(FakeConnection({}, silent=True)) == []
