"""A gateway with several trunks, on one Asterisk or more, each trunk to a carrier of its own; no cloud at all.

Without WhatsApp the ladder goes straight to the call, so that what is seen is the choice of lines.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gateway.config.schema import AsteriskConfig
from tests.gateway import FAST, Gateway
from tests.site import as_settings, with_sounds
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Behaviour, Carrier, CarrierCall
from tests.waiting import until

QUICK_LADDER = dict(FAST) | {"call_attempts": 3, "call_gap": "300ms"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a license and an alert source of their own: an alert there is theirs alone."""

    number: str
    token: str
    license_id: int
    contact_id: int


class PhoneSite:
    """The installation, as a context manager. ``nodes`` maps each Asterisk to its trunks and their settings.

    Every trunk has a carrier of its own, by its name in ``carriers``.
    """

    def __init__(
        self,
        directory: Path,
        nodes: Mapping[str, Mapping[str, Mapping[str, object]]],
        *,
        policy: Mapping[str, object] | None = None,
        settings: Mapping[str, Any] | None = None,
        node_settings: Mapping[str, object] | None = None,
        carrier_settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self._nodes = nodes
        self._policy = QUICK_LADDER | dict(policy or {})
        self._settings = dict(settings or {})
        self._node_settings = dict(node_settings or {})
        self._carrier_settings = dict(carrier_settings or {})
        self._parts = ExitStack()
        self._numbers = 0
        self.carriers: dict[str, Carrier] = {}
        self.pbxes: dict[str, GatewayPbx] = {}
        self.gateway: Gateway

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            rendered: list[AsteriskConfig] = []
            for node, trunks in self._nodes.items():
                for trunk in trunks:
                    self.carriers[trunk] = parts.enter_context(
                        Carrier(self.directory / f"carrier-{trunk}", **self._carrier_settings)
                    )
                config = asterisk_config(
                    {trunk: self.carriers[trunk].sip_port for trunk in trunks},
                    name=node,
                    each=trunks,
                    node_settings=self._node_settings,
                )
                config = with_sounds(config, self.directory / f"sounds-{node}")
                rendered.append(config)
                self.pbxes[node] = parts.enter_context(GatewayPbx(config, self.directory / node))
            both = [as_settings(config) for config in rendered]
            asterisk = {key: [each for config in both for each in config[key]] for key in ("nodes", "trunks")}
            settings = {"asterisk": asterisk, "policy": self._policy} | self._settings
            self.gateway = parts.enter_context(Gateway(self.directory / "gateway", settings))
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def number(self) -> str:
        """Return a phone number that nobody else has."""
        self._numbers += 1
        return f"+1555{self._numbers + 4000:07}"

    def person(self, number: str | None = None, **license_values: object) -> Person:
        """Make somebody, with a number that nobody else has."""
        number = number or self.number()
        license_id = self.gateway.license(**{"name": f"Site {self._numbers}"} | license_values)
        contact = self.gateway.contact(license_id, number)
        return Person(number, self.gateway.source(license_id), license_id, contact.id)

    def people(self, count: int, behaviour: Behaviour) -> list[Person]:
        """Make so many, who all do the same."""
        people = [self.person() for _ in range(count)]
        for person in people:
            self.does(person, behaviour)
        return people

    def does(self, person: Person, *each: Behaviour, trunk: str | None = None) -> None:
        """Say what somebody does with calls that come through a trunk, or through any."""
        for name, carrier in self.carriers.items():
            if trunk in {None, name}:
                carrier.behaviour(person.number, *each)

    def calls_to(self, number: str) -> list[tuple[str, CarrierCall]]:
        """Return all calls to a number that the carriers saw, with their trunk, in their order."""
        seen = [(name, call) for name, carrier in self.carriers.items() for call in carrier.invites]
        return sorted(((name, call) for name, call in seen if call.number == number), key=lambda item: item[1].at)

    def ways(self, event_id: int) -> list[tuple[str, str | None]]:
        """Return the trunk and the outcome of each leg of an event."""
        return [(call["trunk"], call["outcome"]) for call in self.gateway.event(event_id)["calls"]]

    def phone_attempts(self, event_id: int) -> list[tuple[str, str | None]]:
        """Return the state and the reason of each attempt to call about an event."""
        attempts = self.gateway.event(event_id)["attempts"]
        return [(each["state"], each["reason"]) for each in attempts if each["channel"] == "phone"]

    def finished(self, event_ids: Sequence[int], timeout: float = 60) -> None:
        """Wait until nothing is left to do for these events, nor any call in progress, and claim their calls."""

        def over() -> bool:
            with self.gateway.record.read() as work:
                return not (set(event_ids) & set(work.events.unfinished_ids())) and not work.calls.unfinished()

        until(over, timeout, f"all is over\n{self.gateway.story(event_ids[0])}", every=0.1)

    def said(self, event: str, **values: object) -> bool:
        """Tell whether the gateway has logged that."""
        words = [f'"event": "{event}"', *(f'"{key}": {_json(value)}' for key, value in values.items())]
        lines = self.gateway.log.read_text(encoding="utf-8").splitlines()
        return any(all(word in line for word in words) for line in lines)

    def kill(self, node: str) -> None:
        """Kill an Asterisk as a power cut would."""
        running = self.pbxes[node].running
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
