"""How many calls a second go through one Asterisk: a bare client's best; the gateway offered that, and five times that.

A call here is a whole one: ordered, answered, the announcement played, 1 pressed in RTP, acknowledged, hung up. The
bare client is offered more and more until it carries no more. The gateway's trunk is then given that rate as its
``calls_per_second``, as an operator would who had measured it; the bare client and the gateway are offered that much in
turns, and at the end alerts are posted at five times the rate. Everything shares the machine's processors, the carrier
too: the processor time that each of the gateway's processes takes for a call stands beside that of all the others.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

from tests.bench.bare_calls import place
from tests.bench.plan import Plan
from tests.bench.processor_time import ProcessorTime
from tests.bench.results import Result, of_rounds
from tests.ports import free_range
from tests.telephony.carrier import DEFAULT, answers
from tests.telephony.carrier_call import CarrierCall
from tests.telephony.phone_site import Person, PhoneSite
from tests.waiting import until

_TRUNK = "carrier"
_NODE = "pbx1"
_CHANNELS = 200  # on one Asterisk of two cores, with speech in every call
_STEPS = (30.0, 40.0, 50.0, 65.0, 80.0)  # calls a second that the bare client is offered
_SECONDS = 6.0
_BETTER = 1.1  # a step that carries less than that much more is the last one
_ROUNDS = 3
_MORE = 5.0
_MORE_SECONDS = 3.0
_TARGET = 0.9
_POSTERS = 16
_LONGEST = 900.0
_QUIET = 20.0
_KEY_AFTER = 0.3
_BARE = "bare AMI client"


@dataclass(slots=True)
class _Rounds:
    """What rounds came to: calls a second, the most at once, milliseconds of processor time for a call by process."""

    rates: list[float] = field(default_factory=list)
    simultaneous: list[float] = field(default_factory=list)
    processor: list[dict[str, float]] = field(default_factory=list)

    def add(self, calls: Sequence[CarrierCall], spent: ProcessorTime) -> None:
        self.rates.append(_rate(calls))
        self.simultaneous.append(_simultaneous(calls))
        self.processor.append({name: seconds * 1000 / len(calls) for name, seconds in spent.by_process().items()})

    def spent_by(self, *processes: str) -> list[float]:
        return [sum(spent.get(name, 0.0) for name in processes) for spent in self.processor]


def measure(plan: Plan) -> Iterator[Result]:
    """Find the bare client's best, let both carry that in turns, then offer the gateway five times that."""
    ports = free_range(2000)
    with _site(plan, "best", ports, max(_STEPS)) as site:
        most = int(max(_STEPS) * plan.seconds(_SECONDS))
        people = _people(site, most, plan)
        _lay_out(site, people[0])
        offered = _bare_best(site, people, plan)
    with _site(plan, "paced", ports, offered) as site:
        count = int(offered * plan.seconds(_SECONDS))
        more_count = int(offered * _MORE * plan.seconds(_MORE_SECONDS))
        people = _people(site, max(count, more_count), plan)
        _lay_out(site, people[0])
        bare, here, more = _Rounds(), _Rounds(), _Rounds()
        for number in range(1 if plan.quick else _ROUNDS):
            plan.say(f"round {number + 1} of {_ROUNDS}, the bare client: {offered:g} calls/s")
            with ProcessorTime() as spent:
                calls = _bare(site, people[:count], offered, plan)
            bare.add(calls, spent)
            _gateway(site, people[:count], offered, plan, here)
        _gateway(site, people[:more_count], offered * _MORE, plan, more)
    for factor, rounds in ((1, here), (_MORE, more)):
        yield of_rounds(
            f"calls through one Asterisk, offered {factor:g} times the bare client's best",
            "calls/s",
            rounds.rates,
            f"{_BARE}, offered its best",
            bare.rates,
            target=lambda best: _TARGET * best,
        )
        yield of_rounds(
            f"simultaneous calls, offered {factor:g} times that",
            "calls",
            rounds.simultaneous,
            f"{_BARE}, offered its best",
            bare.simultaneous,
        )
    for name in ("engine", "web"):
        yield of_rounds(
            f"processor time for a call: the {name}",
            "ms",
            here.spent_by(name),
            "both Asterisks, the bare client",
            bare.spent_by("asterisk", "bench"),
        )


