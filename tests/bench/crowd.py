"""Thousands of open escalations on one engine, in a process of their own: the rates, and the memory they hold."""

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TextIO, TypeVar

from gateway.app.logs import configure_logging
from gateway.model.attempt import Level
from gateway.store import migrate, open_record
from tests.bench.actors import threaded_memory
from tests.bench.database import bare_commits, databases
from tests.bench.plan import Plan
from tests.bench.population import Population, resident_mebibytes
from tests.bench.results import Result
from tests.waiting import until

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST = 600.0
_COUNT = {"SQLite": 3_000, "PostgreSQL": 1_000}
_BATCH = 500
_TARGET_KIBIBYTES = 25.0  # what a thread for each would take


def measure(plan: Plan) -> Iterator[Result]:
    """Run the crowd on SQLite, and a smaller one on PostgreSQL."""
    with databases(plan.directory) as each:
        for database in each:
            count = plan.count(_COUNT[database.kind])
            plan.say(f"{database.kind}, {count} escalations")
            migrate(database.url)
            directory = str(plan.directory / f"crowd-{database.kind}")
            started, ended, kibibytes = _apart(run, database.url, directory, count)
            commits = bare_commits(database.url, 2)
            for word, value in (("accepted and started", started), ("acknowledged and finished", ended)):
                yield Result(
                    name=f"{count} escalations {word}, {database.kind}",
                    unit="escalations/s",
                    value=value,
                    reference="bare commits on one connection",
                    reference_value=commits,
                )
            yield Result(
                name=f"memory of an open escalation, {count} of them, {database.kind}",
                unit="KiB",
                value=kibibytes,
                reference="an idle pykka.ThreadingActor",
                reference_value=_apart(threaded_memory, plan.count(2_000)),
                target=_TARGET_KIBIBYTES if count >= 1_000 else None,
            )


def _apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the function in a process of its own: what this one has freed before would be counted as nothing."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *args, **kwargs).result(_LONGEST * 3)


def run(database_url: str, directory: str, count: int) -> tuple[float, float, float]:
    """Return how many escalations a second were started, how many ended, and the memory of an open one in KiB."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        return _run(database_url, Path(directory), count, nowhere)


def _run(database_url: str, directory: Path, count: int, nowhere: TextIO) -> tuple[float, float, float]:
    # Lines are written as in operation, and end in nothing.
    configure_logging({}, stream=nowhere)
    record = open_record(database_url)
    population = Population(record, database_url, directory)
    engine = population.engine()
    engine.start()
    try:
        population.alert(1)
        until(lambda: population.channel.count(Level.TEXT) == 1, 30, "the engine works")
        gc.collect()
        before = resident_mebibytes()
        began = time.monotonic()
        population.alert(count)
        until(lambda: population.channel.count(Level.TEXT) > count, _LONGEST, "all are told", every=0.05)
        until(population.is_idle, _LONGEST, "all signals are taken", every=0.05)
        started = count / (time.monotonic() - began)
        gc.collect()
        held = (resident_mebibytes() - before) * 1024 / count
        event_ids = sorted(population.events)
        began = time.monotonic()
        for first in range(0, len(event_ids), _BATCH):
            population.acknowledge(event_ids[first : first + _BATCH], who=0)
        until(lambda: population.unfinished_count() == 0, _LONGEST, "all are finished", every=0.1)
        ended = count / (time.monotonic() - began)
    finally:
        engine.stop()
        record.close()
    return started, ended, held
