"""How many alerts a second the web half makes durable, and how long a post takes, beside others that take alerts.

The floor is a Flask view under the same gunicorn that does nothing but parse the alert, insert one row and commit it,
as durably as the gateway does. Rounds of both alternate, so that what else the machine does meets both; the figures
are the medians of the rounds. Every post is another alert, in turn for another of many licenses. No engine runs.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from tests.bench.database import databases
from tests.bench.http_load import Load, post_for
from tests.bench.ingest_servers import MissingReferenceError, Server, alerta, alertmanager, bare_view, tocsin
from tests.bench.plan import Plan
from tests.bench.results import Result, of_rounds, percentile

_CONNECTIONS = (1, 16, 64)
_ROUNDS = 3
_ROUND_SECONDS = 2.5
_WARM_UP_SECONDS = 4.0
_WARM_UP_POSTS = 5  # of each sender, of whom each worker learns by itself
_OF_THE_FLOOR = 0.8
_TIMES_THE_FLOORS_P99 = 2.0
_TIMES_ALERTA = 8.0
_FLOOR = "Flask and gunicorn, one durable insert"
_POSTGRESQL = "PostgreSQL"


@dataclass(slots=True)
class _Rounds:
    """What several rounds of one server came to."""

    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)

    def add(self, server: Server, load: Load) -> None:
        if load.refused:
            raise RuntimeError(f"{server.name} refused {load.refused} posts: {load.refusal}")
        self.rates.append(load.rate)
        self.p50s.append(percentile(load.latencies, 0.5) * 1000)
        self.p99s.append(percentile(load.latencies, 0.99) * 1000)


class _Measured:
    """Rounds by server and number of connections."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._numbers = itertools.count(0, 1_000_000)
        self._rounds: dict[tuple[str, int], _Rounds] = {}

    def warm_up(self, servers: Sequence[Server]) -> None:
        """Post for a while without counting: the licenses' first alerts, connections, what is compiled once."""
        for server in servers:
            posted = 0
            while posted < _WARM_UP_POSTS * server.senders:
                seconds = self._plan.seconds(_WARM_UP_SECONDS)
                load = post_for(seconds, server.target, connections=16, first=next(self._numbers))
                posted += len(load.latencies)

    def alternate(self, what: str, servers: Sequence[Server], *, rounds: int = _ROUNDS) -> None:
        """Post to each server in turn, some rounds for each number of connections."""
        for connections in _CONNECTIONS:
            for number in range(rounds):
                self._plan.say(f"{what}, {connections} connections, round {number + 1} of {rounds}")
                for server in servers:
                    seconds = self._plan.seconds(_ROUND_SECONDS)
                    load = post_for(seconds, server.target, connections=connections, first=next(self._numbers))
                    self._rounds.setdefault((server.name, connections), _Rounds()).add(server, load)

    def of(self, name: str, connections: int) -> _Rounds | None:
        """Return the rounds; ``None`` where that server was not measured."""
        return self._rounds.get((name, connections))


def measure(plan: Plan) -> Iterator[Result]:
    """Measure on both databases; with PostgreSQL Alerta, Alertmanager, and a view that does nothing."""
    rounds = 1 if plan.quick else _ROUNDS
    with databases(plan.directory) as each:
        for database in each:
            measured = _Measured(plan)
            with ExitStack() as stack:
                floor = stack.enter_context(bare_view(database.url))
                here = stack.enter_context(tocsin(plan.directory / f"ingest-{database.kind}", database.url))
                servers = [floor, here]
                if database.kind == _POSTGRESQL:
                    servers += _entered(stack, alerta(database), plan)
                measured.warm_up(servers)
                measured.alternate(database.kind, servers, rounds=rounds)
            if database.kind == _POSTGRESQL:
                _measure_others(plan, measured)
            for connections in _CONNECTIONS:
                yield from _results(database.kind, connections, measured)


def _entered(stack: ExitStack, server: AbstractContextManager[Server], plan: Plan) -> list[Server]:
    try:
        return [stack.enter_context(server)]
    except MissingReferenceError as missing:
        plan.note(f"ingest: {missing}; the figures beside it are left out")
        return []


def _measure_others(plan: Plan, measured: _Measured) -> None:
    for other in (bare_view(None), alertmanager(plan.directory / "alertmanager")):
        with ExitStack() as stack:
            servers = _entered(stack, other, plan)
            measured.alternate("what records nothing", servers, rounds=1)


def _results(kind: str, connections: int, measured: _Measured) -> Iterator[Result]:
    here, floor = measured.of("Tocsin", connections), measured.of("bare view", connections)
    assert here is not None
    assert floor is not None
    name = f"ingest, {kind}, {connections} connection{'s' if connections > 1 else ''}"
    yield of_rounds(name, "alerts/s", here.rates, _FLOOR, floor.rates, target=lambda rate: _OF_THE_FLOOR * rate)
    yield of_rounds(f"{name}, p50", "ms", here.p50s, _FLOOR, floor.p50s)
    yield of_rounds(f"{name}, p99", "ms", here.p99s, _FLOOR, floor.p99s, target=lambda p99: _TIMES_THE_FLOORS_P99 * p99)
    for other, words, times in (
        ("Alerta", "Alerta on PostgreSQL", _TIMES_ALERTA),
        ("Alertmanager", "Alertmanager, not durable", None),
        ("nothing", "Flask and gunicorn, nothing recorded", None),
    ):
        if theirs := measured.of(other, connections):
            target = None if times is None else lambda rate, times=times: times * rate  # type: ignore[misc]
            yield of_rounds(name, "alerts/s", here.rates, words, theirs.rates, target=target)
