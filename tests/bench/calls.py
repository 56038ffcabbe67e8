"""From the alert to the ringing phone, and from the key to the committed acknowledgement, on a real Asterisk.

The ladder goes straight to the call: without WhatsApp its levels are skipped, which is recorded too. Every alert is for
another contact with an announcement of its own, which has to be spoken first; one follows the other.
Times at the carrier have its milliseconds; all parts read the clock of the same machine.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.bench.database import bare_query
from tests.bench.plan import Plan
from tests.bench.results import Result, median_and_worst
from tests.site import Site
from tests.telephony.carrier import answers, rejects
from tests.telephony.carrier_ami import AmiClient, Packet
from tests.waiting import until

_WARM_UP = 2
_BARE_NUMBER = "+15559999"
_TARGET_INVITE = 1000.0  # milliseconds, medians
_TARGET_KEY = 500.0
Query = Callable[[str, object], Any]


@dataclass(slots=True)
class _Times:
    """Seconds of every alert, and of what it is compared with."""

    invites: list[float] = field(default_factory=list)
    bare_invites: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    bare_keys: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _KeysSeen:
    """When a bare AMI connection saw a key, by the call's channel."""

    at: list[float] = field(default_factory=list)

    def listen(self, packet: Packet) -> None:
        if packet.get("Event") == "UserEvent" and packet.get("UserEvent") == "TocsinKey":
            self.at.append(time.time())


def measure(plan: Plan) -> Iterator[Result]:
    """Post alerts one by one, each followed by a bare originate for comparison."""
    count = plan.count(50)
    times = _Times()
    with Site(plan.directory / "calls", settings={"twilio": None, "telegram": None}) as site:
        keys = _KeysSeen()
        site.carrier.behaviour(_BARE_NUMBER, rejects(486, rings=False))
        with site.pbx.ami(keys.listen) as ami, bare_query(site.gateway.config.database_url) as query:
            for number in range(count + _WARM_UP):
                plan.say(f"call {number + 1} of {count + _WARM_UP}")
                measured = times if number >= _WARM_UP else _Times()
                _alert(site, number, query, keys, measured)
                measured.bare_invites.append(_bare_originate(site, ami))
    yield from median_and_worst(
        f"alert posted to INVITE at the carrier, {count} calls",
        "bare AMI Originate to INVITE",
        times.invites,
        times.bare_invites,
        target=_TARGET_INVITE,
    )
    yield from median_and_worst(
        f"key pressed to acknowledgement committed, {count} calls",
        "key pressed to its AMI event on a bare connection",
        times.commits,
        times.bare_keys,
        target=_TARGET_KEY,
    )


def _alert(site: Site, number: int, query: Query, keys: _KeysSeen, times: _Times) -> None:
    gateway = site.gateway
    license_id = gateway.license(name=f"Site {number}")
    phone = site.number()
    site.carrier.behaviour(phone, answers(presses="1", after=0.8))
    gateway.contact(license_id, phone)
    token = gateway.source(license_id)
    seen = len(keys.at)
    posted = time.time()
    event_id = gateway.post(token, title=f"Gate {number} forced", body="The contact is open.")
    call = site.carrier.expect_call(phone, 20)
    times.invites.append(call.at - posted)
    call.wait_pressed(10)
    acknowledged = "SELECT 1 FROM events WHERE id = ? AND status = 'acknowledged'"
    until(lambda: query(acknowledged, event_id), 20, "the acknowledgement is committed", every=0.001)
    times.commits.append(time.time() - call.pressed[0][0])
    until(lambda: len(keys.at) > seen, 5, "the bare connection saw the key")
    times.bare_keys.append(keys.at[seen] - call.pressed[0][0])
    call.wait_ended(30)


def _bare_originate(site: Site, ami: AmiClient) -> float:
    began = time.time()
    ami.run(
        "Originate",
        Channel=f"PJSIP/{_BARE_NUMBER}@carrier",
        Context="tocsin-call",
        Exten="s",
        Priority="1",
        Async="true",
        Timeout="5000",
    )
    call = site.carrier.expect_call(_BARE_NUMBER, 10)
    call.wait_ended(10)
    return call.at - began
