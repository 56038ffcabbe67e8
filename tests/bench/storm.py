"""Two thousand alerts at once, for two thousand people, through one trunk of two hundred channels.

Everything is real: alerts over HTTP, speech, SIP, RTP and the keys in it. Beside it a bare AMI client places the same
calls with the same limits on the same Asterisk, and does nothing else.
"""

import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.channels.asterisk.originate import PublishedSounds, originate_headers
from gateway.config.schema import TrunkConfig
from gateway.ports.phone import CallOrder
from tests.bench.database import bare_query
from tests.bench.plan import Plan
from tests.bench.results import Result, percentile
from tests.ports import free_range
from tests.telephony.carrier import DEFAULT, CarrierCall, answers
from tests.telephony.carrier_ami import AmiClient, Packet
from tests.telephony.phone_site import Person, PhoneSite
from tests.waiting import until

_ALERTS = 2000
_CHANNELS = 200
_RATE = 50.0
_TRUNK = "carrier"
_NODE = "pbx1"
_KEY_AFTER = 1.0
_POSTERS = 8
_LONGEST = 900.0
_TARGET_KEY = 500.0  # milliseconds, the 99th percentile
_LOOK_EVERY = 0.002
_QUIET = 10.0  # longer than any call


@dataclass(slots=True)
class _Commits:
    """When each acknowledgement was there for a reader of the database, by its event; seconds of the epoch."""

    at: dict[int, float] = field(default_factory=dict)

    @contextmanager
    def watched(self, database_url: str) -> Iterator[None]:
        """Look every two milliseconds while the context lasts."""
        done = threading.Event()

        def look() -> None:
            newest = 0
            with bare_query(database_url) as query:
                while not done.wait(_LOOK_EVERY):
                    row = query("SELECT max(id), group_concat(event_id) FROM acknowledgements WHERE id > ?", newest)
                    if row[0] is not None:
                        newest, now = row[0], time.time()
                        self.at.update(dict.fromkeys(map(int, row[1].split(",")), now))

        thread = threading.Thread(target=look, name="commits")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def measure(plan: Plan) -> Iterator[Result]:
    """Post all alerts at once and wait until everybody was called; then let the bare client do the same."""
    alerts = plan.count(_ALERTS)
    trunk = {"max_calls": _CHANNELS, "calls_per_second": _RATE}
    start, end = free_range(2000)
    with PhoneSite(
        plan.directory / "storm",
        {_NODE: {_TRUNK: trunk}},
        policy={"call_attempts": 3, "ring_timeout": "30s", "call_gap": "20s", "retry_backoff": "5s"},
        node_settings={"rtp_ports": f"{start}-{end}"},
        carrier_settings={"records": False, "rtp_ports": free_range(2000)},
    ) as site:
        carrier = site.carriers[_TRUNK]
        carrier.behaviour(DEFAULT, answers(presses="1", after=_KEY_AFTER))
        plan.say(f"{alerts} people")
        # One cause, one announcement: a power failure at many sites of one customer.
        people = [site.person(name="Acme") for _ in range(alerts)]
        pid = _pid(site)
        commits = _Commits()
        with commits.watched(site.gateway.config.database_url):
            events = _post(site, people, plan)
            _await_all(site, events, plan)
        calls = {call.number: call for call in carrier.invites}
        rang = Counter(call.number for call in carrier.invites)
        if _pid(site) != pid:
            raise RuntimeError("Asterisk did not outlive the storm")
        rate = _rate(carrier.invites)
        delays = [commits.at[event_id] - calls[number].pressed[0][0] for number, event_id in events.items()]
        plan.say("the bare client")
        seen = len(carrier.invites)
        bare_delays = _bare(site, [person.number for person in people], plan)
        bare_rate = _rate(carrier.invites[seen:])
    name = f"{alerts} alerts at once, {_CHANNELS} channels"
    bare = "bare AMI client, the same calls"
    yield Result(
        name=f"{name}: people not called or not heard",
        unit="people",
        value=sum(number not in rang for number in events) + sum(event not in commits.at for event in events.values()),
        reference=bare,
        reference_value=alerts - len(bare_delays),
        target=0,
    )
    yield Result(
        name=f"{name}: people called twice",
        unit="people",
        value=sum(count > 1 for count in rang.values()),
        reference=bare,
        reference_value=0,
        target=0,
    )
    yield Result(name=f"{name}: calls", unit="calls/s", value=rate, reference=bare, reference_value=bare_rate)
    for word, share in (("median", 0.5), ("99th percentile", 0.99)):
        yield Result(
            name=f"{name}: key pressed to acknowledgement committed, {word}",
            unit="ms",
            value=percentile(delays, share) * 1000,
            reference="key pressed to its AMI event on a bare connection",
            reference_value=percentile(bare_delays, share) * 1000,
            target=_TARGET_KEY if share > 0.5 else None,
        )


