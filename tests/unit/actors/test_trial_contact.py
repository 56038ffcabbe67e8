"""A contact's actor that makes test calls, built unstarted, its messages handed to it one by one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from actors.line_messages import LineRefused, LineUnused, WithdrawRequest
from actors.messages import CallOverdue, GiveUpTrial, TryCall, Withdraw
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.model.event import Severity
from gateway.model.trial import TrialOutcome, TrialState, TrialStepName
from gateway.ports.phone import TWILIO, CallAnswered, CallEnded, CallNeverDialled, CallRinging
from gateway.services.lines import ALL_IN_TROUBLE
from gateway.services.quota import quota_status
from gateway.services.trial_calls import ALERT_FIRST, END_NOT_REPORTED, NEVER_DIALLED
from gateway.store import open_record
from tests.unit.actors.contact_desk import NOW
from tests.unit.actors.trial_desk import TrialDesk


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[TrialDesk]:
    record = open_record(sqlite_url)
    desk = TrialDesk(record, Config())
    yield desk
    desk.pool.stop(5)
    record.close()


def ended(desk: TrialDesk, trial_id: int) -> tuple[TrialState, TrialOutcome | None, str | None]:
    trial = desk.trial(trial_id)
    return trial.state, trial.outcome, trial.reason


def test_a_test_call_is_on_record_as_begun_before_the_phone_hears_of_it(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    assert [order.call_id for order in desk.phone.placed] == [call_id]
    trial = desk.trial(trial_id)
    assert (trial.state, trial.call_id) == (TrialState.BEGUN, call_id)
    assert [step.name for step in trial.steps] == [TrialStepName.TAKEN, TrialStepName.DIALLED]
    assert desk.call(call_id).trunk == "first"


def test_key_1_is_confirmed_once_and_counts_as_that_it_works(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    desk.report(CallAnswered(call_id, NOW))
    desk.press(call_id, "5")
    assert desk.trial_booth.confirmed == []
    desk.press(call_id, "1", 2)
    desk.press(call_id, "1", 2)
    assert desk.trial_booth.confirmed == [call_id]
    desk.report(CallEnded(call_id=call_id, at=NOW, outcome=CallOutcome.NO_KEY, answered_at=NOW, billed_seconds=7))
    assert desk.call(call_id).outcome is CallOutcome.ACKNOWLEDGED
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.DONE, None)
    status = quota_status(desk.record, desk.config.tiers, license_id=desk.contact.license_id, at=NOW)
    assert (status.voice.used, status.voice.reserved) == (7, 0), "a test call costs what it takes"


def test_being_told_twice_places_one_call(desk: TrialDesk) -> None:
    trial_id, _ = desk.dial()
    desk.tell(TryCall(desk.contact.id, trial_id))
    assert len(desk.trial_booth.asked) == len(desk.phone.placed) == 1


def test_a_test_asks_behind_every_alert_and_never_for_twilio(desk: TrialDesk) -> None:
    desk.lines_are_free = False
    desk.try_call()
    wanted = desk.switchboard.wanted
    assert wanted is not None
    assert wanted.avoid == {TWILIO}
    alerts = TrialDesk(desk.record, desk.config)
    alerts.lines_are_free = False
    alerts.due("Alert", Severity.INFO)
    other = alerts.switchboard.wanted
    alerts.pool.stop(5)
    assert other is not None
    assert other.urgency < wanted.urgency


@pytest.mark.parametrize("prepared", [False, True], ids=["due", "in progress"])
def test_a_test_is_refused_while_an_alert_has_the_phone(desk: TrialDesk, prepared: bool) -> None:
    desk.due()
    if prepared:
        desk.prepare()
    trial_id = desk.try_call()
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, ALERT_FIRST)
    assert desk.trial_booth.asked == []


def test_an_alert_due_on_record_alone_keeps_a_test_from_being_dialled(desk: TrialDesk) -> None:
    trial_id = desk.try_call()
    tell, desk.tell = desk.tell, lambda _message: None  # type: ignore[method-assign]
    desk.due()
    desk.tell = tell  # type: ignore[method-assign]
    call_id = desk.prepare_trial()
    assert desk.phone.placed == []
    assert LineUnused(call_id) in desk.switchboard.told
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, ALERT_FIRST)


def test_an_alert_takes_the_place_of_a_test_that_waits_for_a_line(desk: TrialDesk) -> None:
    desk.lines_are_free = False
    trial_id = desk.try_call()
    desk.lines_are_free = True
    desk.due()
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, ALERT_FIRST)
    desk.prepare()
    assert len(desk.phone.placed) == 1
    assert desk.phone.placed[0].to_number == desk.contact.phone


def test_an_alert_gets_a_line_of_its_own_while_a_test_is_prepared(desk: TrialDesk) -> None:
    trial_id = desk.try_call()
    _, line = desk.trial_booth.asked[-1]
    _, attempt_id = desk.due()
    assert LineUnused(line.call_id) in desk.switchboard.told
    desk.prepare_trial()
    assert desk.phone.placed == [], "the test's words came too late"
    alert_id = desk.prepare()
    assert [order.call_id for order in desk.phone.placed] == [alert_id]
    assert desk.state(attempt_id) is AttemptState.PENDING
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, ALERT_FIRST)


def test_an_alert_ends_a_test_call_and_is_dialled_when_that_has_ended(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    desk.due()
    assert desk.phone.hung_up == [call_id]
    assert desk.booth.asked == [], "one call at a time"
    desk.end(call_id, CallOutcome.CANCELLED)
    alert_id = desk.prepare()
    assert [order.call_id for order in desk.phone.placed] == [call_id, alert_id]
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.INTERRUPTED, ALERT_FIRST)


def test_a_test_call_that_could_not_be_hung_up_is_hung_up_when_its_node_is_back(desk: TrialDesk) -> None:
    _, call_id = desk.dial()
    desk.due()
    desk.report(CallRinging(call_id, NOW))
    assert desk.phone.hung_up == [call_id, call_id]


def test_an_alert_does_not_wait_for_ever_for_the_end_of_a_test_call(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    desk.due()
    assert desk.timers.delays[-1] <= timedelta(minutes=2)
    desk.tell(CallOverdue(desk.contact.id, call_id))
    desk.prepare()
    assert len(desk.phone.placed) == 2
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.INTERRUPTED, END_NOT_REPORTED)


def test_the_end_of_an_event_does_not_end_a_test_call(desk: TrialDesk) -> None:
    event_id, attempt_id = desk.due()
    desk.end(desk.prepare(), CallOutcome.INVALID_NUMBER)
    assert desk.state(attempt_id) is AttemptState.INVALID_NUMBER
    _, call_id = desk.dial()
    desk.tell(Withdraw(desk.contact.id, event_id))
    assert call_id not in desk.phone.hung_up


def test_another_trunk_carries_a_test_call_after_trouble_and_then_none_is_left(desk: TrialDesk) -> None:
    trial_id, first = desk.dial()
    desk.end(first, CallOutcome.TRUNK_TROUBLE)
    second = desk.prepare_trial()
    assert [order.trunk for order in desk.phone.placed] == ["first", "second"]
    desk.lines_are_free = False
    desk.end(second, CallOutcome.TRUNK_TROUBLE)
    desk.tell(LineRefused(ALL_IN_TROUBLE))
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.DONE, None)
    assert desk.call(second).outcome is CallOutcome.TRUNK_TROUBLE


def test_a_test_without_any_line_is_refused_with_the_reason(desk: TrialDesk) -> None:
    desk.lines_are_free = False
    trial_id = desk.try_call()
    desk.tell(LineRefused(ALL_IN_TROUBLE))
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, ALL_IN_TROUBLE)


def test_a_test_that_waited_too_long_asks_for_no_line_any_more(desk: TrialDesk) -> None:
    desk.lines_are_free = False
    trial_id = desk.try_call()
    desk.tell(GiveUpTrial(desk.contact.id, trial_id))
    assert desk.switchboard.told[-1] == WithdrawRequest(desk.contact.id)
    assert desk.switchboard.wanted is None


def test_words_that_cannot_be_spoken_are_the_reason(desk: TrialDesk) -> None:
    trial_id = desk.try_call()
    call_id = desk.prepare_trial(failure="speech: no voice")
    assert LineUnused(call_id) in desk.switchboard.told
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, "speech: no voice")


def test_caps_hold_for_tests_as_well(desk: TrialDesk) -> None:
    for _ in range(3):
        _, call_id = desk.dial()
        desk.end(call_id, CallOutcome.BUSY)
        desk.clock.at += timedelta(minutes=2)
    trial_id = desk.try_call()
    desk.prepare_trial()
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.REFUSED, "call_cap_contact_hour")
    assert len(desk.phone.placed) == 3


def test_a_restarted_engine_goes_on_with_a_test_call_that_lives(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    desk.restart()
    assert desk.phone.looked_up == [call_id]
    desk.report(CallAnswered(call_id, NOW))
    desk.press(call_id, "1")
    assert desk.trial_booth.confirmed == [call_id]
    desk.end(call_id, CallOutcome.NO_KEY)
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.DONE, None)
    assert len(desk.phone.placed) == 1


def test_a_test_call_that_was_never_dialled_is_not_dialled_by_the_next_engine(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    desk.restart()
    desk.report(CallNeverDialled(call_id))
    desk.prepare_nothing_again()
    assert len(desk.phone.placed) == 1
    assert desk.call(call_id).outcome is CallOutcome.CANCELLED
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.INTERRUPTED, NEVER_DIALLED)


def test_a_test_call_whose_end_was_recorded_last_is_closed_by_the_next_engine(desk: TrialDesk) -> None:
    trial_id, call_id = desk.dial()
    call = desk.call(call_id)
    with desk.record.write() as work:
        work.calls.update(replace(call, ended_at=NOW, outcome=CallOutcome.BUSY))
        work.commit()
    desk.restart()
    desk.tell(TryCall(desk.contact.id, trial_id))
    assert ended(desk, trial_id) == (TrialState.OVER, TrialOutcome.DONE, None)
    assert len(desk.phone.placed) == 1
