"""Ten thousand open escalations on one engine: none is missed, none is told twice, and threads stay few."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from gateway.app.engine import Engine
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import EventStatus
from gateway.ports.record import Record
from gateway.store import open_record
from tests.bench.population import Population, resident_mebibytes
from tests.waiting import until

MANY = {"sqlite": 10_000, "postgresql": 1_000}
RESTARTED = 300
BATCH = 500
# No assertion on speed: a bound for a run that hangs.
LONGEST = 150


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep a line for every step of every escalation out of the test's report."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    yield
    structlog.configure(**before)


@pytest.fixture
def opened(database_url: str) -> Iterator[Record]:
    record = open_record(database_url)
    yield record
    record.close()


@contextmanager
def running(population: Population) -> Iterator[Engine]:
    engine = population.engine()
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
    assert not engine.broken


class Stopwatch:
    """Prints how long each stage took."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._began = time.monotonic()

    def lap(self, stage: str) -> None:
        took = time.monotonic() - self._began
        print(f"{stage}: {took:.1f} s ({self._count / took:.0f}/s), {resident_mebibytes():.0f} MiB")
        self._began = time.monotonic()


def all_texts_sent(population: Population, count: int) -> None:
    until(lambda: population.channel.count(Level.TEXT) >= count, LONGEST, "every first text is sent", every=0.05)
    until(population.is_idle, LONGEST, "every signal is taken", every=0.05)


@pytest.mark.timeout(400)
def test_every_one_of_ten_thousand_escalations_is_told_held_and_ended_once(
    opened: Record, database_url: str, tmp_path: Path
) -> None:
    count = MANY[database_url.partition(":")[0].partition("+")[0]]
    population = Population(opened, database_url, tmp_path)
    gc.collect()
    print(f"\nbefore: {resident_mebibytes():.0f} MiB")
    watch = Stopwatch(count)
    population.alert(count // 2)
    watch.lap("half of them accepted while no engine runs")
    with running(population) as engine:
        threads = threading.active_count()
        population.alert(count - count // 2)
        watch.lap("the other half accepted while it starts them")
        all_texts_sent(population, count)
        until(lambda: settled(population, count), LONGEST, "every result is recorded", every=0.2)
        watch.lap("started")
        assert set(population.channel.sent.values()) == {1}, "each text is sent once"

        until(lambda: engine._timers.pending() >= count, LONGEST, "every escalation waits for its next step")
        assert population.open_count() == count
        assert threading.active_count() <= threads + population.config.engine.io_threads
        population.alert(1)
        all_texts_sent(population, count + 1)  # the crowd holds nobody up
        watch.lap("held")

        event_ids = sorted(population.events)
        theirs, others = event_ids[::2], event_ids[1::2]
        acknowledging = threading.Thread(target=acknowledge_all, args=(population, theirs, others))
        acknowledging.start()
        acknowledging.join(LONGEST)
        assert not acknowledging.is_alive()
        watch.lap("acknowledged")
        until(lambda: population.unfinished_count() == 0, LONGEST, "every escalation is finished", every=0.1)
        watch.lap("finished")
    gc.collect()
    print(f"after: {resident_mebibytes():.0f} MiB")

    assert set(population.channel.sent.values()) == {1}, "nothing is sent twice"
    told = {title for level, title, _ in population.channel.sent if level is Level.STAND_DOWN}
    assert told == {population.events[event_id][1] for event_id in others}, "who took it is not told that it is over"
    assert population.channel.count(Level.TEXT) == count + 1
    with opened.read() as work:
        for event_id in event_ids:
            event = work.events.get(event_id)
            assert event is not None
            assert event.status is EventStatus.ACKNOWLEDGED


def test_a_restart_with_many_open_escalations_sends_nothing_again(
    opened: Record, database_url: str, tmp_path: Path
) -> None:
    population = Population(opened, database_url, tmp_path)
    with running(population):
        population.alert(RESTARTED)
        all_texts_sent(population, RESTARTED)
        until(lambda: settled(population, RESTARTED), LONGEST, "every result is recorded", every=0.2)
    watch = Stopwatch(RESTARTED)
    with running(population) as engine:
        until(lambda: engine._timers.pending() >= RESTARTED, LONGEST, "every escalation waits again")
        watch.lap("taken up again")
        population.alert(1)
        all_texts_sent(population, RESTARTED + 1)
        assert population.open_count() == RESTARTED + 1
        assert population.channel.count(Level.TEXT) == RESTARTED + 1
        assert set(population.channel.sent.values()) == {1}
        population.acknowledge(sorted(population.events), who=0)
        until(lambda: population.unfinished_count() == 0, LONGEST, "every escalation is finished", every=0.1)
    assert population.channel.count(Level.STAND_DOWN) == 0


def acknowledge_all(population: Population, theirs: list[int], others: list[int]) -> None:
    """Acknowledge some as the contact who was told, and the rest as the other one."""
    for who, event_ids in enumerate((theirs, others)):
        for first in range(0, len(event_ids), BATCH):
            population.acknowledge(event_ids[first : first + BATCH], who=who)


def settled(population: Population, count: int) -> bool:
    """Tell whether the result of that many texts is on record, one attempt for each event."""
    with population.record.read() as work:
        newest = max(population.events)
        if not any(attempt.state is AttemptState.SENT for attempt in work.attempts.of_event(newest)):
            return False
        attempts = [work.attempts.of_event(event_id) for event_id in population.events]
    return len(attempts) == count and all(
        len(of_event) == 1 and of_event[0].state is AttemptState.SENT for of_event in attempts
    )
