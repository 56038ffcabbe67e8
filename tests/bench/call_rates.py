"""How many calls a second go through one Asterisk: a bare client's best, and the gateway offered five times that.

A call here is a whole one: ordered, answered, the announcement played, 1 pressed in RTP, acknowledged, hung up. The
bare client is offered more and more until it carries no more. The gateway's trunk is then given that rate as its
``calls_per_second``, as an operator would who had measured it, and alerts are posted at that rate and at five times it.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.bench.bare_calls import place
from tests.bench.plan import Plan
from tests.bench.results import Result
from tests.ports import free_range
from tests.telephony.carrier import DEFAULT, answers
from tests.telephony.carrier_call import CarrierCall
from tests.telephony.phone_site import Person, PhoneSite
from tests.waiting import until

_TRUNK = "carrier"
_NODE = "pbx1"
_CHANNELS = 200  # on one Asterisk of two cores, with speech in every call
_STEPS = (10.0, 20.0, 30.0, 40.0, 60.0, 80.0)  # calls a second that the bare client is offered
_SECONDS = 8.0
_BETTER = 1.1  # a step that carries less than that much more is the last one
_FACTORS = (1.0, 5.0)
_TARGET = 0.9
_POSTERS = 16
_LONGEST = 900.0
_QUIET = 20.0
_KEY_AFTER = 0.3


def measure(plan: Plan) -> Iterator[Result]:
    """Find the bare client's best, then offer the gateway as much, and five times that."""
    seconds = plan.seconds(_SECONDS)
    start, end = free_range(2000)
    with PhoneSite(
        plan.directory / "rates",
        {_NODE: {_TRUNK: {"max_calls": _CHANNELS, "calls_per_second": max(_STEPS)}}},
        policy={"call_attempts": 3, "ring_timeout": "30s", "call_gap": "20s", "retry_backoff": "5s"},
        node_settings={"rtp_ports": f"{start}-{end}"},
        carrier_settings={"records": False, "rtp_ports": free_range(2000)},
    ) as site:
        site.carriers[_TRUNK].behaviour(DEFAULT, answers(presses="1", after=_KEY_AFTER))
        most = int(max(_STEPS) * seconds)
        people = _people(site, max(most, 20), plan)
        # The first call lays the announcement out, which the bare client plays as well.
        site.finished([site.gateway.post(people[0].token, title="Power failure", dedup_key="first")])
        best, simultaneous, delivered = _bare_best(site, people, seconds, plan)
        yield Result(
            name="simultaneous calls through one Asterisk, the bare client at its best",
            unit="calls",
            value=simultaneous,
            reference="the trunk's channels",
            reference_value=_CHANNELS,
        )
    pace = delivered
    with PhoneSite(
        plan.directory / "paced",
        {_NODE: {_TRUNK: {"max_calls": _CHANNELS, "calls_per_second": round(pace, 1)}}},
        policy={"call_attempts": 3, "ring_timeout": "30s", "call_gap": "20s", "retry_backoff": "5s"},
        settings={"lines": {"wait": "10m"}},
        node_settings={"rtp_ports": f"{start}-{end}"},
        carrier_settings={"records": False, "rtp_ports": free_range(2000)},
    ) as site:
        site.carriers[_TRUNK].behaviour(DEFAULT, answers(presses="1", after=_KEY_AFTER))
        for factor in _FACTORS:
            offered = best * factor
            people = _people(site, int(offered * seconds), plan)
            calls = _gateway(site, people, offered, plan)
            twice = sum(count > 1 for count in Counter(call.number for call in calls).values())
            missed = len(people) - len({call.number for call in calls if call.pressed})
            if twice or missed:
                raise RuntimeError(f"offered {offered:.0f}/s: {missed} people not reached, {twice} called twice")
            yield Result(
                name=f"calls, offered {factor:g} times the bare client's best ({len(people)} alerts)",
                unit="calls/s",
                value=_rate(calls),
                reference="bare AMI client, its best",
                reference_value=best,
                target=_TARGET * best,
            )
            yield Result(
                name=f"simultaneous calls, offered {factor:g} times that",
                unit="calls",
                value=_simultaneous(calls),
                reference="bare AMI client, its best",
                reference_value=simultaneous,
            )


def _bare_best(site: PhoneSite, people: Sequence[Person], seconds: float, plan: Plan) -> tuple[float, int, float]:
    """Return the most calls a second that were carried, how many of them at once, and at which offer."""
    carrier = site.carriers[_TRUNK]
    best, simultaneous, at = 0.0, 0, 0.0
    for offered in _STEPS:
        seen = len(carrier.invites)
        numbers = [person.number for person in people[: int(offered * seconds)]]
        place(
            site,
            numbers,
            trunk=_TRUNK,
            node=_NODE,
            rate=offered,
            channels=_CHANNELS,
            say=lambda count, offered=offered: plan.say(f"bare client, {offered:g} calls/s offered: {count} ordered"),  # type: ignore[misc]
        )
        calls = carrier.invites[seen:]
        carried = _rate(calls)
        if carried > best:
            improved = carried / best if best else _BETTER
            best, simultaneous, at = carried, _simultaneous(calls), offered
            if improved >= _BETTER:
                continue
        break
    return best, simultaneous, at


def _people(site: PhoneSite, count: int, plan: Plan) -> list[Person]:
    plan.say(f"{count} people")
    # One cause, one announcement: a power failure at many sites of one customer.
    return [site.person(name="Acme") for _ in range(count)]


def _gateway(site: PhoneSite, people: Sequence[Person], offered: float, plan: Plan) -> list[CarrierCall]:
    """Post an alert for each at that rate, wait until everybody took theirs, and return the calls."""
    carrier = site.carriers[_TRUNK]
    seen, pid = len(carrier.invites), _pid(site)
    began = time.monotonic()

    def post(numbered: tuple[int, Person]) -> None:
        number, person = numbered
        threading.Event().wait(max(began + number / offered - time.monotonic(), 0))
        site.gateway.post(person.token, title="Power failure")

    plan.say(f"{offered:.0f} alerts/s")
    with ThreadPoolExecutor(_POSTERS) as posters:
        list(posters.map(post, enumerate(people)))

    def over() -> bool:
        with site.gateway.record.read() as work:
            left = len(work.events.open_ids()) + len(work.calls.unfinished())
        plan.say(f"{offered:.0f} alerts/s: {left} alerts and calls to go")
        return left == 0

    until(over, _LONGEST, "everybody was called, and took the alert", every=0.5)
    until(lambda: all(call.ended_at for call in carrier.invites), _QUIET, "the carrier saw all ends")
    if _pid(site) != pid:
        raise RuntimeError("Asterisk did not outlive the load")
    return carrier.invites[seen:]


def _rate(calls: Sequence[CarrierCall]) -> float:
    """Return how many calls a second began, over the middle of the run: neither its start nor its end is a rate."""
    starts = sorted(call.at for call in calls)
    cut = len(starts) // 10
    middle = starts[cut : len(starts) - cut]
    return (len(middle) - 1) / (middle[-1] - middle[0])


def _simultaneous(calls: Sequence[CarrierCall]) -> int:
    """Return the most calls that were up at one moment."""
    moments = sorted([(call.at, 1) for call in calls] + [(call.ended_at or call.at, -1) for call in calls])
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def _pid(site: PhoneSite) -> int:
    running = site.pbxes[_NODE].running
    assert running is not None
    os.kill(running.pid, 0)
    return running.pid
