"""Five hundred alerts at once, for five hundred people, through one trunk of two hundred channels.

Everything is real: alerts over HTTP, speech, SIP, RTP and the keys in it. Beside it a bare AMI client places the same
calls with the same limits on the same Asterisk, and does nothing else.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.bare_calls import place
from tests.bench.database import bare_query
from tests.bench.plan import Plan
from tests.bench.results import Result, percentile
from tests.ports import free_range
from tests.telephony.carrier import DEFAULT, answers
from tests.telephony.carrier_call import CarrierCall
from tests.telephony.phone_site import Person, PhoneSite
from tests.waiting import until

_ALERTS = 500
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
        numbers = [person.number for person in people]
        bare_delays = place(
            site,
            numbers,
            trunk=_TRUNK,
            node=_NODE,
            rate=_RATE,
            channels=_CHANNELS,
            say=lambda count: plan.say(f"the bare client: {count} of {len(numbers)} calls"),
        )
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
