"""ContactActor: what the auditor asks it, and calls in progress after the machine's clock was set."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from actors.calling import LONGEST_CALL, LOOKED_UP_WITHIN
from actors.messages import CallOverdue, CallsUnknown, CheckCalls, PlaceCall
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.store import open_record
from tests.unit.actors.contact_desk import Desk


@pytest.fixture
def ana(sqlite_url: str) -> Iterator[Desk]:
    record = open_record(sqlite_url)
    desk = Desk(record, Config())
    yield desk
    desk.pool.stop(5)
    record.close()


def test_calls_that_wait_and_the_one_in_progress_are_known(ana: Desk) -> None:
    _, in_progress = ana.due("One")
    ana.prepare()
    _, waiting = ana.due("Two")
    ana.actor.on_receive(CheckCalls(ana.contact.id, (in_progress, waiting)))
    assert not [told for told in ana.told if isinstance(told, CallsUnknown)]


def test_calls_that_nobody_asked_for_are_named(ana: Desk) -> None:
    _, attempt_id = ana.due()
    successor = ana.new_actor()
    successor.on_receive(CheckCalls(ana.contact.id, (attempt_id,)))
    assert ana.told == [CallsUnknown(ana.contact.id, (attempt_id,))]


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(hours=5)])
def test_a_call_in_progress_is_taken_up_however_the_clock_was_set(ana: Desk, jump: timedelta) -> None:
    event_id, attempt_id = ana.due()
    call_id = ana.prepare()
    ana.clock.at += jump
    successor = ana.new_actor()
    successor.on_start()
    successor.on_receive(PlaceCall(ana.contact.id, event_id, attempt_id))
    assert ana.phone.looked_up == [call_id]
    assert len(ana.booth.asked) == 1, "nobody's phone rings twice"
    assert ana.timers.delays[-1] == (LONGEST_CALL if jump < timedelta() else LOOKED_UP_WITHIN)


def test_a_leg_of_long_ago_that_nobody_waits_for_does_not_hold_the_next_call_up(ana: Desk) -> None:
    _, attempt_id = ana.due()
    call_id = ana.prepare()
    ana.clock.at += timedelta(hours=5)
    ana.tell(CallOverdue(ana.contact.id, call_id))
    assert ana.state(attempt_id) is AttemptState.MISSED
    successor = ana.actor = ana.new_actor()
    successor.on_start()
    ana.due("Two")
    assert len(ana.booth.asked) == 2
    ana.end(ana.prepare(), CallOutcome.BUSY)