def _site(plan: Plan, name: str, ports: tuple[int, int], calls_per_second: float) -> PhoneSite:
    return _Site(
        plan.directory / name,
        {_NODE: {_TRUNK: {"max_calls": _CHANNELS, "calls_per_second": calls_per_second}}},
        policy={"call_attempts": 3, "ring_timeout": "30s", "call_gap": "20s", "retry_backoff": "5s"},
        settings={
            "lines": {"wait": "10m"},
            # The same people have one failure after the other.
            "call_caps": {"per_contact_gap": "1s", "per_contact_hour": 50, "per_number_3h": 50},
        },
        node_settings={"rtp_ports": f"{ports[0]}-{ports[1]}"},
        carrier_settings={"records": False, "rtp_ports": free_range(2000)},
    )


class _Site(PhoneSite):
    def __enter__(self) -> Self:
        super().__enter__()
        self.carriers[_TRUNK].behaviour(DEFAULT, answers(presses="1", after=_KEY_AFTER))
        return self


def _lay_out(site: PhoneSite, person: Person) -> None:
    """Place a first call: it lays the announcement out, which the bare client plays as well."""
    site.finished([site.gateway.post(person.token, title="Power failure", dedup_key="first")])


def _bare_best(site: PhoneSite, people: Sequence[Person], plan: Plan) -> float:
    """Return the calls a second at whose offer the bare client carried the most."""
    best = at = 0.0
    for offered in _STEPS:
        carried = _rate(_bare(site, people[: int(offered * plan.seconds(_SECONDS))], offered, plan))
        if carried > best:
            improved = carried / best if best else _BETTER
            best, at = carried, offered
            if improved >= _BETTER:
                continue
        break
    return at


def _bare(site: PhoneSite, people: Sequence[Person], offered: float, plan: Plan) -> list[CarrierCall]:
    carrier = site.carriers[_TRUNK]
    seen = len(carrier.invites)
    place(
        site,
        [person.number for person in people],
        trunk=_TRUNK,
        node=_NODE,
        rate=offered,
        channels=_CHANNELS,
        say=lambda count: plan.say(f"bare client, {offered:g} calls/s offered: {count} ordered"),
    )
    return carrier.invites[seen:]


def _people(site: PhoneSite, count: int, plan: Plan) -> list[Person]:
    plan.say(f"{count} people")
    # One cause, one announcement: a power failure at many sites of one customer.
    return [site.person(name="Acme") for _ in range(count)]


def _gateway(site: PhoneSite, people: Sequence[Person], offered: float, plan: Plan, rounds: _Rounds) -> None:
    """Post an alert for each of these people at that rate, and wait until everybody took theirs.

    Raises ``RuntimeError`` where somebody was missed or called twice.
    """
    carrier = site.carriers[_TRUNK]
    seen = len(carrier.invites)
    with ProcessorTime() as spent:
        _post_and_wait(site, people, offered, plan)
    calls = carrier.invites[seen:]
    twice = sum(times > 1 for times in Counter(call.number for call in calls).values())
    missed = len(people) - len({call.number for call in calls if call.pressed})
    if twice or missed:
        raise RuntimeError(f"offered {offered:.0f}/s: {missed} people not reached, {twice} called twice")
    rounds.add(calls, spent)


def _post_and_wait(site: PhoneSite, people: Sequence[Person], offered: float, plan: Plan) -> None:
    carrier, pid = site.carriers[_TRUNK], _pid(site)
    began = time.monotonic()
    another = f"failure {began}"

    def post(numbered: tuple[int, Person]) -> None:
        number, person = numbered
        threading.Event().wait(max(began + number / offered - time.monotonic(), 0))
        site.gateway.post(person.token, title="Power failure", dedup_key=another)

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
