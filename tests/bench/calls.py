"""From the alert to the ringing phone, from the key to the record, from the record to the phone that stops ringing.

On a real Asterisk, one alert after the other: first with nothing else to do, then while ten other alerts a second are
posted, called and taken. The ladder goes straight to the call: without WhatsApp its levels are skipped, which is
recorded too. Every alert that is measured is for another contact with an announcement of its own, which has to be
spoken first. Beside each stands a bare AMI client that does the same on the same Asterisk at the same time.
Times at the carrier have its milliseconds; all parts read the clock of the same machine.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.services.acknowledge import acknowledge
from gateway.store.wakeup import make_wakeup
from tests.bench.database import bare_commits, bare_query
from tests.bench.plan import Plan
from tests.bench.results import Result, p50_and_p99
from tests.ports import free_range
from tests.telephony.carrier import answers, rejects, rings_out
from tests.telephony.carrier_ami import AmiClient, Packet
from tests.telephony.phone_site import PhoneSite
from tests.waiting import until

_WARM_UP = 3
_COUNT = 40
_STAYS = 1.0  # seconds after the key, in which it is on record
_BACKGROUND = 10.0  # alerts a second
_TRUNK = "carrier"
_NODE = "pbx1"
_BUSY, _RINGING = "+15559999", "+15559998"
_TARGET_INVITE = 100.0  # milliseconds, the 99th percentile, with nothing else to do
_TARGET_KEY = 50.0
_TARGET_CANCEL = 100.0
_TAKEN = "SELECT 1 FROM events WHERE id = ? AND status = 'acknowledged'"
Query = Callable[[str, object], Any]


@dataclass(slots=True)
class _Times:
    """Seconds of every alert, and of what it is compared with."""

    invites: list[float] = field(default_factory=list)
    bare_invites: list[float] = field(default_factory=list)
    presses: list[float] = field(default_factory=list)
    bare_presses: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    cancels: list[float] = field(default_factory=list)
    bare_cancels: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _KeysSeen:
    """When a bare AMI connection saw the key of a call, by the call's id."""

    at: dict[str, float] = field(default_factory=dict)

    def listen(self, packet: Packet) -> None:
        if packet.get("Event") == "UserEvent" and packet.get("UserEvent") == "TocsinKey":
            self.at[packet.get("CallId", "")] = time.time()


@dataclass(frozen=True, slots=True)
class _Bench:
    site: PhoneSite
    ami: AmiClient
    query: Query
    keys: _KeysSeen


def measure(plan: Plan) -> Iterator[Result]:
    """Post alerts one by one, each followed by the bare client, idle and under load."""
    count = plan.count(_COUNT)
    start, end = free_range(1000)
    with PhoneSite(
        plan.directory / "calls",
        {_NODE: {_TRUNK: {"max_calls": 150, "calls_per_second": 50}}},
        policy={"ring_timeout": "30s"},
        node_settings={"rtp_ports": f"{start}-{end}"},
        carrier_settings={"records": False, "rtp_ports": free_range(1000)},
    ) as site:
        keys, carrier = _KeysSeen(), site.carriers[_TRUNK]
        carrier.behaviour(_BUSY, rejects(486, rings=False))
        carrier.behaviour(_RINGING, rings_out())
        url = site.gateway.config.database_url
        with site.pbxes[_NODE].ami(keys.listen) as ami, bare_query(url) as query:
            bench = _Bench(site, ami, query, keys)
            commit_seconds = 1 / bare_commits(url, 2)
            for load, context in (("idle", nullcontext()), (f"{_BACKGROUND:g} other alerts/s", _others(site))):
                times = _Times()
                with context:
                    for number in range(count + _WARM_UP):
                        plan.say(f"{load}: alert {number + 1} of {count + _WARM_UP}")
                        _one(bench, f"{load} {number}", times if number >= _WARM_UP else _Times())
                yield from _results(f"{load}, {count} calls", times, commit_seconds, has_targets=load == "idle")


def _results(load: str, times: _Times, commit_seconds: float, *, has_targets: bool) -> Iterator[Result]:
    rows = (
        ("alert posted to INVITE", times.invites, "bare AMI Originate to INVITE", times.bare_invites, _TARGET_INVITE),
        ("key pressed to record", times.presses, "key pressed to its bare AMI event", times.bare_presses, None),
        ("key's AMI event to record", times.commits, "a bare commit", [commit_seconds], _TARGET_KEY),
        ("record to CANCEL", times.cancels, "bare AMI Hangup to CANCEL", times.bare_cancels, _TARGET_CANCEL),
    )
    for name, values, reference, references, target in rows:
        yield from p50_and_p99(f"{name}, {load}", reference, values, references, target=target if has_targets else None)


