"""The engine under random interleavings of everything, deaths included.

By default some 10,000 steps; ``TOCSIN_PROPERTY_EXAMPLES`` asks for more, a hundred steps each (``make property``).
"""

import logging
import os
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.messages import LookForSignals
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.model.event import EventStatus
from gateway.services.acknowledge import acknowledge
from gateway.store import migrate
from tests.properties.world import World

EXAMPLES = int(os.environ.get("TOCSIN_PROPERTY_EXAMPLES", "110"))
STEPS = 100

PLACES = st.integers(0, 7)
UNANSWERED = st.sampled_from(
    [
        CallOutcome.NO_ANSWER,
        CallOutcome.BUSY,
        CallOutcome.DECLINED,
        CallOutcome.INVALID_NUMBER,
        CallOutcome.TRUNK_TROUBLE,
    ]
)
SEND_RESULTS = st.sampled_from([AttemptState.SENT, AttemptState.FAILED, AttemptState.UNAVAILABLE, AttemptState.UNKNOWN])

_template: list[Path] = []


def template() -> Path:
    """Return a migrated database to begin from, made once."""
    if not _template:
        path = Path(tempfile.mkdtemp(prefix="tocsin-properties-")) / "template.db"
        migrate(f"sqlite:///{path}")
        _template.append(path)
    return _template[0]


class EngineMachine(RuleBasedStateMachine):
    """Every rule is something that can happen next, in life, to an engine that is at work."""

    world: World

    @initialize()
    def begin(self) -> None:
        # The record's code is the real one; what it logs about each of ten thousand steps is of no use here.
        self._logging = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._directory = tempfile.TemporaryDirectory(prefix="tocsin-properties-")
        self.world = World(Path(self._directory.name), template())
        self.world.post("a")
        self.world.settle()

    @rule(key=st.sampled_from("abcd"))
    def an_alert_is_posted(self, key: str) -> None:
        self.world.post(key)

    @precondition(lambda self: self.world.event_ids)
    @rule(key=st.sampled_from("abcdefgh"))
    def a_source_withdraws_its_alert(self, key: str) -> None:
        self.world.post(key, resolve=True)

    @precondition(lambda self: self.world.event_ids)
    @rule()
    def the_engine_is_woken(self) -> None:
        self.world.tell(LookForSignals())

    @precondition(lambda self: self.world.pool.due)
    @rule(place=PLACES)
    def an_actor_runs(self, place: int) -> None:
        self.world.mortal(lambda: self.world.pool.run(place))

    @precondition(lambda self: self.world.executor.due)
    @rule(place=PLACES)
    def background_work_is_done(self, place: int) -> None:
        self.world.mortal(lambda: self.world.executor.run(place))

    @precondition(lambda self: self.world.pbx.reports)
    @rule()
    def a_report_arrives(self) -> None:
        self.world.report()

    @precondition(lambda self: self.world.event_ids)
    @rule()
    def everything_happens_that_can(self) -> None:
        self.world.settle()
        self.world.check_rest()

    @precondition(lambda self: self.world.event_ids)
    @rule(seconds=st.sampled_from([1, 5, 20, 30, 700]))
    def time_passes(self, seconds: int) -> None:
        self.world.advance(timedelta(seconds=seconds))

    @precondition(lambda self: self.world.event_ids and not self.world.channel.next_results)
    @rule(results=st.lists(SEND_RESULTS, min_size=1, max_size=3))
    def the_provider_has_a_bad_day(self, results: list[AttemptState]) -> None:
        self.world.channel.next_results.extend(results)

    @precondition(lambda self: self.world.event_ids and not self.world.owner.next_results)
    @rule(results=st.lists(SEND_RESULTS, min_size=1, max_size=2))
    def telegram_has_a_bad_day(self, results: list[AttemptState]) -> None:
        self.world.owner.next_results.extend(results)

    @precondition(lambda self: self.world.pbx.live())
    @rule(place=PLACES)
    def a_callee_answers(self, place: int) -> None:
        live = self.world.pbx.live()
        self.world.pbx.answer(live[place % len(live)])

    @precondition(lambda self: self.world.pbx.live())
    @rule(place=PLACES, digit=st.sampled_from("1129"))
    def a_callee_presses_a_key(self, place: int, digit: str) -> None:
        live = self.world.pbx.live()
        leg = live[place % len(live)]
        self.world.pbx.press(leg, digit)
        if digit == "1":
            # Whatever dies meanwhile: what this call announced is acknowledged in the end, unless it was over before.
            with self.world.record.read() as work:
                announced = [attempt.event_id for attempt in work.attempts.of_call(leg.order.call_id)]
            self.keys_pressed |= {e for e in announced if self.world.status(e) is EventStatus.OPEN}

    @precondition(lambda self: self.world.pbx.live())
    @rule(place=PLACES, outcome=UNANSWERED)
    def a_call_ends(self, place: int, outcome: CallOutcome) -> None:
        live = self.world.pbx.live()
        self.world.pbx.end(live[place % len(live)], outcome)

    @precondition(lambda self: self.world.event_ids)
    @rule(place=PLACES, who=st.integers(-1, 1))
    def a_person_acknowledges_elsewhere(self, place: int, who: int) -> None:
        world = self.world
        event_id = world.event_ids[place % len(world.event_ids)]
        if world.status(event_id) not in {EventStatus.OPEN, EventStatus.EXHAUSTED}:
            return
        acknowledge(
            world.record,
            event_ids=[event_id],
            contact_id=None if who < 0 else world.contacts[who].id,
            by="Dana" if who < 0 else None,
            via=AcknowledgedVia.ADMIN if who < 0 else AcknowledgedVia.LINK,
            at=world.clock.at,
        )
        world.acknowledged.add(event_id)

    @precondition(lambda self: self.world.pbx.connected and self.world.event_ids)
    @rule()
    def the_phone_system_is_cut_off(self) -> None:
        self.world.pbx.disconnect()

    @precondition(lambda self: not self.world.pbx.connected)
    @rule()
    def the_phone_system_is_back(self) -> None:
        self.world.pbx.connect()

    @precondition(lambda self: self.world.event_ids)
    @rule(fate=PLACES)
    def the_engine_is_killed(self, fate: int) -> None:
        if fate == 0:
            self.world.deaths += 1
            self.world.start_engine()

    @precondition(lambda self: self.world.event_ids)
    @rule(steps=st.integers(0, 24), fate=PLACES)
    def the_engine_will_die_at_a_commit(self, steps: int, fate: int) -> None:
        if fate == 0:
            self.world.die_after(steps)

    @invariant()
    def no_contact_has_two_calls(self) -> None:
        if hasattr(self, "world"):
            numbers = [leg.order.to_number for leg in self.world.pbx.live()]
            assert len(numbers) == len(set(numbers))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.finish()
                for event_id in self.keys_pressed:
                    over = {EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED}
                    assert self.world.status(event_id) in over, "a pressed key was lost"
            finally:
                structlog.configure(**self._logging)
                self.world.close()
                self._directory.cleanup()

    def __init__(self) -> None:
        super().__init__()
        self.keys_pressed: set[int] = set()


EngineMachine.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # The usual run is the same each time; whoever asks for more wants new ones.
    derandomize="TOCSIN_PROPERTY_EXAMPLES" not in os.environ,
)
TestEngine = EngineMachine.TestCase
TestEngine.pytestmark = pytest.mark.timeout(1200)
