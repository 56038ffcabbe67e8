"""A hundred thousand open escalations on one engine: its memory, its start, and how late their steps are.

The engine is the real one, on a real database; what it sends goes to a channel that takes as long as a provider does.
A step counts once it is on record: two levels passed over and the message to the next contact begun, each with its
entry on the chained timeline.
"""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from actors.event import EventActor
from actors.timers import Timers
from gateway.app import memory
from gateway.app.engine import Engine
from gateway.app.logs import configure_logging
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import Delivery, Message
from gateway.services.advance import Advanced
from gateway.store import migrate, open_record
from tests.bench.actors import threaded_memory
from tests.bench.apart import apart
from tests.bench.database import databases
from tests.bench.open_events import fill
from tests.bench.plan import Plan
from tests.bench.population import resident_mebibytes
from tests.bench.results import Result, percentile
from tests.waiting import until

_COUNT = {"SQLite": 100_000, "PostgreSQL": 100_000}
_PER_SECOND = 1000
_THREADS = 5000
_SECONDS = 15.0
_START_LIMIT = 180.0
_ANSWERS_AFTER = 0.2
_TARGET_MEBIBYTES = 1536.0
_TARGET_START = 60.0
_TARGET_LATE_MS = 100.0


def measure(plan: Plan) -> Iterator[Result]:
    """Fill each kind of database with open events, and run an engine on it in a process of its own."""
    seconds = plan.seconds(_SECONDS)
    plan.say("actors with a thread each")
    thread = apart(threaded_memory, plan.count(_THREADS))
    with databases(plan.directory) as each:
        for database in each:
            count = plan.count(_COUNT[database.kind])
            plan.say(f"{database.kind}, {count} open events are made")
            migrate(database.url)
            # By then they are made, and an engine has taken them up.
            begin = datetime.now(UTC) + timedelta(seconds=count / 1000 + 15)
            _fill(database.url, begin, count, round(seconds * _PER_SECOND))
            plan.say(f"{database.kind}, an engine takes up {count} open events, then {_PER_SECOND}/s are due")
            held, started, late = apart(run, database.url, str(plan.directory / database.kind), begin, seconds)
            plan.say("the same timers alone")
            bare = apart(bare_timers, count, seconds)
            what = f"{count} open escalations, {database.kind}"
            yield Result(
                name=f"open escalations in a GB, {database.kind}",
                unit="escalations/GB",
                value=count / _gigabytes(held[1] - held[0]),
                reference="idle pykka.ThreadingActors, one for each",
                reference_value=1 / _gigabytes(thread / 1024),
            )
            yield Result(
                name=f"memory of an engine, {what}",
                unit="MiB",
                value=held[1],
                reference="the same engine without events",
                reference_value=held[0],
                target=_TARGET_MEBIBYTES,
            )
            yield Result(
                name=f"start-up of an engine, {what}",
                unit="s",
                value=started[1],
                reference="a bare read of the same rows",
                reference_value=started[0],
                target=_TARGET_START,
            )
            for word, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
                yield Result(
                    name=f"lateness of a step, {word}, {_PER_SECOND} due each second, {what}",
                    unit="ms",
                    value=percentile(late, share) * 1000,
                    reference="timers that do nothing",
                    reference_value=percentile(bare, share) * 1000,
                    target=_TARGET_LATE_MS if word == "p99" else None,
                )


def run(
    database_url: str, directory: str, begin: datetime, seconds: float
) -> tuple[tuple[float, float], tuple[float, float], list[float]]:
    """Return the memory before and after the start in MiB, the bare read's and the start's seconds, the latenesses."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        return _run(database_url, Path(directory), begin, seconds, nowhere)


def bare_timers(count: int, seconds: float) -> list[float]:
    """Return by how many seconds timers that do nothing are late, of so many that wait."""
    timers, late = Timers(), list[float]()
    done = threading.Event()
    due = round(seconds * _PER_SECOND)
    begin = time.monotonic() + 3 + count / 50_000

    def note(at: float) -> None:
        late.append(time.monotonic() - at)
        if len(late) == due:
            done.set()

    for number in range(count):
        at = begin + number / _PER_SECOND if number < due else begin + 3600
        timers.after(timedelta(seconds=at - time.monotonic()), lambda at=at: note(at))  # type: ignore[misc]
    assert done.wait(seconds + 60), "not all timers fired"
    timers.stop()
    return late


def _gigabytes(mebibytes: float) -> float:
    return mebibytes * 2**20 / 10**9


class _SlowChannel:
    """A ``NotificationChannel`` that takes each message after as long as a provider's answer takes."""

    def __init__(self) -> None:
        self._pause = threading.Event()

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        return None

    def send(self, message: Message) -> Delivery:
        self._pause.wait(_ANSWERS_AFTER)
        return Delivery(state=AttemptState.SENT, provider="slow")


class _Watch:
    """Notes when the actors of events are told that their steps are on record."""

    def __init__(self, engine: Engine) -> None:
        self.standing = 0
        self.steps: dict[int, datetime] = {}
        stand = EventActor._stand

        def noted(actor: EventActor, advanced: Advanced) -> None:
            if advanced.begun:
                self.steps.setdefault(advanced.event_id, engine._clock.now())
            stand(actor, advanced)
            self.standing += 1

        EventActor._stand = noted  # type: ignore[method-assign, assignment]


def _fill(database_url: str, begin: datetime, count: int, due: int) -> None:
    record = open_record(database_url)
    later = begin + timedelta(hours=1)
    fill(record, [begin + timedelta(seconds=n / _PER_SECOND) if n < due else later for n in range(count)])
    record.close()


def _run(
    database_url: str, directory: Path, begin: datetime, seconds: float, nowhere: TextIO
) -> tuple[tuple[float, float], tuple[float, float], list[float]]:
    configure_logging({}, stream=nowhere)
    memory.collect_young_only()  # as the engine's process does
    record = open_record(database_url)
    config = Config.model_validate({"var_dir": str(directory), "database_url": database_url})
    engine = Engine(config, channels={Level.TEXT: _SlowChannel()})
    watch = _Watch(engine)
    began = time.monotonic()
    with record.read() as work:
        event_ids = work.events.unfinished_ids()
        for first in range(0, len(event_ids), 500):
            work.events.escalations(event_ids[first : first + 500])
    read = time.monotonic() - began
    before = resident_mebibytes()
    began = time.monotonic()
    engine.start()
    try:
        count = len(event_ids)
        until(lambda: watch.standing >= count, _START_LIMIT, "every event is taken up", every=0.05)
        started = time.monotonic() - began
        held = resident_mebibytes()
        due = {number: begin + timedelta(seconds=place / _PER_SECOND) for place, number in enumerate(sorted(event_ids))}
        steps = round(seconds * _PER_SECOND)
        left = (begin - engine._clock.now()).total_seconds()
        assert left > 0, "the steps were due before every event was taken up"
        until(lambda: len(watch.steps) >= steps, left + seconds + 120, "every step is on record", every=0.2)
        late = [(at - due[event_id]).total_seconds() for event_id, at in watch.steps.items()]
    finally:
        engine.stop()
        record.close()
    return (before, held), (read, started), late