def _post(site: PhoneSite, people: list[Person], plan: Plan) -> dict[str, int]:
    """Post an alert for each, as fast as a few clients can, and return the events by the people's numbers."""
    plan.say("alerts are posted")
    with ThreadPoolExecutor(_POSTERS) as posters:
        posted = posters.map(lambda person: site.gateway.post(person.token, title="Power failure"), people)
        return {person.number: event_id for person, event_id in zip(people, posted, strict=True)}


def _await_all(site: PhoneSite, events: dict[str, int], plan: Plan) -> None:
    def open_ones() -> int:
        with site.gateway.record.read() as work:
            return len(work.events.open_ids()) + len(work.calls.unfinished())

    def over() -> bool:
        left = open_ones()
        plan.say(f"{left} of {len(events)} alerts and calls to go")
        return left == 0

    until(over, _LONGEST, "everybody was called, and took the alert", every=0.5)
    until(lambda: all(call.ended_at for call in site.carriers[_TRUNK].invites), _QUIET, "the carrier saw all ends")


def _rate(calls: list[CarrierCall]) -> float:
    """Return how many calls a second were carried, from the first INVITE to the last hangup."""
    return len(calls) / (max(call.ended_at or 0 for call in calls) - min(call.at for call in calls))


def _pid(site: PhoneSite) -> int:
    """Return the process id of the gateway's Asterisk, which answers."""
    with site.pbxes[_NODE].ami() as ami:
        ami.run("Ping")
    running = site.pbxes[_NODE].running
    assert running is not None
    os.kill(running.pid, 0)
    return running.pid


def _bare(site: PhoneSite, numbers: list[str], plan: Plan) -> list[float]:
    """Place the same calls by hand; return the seconds from each key to its event."""
    pbx, carrier = site.pbxes[_NODE], site.carriers[_TRUNK]
    seen, room = len(carrier.invites), threading.Semaphore(_CHANNELS)
    keys: dict[str, float] = {}
    ended: set[str] = set()
    number_of = {secrets.token_hex(16): number for number in numbers}

    def listen(packet: Packet) -> None:
        if packet.get("Event") == "UserEvent" and packet.get("UserEvent") == "TocsinKey":
            keys[number_of.get(packet.get("CallId", ""), "")] = time.time()
        elif packet.get("Event") == "Hangup":
            ended.add(packet.get("Uniqueid", ""))
            room.release()

    sounds, trunk = _sounds(pbx.node.sounds_dir), pbx.config.trunks[0]
    with pbx.ami(listen) as ami:
        due = time.monotonic()
        for count, (call_id, number) in enumerate(number_of.items()):
            room.acquire(timeout=_QUIET)
            due = max(due + 1 / _RATE, time.monotonic())
            threading.Event().wait(due - time.monotonic())
            _originate(ami, call_id, number, sounds, trunk)
            plan.say(f"the bare client: {count + 1} of {len(numbers)} calls")
        until(lambda: len(ended) >= len(numbers), _LONGEST, "the bare client's calls are over")
    until(lambda: all(call.ended_at for call in carrier.invites), _QUIET, "the carrier saw all ends")
    calls = {call.number: call for call in carrier.invites[seen:]}
    return [at - calls[number].pressed[0][0] for number, at in keys.items() if number in calls]


def _originate(ami: AmiClient, call_id: str, number: str, sounds: PublishedSounds, trunk: TrunkConfig) -> None:
    order = CallOrder(
        call_id=call_id,
        trunk=_TRUNK,
        to_number=number,
        ring_timeout=timedelta(seconds=30),
        language="en",
        announcement=Path("/nowhere.wav"),
        prompts={},
    )
    headers = originate_headers(order, trunk, sounds, action_id=call_id, now=datetime.now(UTC))
    variables = [value for name, value in headers if name == "Variable"]
    plain = {name: value for name, value in headers if name not in {"Variable", "ActionID"}}
    ami.run("Originate", variables, **plain)


def _sounds(directory: Path) -> PublishedSounds:
    """Return what the gateway has laid out for its own calls."""
    message = max(directory.glob("*.wav"), key=lambda file: file.stat().st_size)
    prompts = next(path for path in directory.glob("prompts-*") if path.is_dir())
    return PublishedSounds(str(message.with_suffix("")), str(prompts), message.stem)
