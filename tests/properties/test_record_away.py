"""The record goes away at any step of an escalation, for any time, and comes back: in a world whose time is the test's.

Real databases, disks and phones are in ``tests/telephony/test_record_faults.py``; here is every step in between.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.messages import LookForSignals
from gateway.model.call import Call, CallOutcome
from gateway.model.event import EventStatus
from gateway.ports.record import RecordUnavailableError, UnitOfWork
from gateway.store import SqlRecord
from tests.properties.outside import SimLeg
from tests.properties.stage import Stage
from tests.properties.test_engine_properties import MEMORY
from tests.properties.world import World

EXAMPLES = int(os.environ.get("TOCSIN_PROPERTY_EXAMPLES", "40"))
SOON = timedelta(seconds=5)


class Trouble(StrEnum):
    """How the record fails the engine."""

    AWAY = "away"  # nothing can be read or written
    FULL = "full"  # what is there can be read
    UNSURE = "unsure"  # away, and its last word was not heard: the commit has happened


class FickleRecord:
    """The record, as seen by an engine that it may fail. The world itself always reaches it."""

    def __init__(self, record: SqlRecord) -> None:
        self._record = record
        self.trouble: Trouble | None = None
        self.failures = 0

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        trouble = self.trouble
        if trouble is Trouble.AWAY:
            self._fail()
        with self._record.write() as work:
            commit = work.commit

            def fickle() -> None:
                if trouble is not Trouble.FULL:
                    commit()
                if trouble is Trouble.UNSURE:
                    self.trouble = Trouble.AWAY
                if trouble is not None:
                    self._fail()

            work.commit = fickle  # type: ignore[method-assign]
            yield work

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        if self.trouble is Trouble.AWAY:
            self._fail()
        with self._record.read() as work:
            yield work

    def check(self) -> None:
        self._record.check()

    def _fail(self) -> NoReturn:
        self.failures += 1
        raise RecordUnavailableError("away")


class FickleWorld(World):
    """A world whose engine's record comes and goes, and whose engine lives through it."""

    def start_engine(self) -> None:
        record = self.record
        self.fickle = FickleRecord(record)
        self.record = cast("Any", self.fickle)
        super().start_engine()
        self.record = record

    def move(self) -> bool:
        """Let the next thing happen that can happen at this moment of time; false where there is none."""
        if self.engine.pool.due:
            self.engine.pool.run()
        elif self.pbx.reports:
            self.report()
        elif self.engine.executor.due:
            self.engine.executor.run()
        else:
            return False
        return True

    def step(self) -> None:
        """Let the next thing happen, later where there is nothing to do now."""
        if self.move():
            return
        with self.record.read() as work:
            waiting = bool(work.signals.pending(1))
        if waiting:
            self.engine.tell(LookForSignals())
        else:
            self._pass_time(self.clock.at + timedelta(minutes=1))

    def endure(self, length: timedelta) -> None:
        """Let time pass without a record."""
        end = self.clock.at + length
        while self.clock.at < end:
            self._pass_time(end)
            while self.move():
                pass
        # That it could not look is no fault that the auditor has found.
        self.laws.violations[:] = [each for each in self.laws.violations if "the database is away" not in each]

    def _pass_time(self, until: datetime) -> None:
        self.clock.at = min([until, *self.pbx.ends_at(), self.engine.timers.next_at() or until])
        self.pbx.end_what_is_too_long()
        self.engine.timers.fire()

    def press(self, leg: SimLeg) -> set[int]:
        """Let the callee press 1, and return the events that they take by it."""
        self.pbx.press(leg, "1")
        with self.record.read() as work:
            announced = {attempt.event_id for attempt in work.attempts.of_call(leg.order.call_id)}
        return {event_id for event_id in announced if self.status(event_id) is EventStatus.OPEN}

    def recorded(self, leg: SimLeg) -> Call:
        """Return the leg as it is recorded."""
        with self.record.read() as work:
            call = work.calls.get(leg.order.call_id)
        assert call is not None
        return call


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for the record in the reader's time."""
    monkeypatch.setattr("gateway.services.results._RECORD_RETRY_SECONDS", 0)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="tocsin-away-", dir=MEMORY) as directory:
        stage = Stage(Path(directory))
        yield stage
        stage.record.close()


@given(
    steps=st.integers(0, 120),
    trouble=st.sampled_from(Trouble),
    seconds=st.sampled_from([1, 8, 90]),
    presses=st.booleans(),
    hangs_up=st.sampled_from(["never", "meanwhile", "at once afterwards"]),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_record_misses_is_made_up_for(
    *, stage: Stage, steps: int, trouble: Trouble, seconds: int, presses: bool, hangs_up: str
) -> None:
    world = FickleWorld(stage)
    try:
        world.post(world.tenancy.licenses[0], "a")
        for _ in range(steps):
            world.step()
        outlast(world, trouble, timedelta(seconds=seconds), presses=presses, hangs_up=hangs_up)
    finally:
        world.close()


def outlast(world: FickleWorld, trouble: Trouble, length: timedelta, *, presses: bool, hangs_up: str) -> None:
    followed = {leg.order.call_id for leg in world.pbx.live() if world.recorded(leg).ringing_at is not None}
    world.fickle.trouble = trouble
    world.endure(length / 2)
    leg = next(iter(world.pbx.live()), None)
    taken = world.press(leg) if leg is not None and presses else set()
    if leg is not None and hangs_up == "meanwhile":
        world.pbx.end(leg, CallOutcome.DECLINED)
    world.endure(length / 2)
    assert world.fickle.failures <= 20 + 10 * length.total_seconds(), "the engine wears itself out"
    world.fickle.trouble = None
    if leg is not None and hangs_up == "at once afterwards":
        world.pbx.end(leg, CallOutcome.DECLINED)
    while world.move():
        pass
    world.advance(SOON)
    for event_id in taken:
        assert world.status(event_id) is EventStatus.ACKNOWLEDGED, f"a key was lost:\n{world.story(event_id)}"
    if leg is not None and leg.ended is not None and taken and leg.order.call_id in followed:
        assert world.recorded(leg).outcome is CallOutcome.ACKNOWLEDGED, world.story(min(taken))
    world.finish()
    assert world.deaths == 0
    assert "preparation_failed" not in world.laws.seen, "a call was given up for want of a record"


def test_reports_of_a_call_keep_their_order_though_nothing_was_heard_of_it_before(stage: Stage) -> None:
    world = FickleWorld(stage)
    try:
        world.post(world.tenancy.licenses[0], "a")
        while not world.pbx.live():
            world.step()
        (leg,) = world.pbx.live()
        assert world.pbx.reports, "nobody has heard yet that it rings"
        world.fickle.trouble = Trouble.AWAY
        world.endure(timedelta(seconds=0.5))
        world.press(leg)
        world.endure(timedelta(seconds=0.2))
        world.fickle.trouble = None
        world.pbx.end(leg, CallOutcome.DECLINED)
        while world.move():
            pass
        world.advance(SOON)
        assert world.status(1) is EventStatus.ACKNOWLEDGED
        assert world.recorded(leg).outcome is CallOutcome.ACKNOWLEDGED
    finally:
        world.close()