def _one(bench: _Bench, name: str, times: _Times) -> None:
    _answered(bench, name, times)
    times.bare_invites.append(_bare_originate(bench))
    _cancelled(bench, name, times)
    times.bare_cancels.append(_bare_cancel(bench))


def _answered(bench: _Bench, name: str, times: _Times) -> None:
    site, gateway = bench.site, bench.site.gateway
    person = site.person(name=f"Site {name}")
    site.does(person, answers(presses="1", after=0.3, stays=_STAYS))
    posted = time.time()
    event_id = gateway.post(person.token, title=f"Gate {name} forced", body="The contact is open.")
    call = site.carriers[_TRUNK].expect_call(person.number, 20)
    times.invites.append(call.at - posted)
    call.wait_pressed(10)
    until(lambda: bench.query(_TAKEN, event_id), 20, "the acknowledgement is committed", every=0.001)
    committed, pressed = time.time(), call.pressed[0][0]
    call_id = gateway.event(event_id)["calls"][0]["id"]
    until(lambda: call_id in bench.keys.at, 5, "the bare connection saw the key")
    times.presses.append(committed - pressed)
    times.bare_presses.append(bench.keys.at[call_id] - pressed)
    times.commits.append(max(committed - bench.keys.at[call_id], 0.0))
    call.wait_ended(30)


def _cancelled(bench: _Bench, name: str, times: _Times) -> None:
    """Have a phone ring, take the alert elsewhere, and see when it stops."""
    site, gateway = bench.site, bench.site.gateway
    person = site.person(name=f"Yard {name}")
    site.does(person, rings_out())
    event_id = gateway.post(person.token, title=f"Yard {name} forced")
    call = site.carriers[_TRUNK].expect_call(person.number, 20)
    until(lambda: gateway.event(event_id)["calls"][0]["ringing_at"], 10, "it rings")
    acknowledge(
        gateway.record,
        event_ids=[event_id],
        contact_id=None,
        by="bench",
        via=AcknowledgedVia.ADMIN,
        at=datetime.now(UTC),
    )
    committed = time.time()
    # As the web does after its commit.
    make_wakeup(gateway.config.database_url).notify()
    call.wait_ended(30)
    times.cancels.append((call.ended_at or committed) - committed)


def _bare_originate(bench: _Bench) -> float:
    began = time.time()
    _dial(bench.ami, _BUSY, "bare-busy")
    call = bench.site.carriers[_TRUNK].expect_call(_BUSY, 10)
    call.wait_ended(10)
    return call.at - began


def _bare_cancel(bench: _Bench) -> float:
    channel = f"bare-{time.monotonic_ns()}"
    _dial(bench.ami, _RINGING, channel)
    call = bench.site.carriers[_TRUNK].expect_call(_RINGING, 10)

    def is_ringing() -> bool:
        seen = bench.ami.send("CoreShowChannels")
        return any(one.get("Uniqueid") == channel and one.get("ChannelStateDesc") == "Ringing" for one in seen)

    until(is_ringing, 10, "the bare call rings")
    name = next(one["Channel"] for one in bench.ami.send("CoreShowChannels") if one.get("Uniqueid") == channel)
    began = time.time()
    bench.ami.run("Hangup", Channel=name)
    call.wait_ended(10)
    return (call.ended_at or began) - began


def _dial(ami: AmiClient, number: str, channel: str) -> None:
    ami.run(
        "Originate",
        Channel=f"PJSIP/{number}@{_TRUNK}",
        Context="tocsin-call",
        Exten="s",
        Priority="1",
        Async="true",
        Timeout="20000",
        ChannelId=channel,
    )


@contextmanager
def _others(site: PhoneSite) -> Iterator[None]:
    """Post other alerts meanwhile, each for somebody who answers and takes it."""
    done = threading.Event()
    people = site.people(200, answers(presses="1", after=1.0))

    def post() -> None:
        number, due = 0, time.monotonic()
        while not done.wait(max(due - time.monotonic(), 0)):
            site.gateway.post(people[number % len(people)].token, title="Power failure", dedup_key=str(number))
            number, due = number + 1, due + 1 / _BACKGROUND

    thread = threading.Thread(target=post, name="other alerts")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
