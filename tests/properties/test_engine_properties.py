"""The engine under random interleavings of everything, deaths and edits included.

By default some 10,000 steps; ``TOCSIN_PROPERTY_EXAMPLES`` asks for more, a hundred steps each (``make property``).
"""

import atexit
import logging
import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actors.messages import LookForSignals
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.model.event import EventStatus
from gateway.model.trial import TrialKind
from gateway.services import results
from tests.properties.chances import (
    HANDOFFS,
    MUST_HAPPEN,
    PLACES,
    POLICY_EDITS,
    SEND_RESULTS,
    TENANTS,
    UNANSWERED,
    ContactEdit,
)
from tests.properties.stage import Stage
from tests.properties.tenancy import NUMBERS, OWNER, Tenant
from tests.properties.world import World

EXAMPLES = int(os.environ.get("TOCSIN_PROPERTY_EXAMPLES", "130"))
STEPS = 100
LEAST_STEPS = 10_000

# Memory, where the system offers it as a directory: no power is cut here, only the engine's process.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

_seen: Counter[str] = Counter()


@cache
def the_stage() -> Stage:
    """Return where every world begins, made once."""
    directory = Path(tempfile.mkdtemp(prefix="tocsin-properties-", dir=MEMORY))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Stage(directory)


class EngineMachine(RuleBasedStateMachine):
    """Every rule is something that can happen next, in life, to an engine that is at work."""

    world: World

    @initialize()
    def begin(self) -> None:
        # The record's code is the real one; what it logs about each of ten thousand steps is of no use here.
        self._logging = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        # The wait between the tries of a courier is not one of the clock that is moved here.
        self._impatience = mock.patch.object(results, "_RECORD_RETRY_SECONDS", 0)
        self._impatience.start()
        self.world = World(the_stage())
        self.world.post(self.tenant(0), "a")
        self.world.settle()

    def tenant(self, which: int) -> Tenant:
        return self.world.tenancy.licenses[which]

    # --- alerts and edits ---------------------------------------------------------------------------------------------

    @rule(which=TENANTS, keys=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    def alerts_are_posted(self, which: int, keys: list[str]) -> None:
        for key in keys:
            self.world.post(self.tenant(which), key)

    @rule(key=st.sampled_from("abcd"))
    def both_licenses_are_alerted_at_once(self, key: str) -> None:
        for tenant in self.world.tenancy.licenses:
            self.world.post(tenant, key)

    @rule(which=TENANTS, place=PLACES, number=st.sampled_from(NUMBERS), handoff=HANDOFFS)
    def an_edit_comes_between_two_alerts(self, which: int, place: int, number: str, handoff: str | None) -> None:
        tenancy, tenant = self.world.tenancy, self.tenant(which)
        self.world.post(tenant, "c")
        tenancy.change_number(tenant, place % len(tenant.people), number)
        tenancy.edit_license(tenant, active=True, owner=OWNER, handoff=handoff, time_zone="UTC")
        self.world.post(tenant, "d")

    @rule(which=TENANTS, key=st.sampled_from("abcdefgh"))
    def a_source_withdraws_its_alert(self, which: int, key: str) -> None:
        self.world.post(self.tenant(which), key, resolve=True)

    @rule(which=TENANTS, changes=st.sampled_from(POLICY_EDITS))
    def the_policy_is_edited(self, which: int, changes: dict[str, object | None]) -> None:
        self.world.tenancy.edit_policy(self.tenant(which), changes)

    @rule(
        which=TENANTS,
        tier=st.sampled_from(["basic", "pro", "pro", "enterprise"]),
        voice_minutes=st.sampled_from([None, None, 0, 1, 2]),
    )
    def tier_and_caps_are_edited(self, which: int, tier: str, voice_minutes: int | None) -> None:
        self.world.tenancy.edit_caps(self.tenant(which), tier, voice_minutes)

    @rule(
        which=TENANTS,
        active=st.sampled_from([True, True, True, False]),
        owner=st.sampled_from([OWNER, OWNER, "1002", None]),
        handoff=HANDOFFS,
        time_zone=st.sampled_from(["UTC", "Europe/Madrid", "America/New_York"]),
    )
    def the_license_is_edited(
        self, which: int, active: bool, owner: str | None, handoff: str | None, time_zone: str
    ) -> None:
        self.world.tenancy.edit_license(
            self.tenant(which), active=active, owner=owner, handoff=handoff, time_zone=time_zone
        )

    @rule(which=TENANTS, place=PLACES, number=st.sampled_from(NUMBERS), edit=st.sampled_from(ContactEdit))
    def the_contacts_are_edited(self, which: int, place: int, number: str, edit: ContactEdit) -> None:
        tenancy, tenant = self.world.tenancy, self.tenant(which)
        place %= len(tenant.people)
        match edit:
            case ContactEdit.ADD:
                tenancy.add_person(tenant, number)
            case ContactEdit.NUMBER:
                tenancy.change_number(tenant, place, number)
            case ContactEdit.ORDER:
                tenancy.move_to_front(tenant, place)
            case ContactEdit.ENABLED:
                tenancy.turn_on_or_off(tenant, place)

    @rule(which=TENANTS, place=PLACES, kind=st.sampled_from([TrialKind.CALL, TrialKind.CALL, TrialKind.MESSAGE]))
    def a_contact_is_tried(self, which: int, place: int, kind: TrialKind) -> None:
        people = self.tenant(which).people
        self.world.try_contact(people[place % len(people)].id, kind)

    # --- the engine at work -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.event_ids)
    @rule()
    def the_engine_is_woken(self) -> None:
        self.world.engine.tell(LookForSignals())

    @precondition(lambda self: self.world.engine.pool.due)
    @rule(place=PLACES)
    def an_actor_runs(self, place: int) -> None:
        self.world.mortal(lambda: self.world.engine.pool.run(place))

    @precondition(lambda self: self.world.engine.executor.due)
    @rule(place=PLACES)
    def background_work_is_done(self, place: int) -> None:
        self.world.mortal(lambda: self.world.engine.executor.run(place))

    @precondition(lambda self: self.world.pbx.reports)
    @rule()
    def a_report_arrives(self) -> None:
        self.world.report()

    @precondition(lambda self: self.world.event_ids)
    @rule()
    def everything_happens_that_can(self) -> None:
        self.world.settle()

    @precondition(lambda self: self.world.event_ids)
    @rule(seconds=st.sampled_from([1, 3, 3, 6, 30, 700]))
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

    @precondition(lambda self: self.world.event_ids)
    @rule(digit=st.sampled_from("1129"))
    def whoever_is_called_next_presses_a_key(self, digit: str) -> None:
        for _ in range(10):
            if self.world.pbx.live():
                self.a_callee_presses_a_key(0, digit)
                return
            self.world.advance(timedelta(seconds=3))

    @precondition(lambda self: self.world.pbx.live())
    @rule(place=PLACES, digit=st.sampled_from("1129"))
    def a_callee_presses_a_key(self, place: int, digit: str) -> None:
        live = self.world.pbx.live()
        leg = live[place % len(live)]
        self.world.pbx.press(leg, digit)
        _seen[f"key {digit}"] += 1
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
    @rule(place=PLACES, who=st.integers(-1, 3))
    def a_person_acknowledges_elsewhere(self, place: int, who: int) -> None:
        world = self.world
        event_id = world.event_ids[place % len(world.event_ids)]
        if world.status(event_id) not in {EventStatus.OPEN, EventStatus.EXHAUSTED}:
            return
        people = world.laws.expected[event_id].people
        world.acknowledge(event_id, people[who][0] if 0 <= who < len(people) else None)

    @rule(number=st.sampled_from(NUMBERS), text=st.sampled_from(["hello", "hello", "1"]))
    def a_person_writes_by_whatsapp(self, number: str, text: str) -> None:
        self.world.write(number, text)

    @precondition(lambda self: self.world.pbx.connected and self.world.event_ids)
    @rule()
    def the_phone_system_is_cut_off(self) -> None:
        self.world.pbx.disconnect()

    @precondition(lambda self: not self.world.pbx.connected)
    @rule()
    def the_phone_system_is_back(self) -> None:
        self.world.pbx.connect()

    @precondition(lambda self: self.world.event_ids and not self.world.database_is_away)
    @rule(fate=PLACES)
    def the_database_is_lost(self, fate: int) -> None:
        if fate == 0:
            _seen["database lost"] += 1
            self.world.lose_database()

    @precondition(lambda self: self.world.database_is_away)
    @rule()
    def the_database_is_back(self) -> None:
        self.world.find_database()

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
    def nothing_was_done_that_must_not_be(self) -> None:
        if hasattr(self, "world"):
            _seen["steps"] += 1
            assert not self.world.laws.violations, self.world.laws.violations

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.finish()
                for event_id in self.keys_pressed:
                    over = {EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED}
                    assert self.world.status(event_id) in over, "a pressed key was lost"
                _seen.update(self.world.laws.seen)
            finally:
                structlog.configure(**self._logging)
                self._impatience.stop()
                self.world.close()

    def __init__(self) -> None:
        super().__init__()
        self.keys_pressed: set[int] = set()


@pytest.mark.timeout(1200)
def test_the_engine_keeps_its_promises_whatever_happens() -> None:
    searching = "TOCSIN_PROPERTY_EXAMPLES" in os.environ
    run_state_machine_as_test(
        EngineMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # The usual run is the same each time; whoever asks for more wants new ones.
            derandomize=not searching,
        ),
    )
    if not searching:
        # What never happens is not tested.
        assert _seen["steps"] >= LEAST_STEPS
        assert not [what for what in MUST_HAPPEN if not _seen[what]]
