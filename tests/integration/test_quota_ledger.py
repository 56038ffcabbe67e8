"""Voice seconds are reserved before they are used, by all who use them at once, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.model.attempt import AttemptState
from gateway.model.event import EventStatus, Severity, ThrottleReason
from gateway.model.quota import NoticeKind, VoiceSeconds
from gateway.ports.record import Record
from gateway.services.due import due_alerts
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError
from gateway.services.quota import quota_status
from tests.integration.quota_rig import MINUTE, NOW, QuotaRig
from tests.integration.test_store_races import at_once


def test_a_call_holds_its_longest_time_until_it_ends_and_then_what_it_took(record: Record) -> None:
    rig = QuotaRig(record)
    call_id = rig.dial(rig.due_call(), longest=timedelta(seconds=89, milliseconds=1))
    assert call_id is not None
    assert rig.status().voice == VoiceSeconds(reserved=90)
    rig.hang_up(call_id, 31)
    assert rig.status().voice == VoiceSeconds(used=31)
    rig.hang_up(call_id, 50)
    assert rig.status().voice == VoiceSeconds(used=31), "an end that is reported twice counts once"


def test_a_call_that_nobody_answered_counts_nothing(record: Record) -> None:
    rig = QuotaRig(record)
    call_id = rig.dial(rig.due_call())
    assert call_id is not None
    rig.hang_up(call_id, 30, answered=False)
    assert rig.status().voice == VoiceSeconds()


def test_fifty_calls_at_once_reserve_no_more_than_the_cap(record: Record) -> None:
    rig = QuotaRig(record, contacts=50, events_per_month="unlimited")
    attempts = [rig.due_call(contact=n) for n in range(50)]
    legs = at_once(50, lambda n: rig.dial(attempts[n], longest=timedelta(seconds=45)))
    # 600 seconds are thirteen times 45, and the fourteenth call gets the last fifteen.
    assert sum(leg is not None for leg in legs) == 14
    assert rig.status().voice == VoiceSeconds(reserved=600)
    refused = [rig.attempt(attempt.id) for attempt, leg in zip(attempts, legs, strict=True) if leg is None]
    assert {(attempt.state, attempt.reason) for attempt in refused} == {(AttemptState.SKIPPED, "voice_quota_spent")}
    at_once(14, lambda n: rig.hang_up([leg for leg in legs if leg][n], 43))
    assert rig.status().voice == VoiceSeconds(used=14 * 43)
    assert rig.status().notices == (NoticeKind.VOICE_80, NoticeKind.VOICE_100), "of settlements at once none is missed"


def test_calls_notes_intakes_and_ends_at_once_do_not_block_each_other(record: Record) -> None:
    rig = QuotaRig(record, contacts=10, events_per_month="unlimited", voice_minutes="unlimited")
    shared = rig.alert().event_id
    attempts = [rig.due_call(shared, contact=n) for n in range(10)]
    begun = [rig.dial(attempt) for attempt in attempts[:5]]

    def act(number: int) -> None:
        match number % 4:
            case 0:
                rig.alert()
            case 1:
                rig.hang_up(begun[number // 4 % 5] or "", 10)
            case 2:
                rig.dial(attempts[5 + number // 4 % 5])
            case _:
                rig.reserve_note(number)

    at_once(40, act)
    assert rig.status().voice.used == 50


def test_where_nothing_remains_all_that_the_call_would_announce_is_skipped(record: Record) -> None:
    rig = QuotaRig(record)
    rig.use(600)
    first, second = rig.due_call(), rig.due_call()
    assert rig.dial(first, second) is None
    for attempt in (first, second):
        assert (rig.attempt(attempt.id).state, rig.attempt(attempt.id).reason) == (
            AttemptState.SKIPPED,
            "voice_quota_spent",
        )
        with record.read() as work:
            told = work.timeline.of_event(attempt.event_id)[-1]
        assert told.detail == {"attempt_id": attempt.id, "result": "skipped", "reason": "voice_quota_spent"}
    assert due_alerts(record, [first.id, second.id], NOW) == ()


def test_a_raised_cap_holds_at_once_for_what_runs_already(record: Record) -> None:
    rig = QuotaRig(record)
    event_id = rig.alert().event_id
    rig.use(600)
    rig.change(voice_minutes="11")
    assert rig.dial(rig.due_call(event_id)) is not None
    assert rig.status().voice == VoiceSeconds(used=600, reserved=60)


def test_a_lowered_cap_holds_at_once_and_the_owner_is_told(record: Record) -> None:
    rig = QuotaRig(record)
    rig.use(100)
    assert rig.status().notices == ()
    rig.change(voice_minutes="1")
    assert rig.dial(rig.due_call()) is None
    assert rig.status().notices == (NoticeKind.VOICE_80, NoticeKind.VOICE_100)


def test_a_cap_of_nothing_refuses_every_call_and_tells_nobody(record: Record) -> None:
    rig = QuotaRig(record, voice_minutes="0")
    assert rig.dial(rig.due_call()) is None
    assert rig.status().notices == ()


@pytest.mark.parametrize(
    ("overdraft", "severity", "dialled"),
    [(True, Severity.CRITICAL, True), (True, Severity.WARN, False), (False, Severity.CRITICAL, False)],
)
def test_with_overdraft_calls_about_critical_events_go_on(
    record: Record, overdraft: bool, severity: Severity, dialled: bool
) -> None:
    rig = QuotaRig(record, overdraft=overdraft)
    rig.use(600)
    assert (rig.dial(rig.due_call(), rig.due_call(severity=severity)) is not None) is dialled


def test_a_leg_whose_end_was_never_seen_stays_reserved_until_it_is(record: Record) -> None:
    rig = QuotaRig(record)
    call_id = rig.dial(rig.due_call(), longest=MINUTE)
    assert call_id is not None
    assert rig.status().voice == VoiceSeconds(reserved=60)
    rig.hang_up(call_id, 20, at=NOW + timedelta(days=40))
    assert rig.status().voice == VoiceSeconds(used=20), "it counts for the month in which it began"
    assert rig.status("2026-12").voice == VoiceSeconds()


def test_a_new_month_of_the_licenses_time_zone_begins_with_nothing_used(record: Record) -> None:
    rig = QuotaRig(record, time_zone="America/New_York")
    rig.use(600, at=datetime(2026, 12, 1, 4, 59, 59, tzinfo=UTC))
    rig.use(7, at=datetime(2026, 12, 1, 5, tzinfo=UTC))
    assert rig.status("2026-11").voice.used == 600
    assert rig.status("2026-12").voice.used == 7


def test_a_voice_note_counts_once_and_the_last_one_may_run_over(record: Record) -> None:
    rig = QuotaRig(record)
    rig.use(595)
    length = timedelta(seconds=11, milliseconds=200)
    for _ in range(2):
        assert rig.reserve_note(7, length)
    assert rig.status().voice == VoiceSeconds(used=595, reserved=5)
    for _ in range(2):
        rig.quota.settle_note(record, attempt_id=7, length=length, at=NOW)
    assert rig.status().voice == VoiceSeconds(used=607)
    assert not rig.reserve_note(8, length)


def test_of_fifty_notes_at_once_those_go_for_which_there_is_room(record: Record) -> None:
    rig = QuotaRig(record)

    assert at_once(50, rig.reserve_note).count(True) == 10
    assert rig.status().voice == VoiceSeconds(reserved=600)


def test_the_event_cap_is_told_of_once_at_each_mark(record: Record) -> None:
    rig = QuotaRig(record)
    for _ in range(7):
        rig.alert()
    assert rig.status().notices == ()
    rig.alert()
    assert rig.status().notices == (NoticeKind.EVENTS_80,)
    rig.alert()
    rig.alert()
    assert rig.status().notices == (NoticeKind.EVENTS_80, NoticeKind.EVENTS_100)
    refused = rig.alert()
    assert (refused.status, refused.reason) == (EventStatus.THROTTLED, ThrottleReason.MONTHLY_CAP)
    assert (rig.status().events, rig.status().events_cap) == (10, 10)
    assert rig.alert(at=datetime(2026, 12, 1, tzinfo=UTC)).status is EventStatus.OPEN


def test_a_license_s_own_event_cap_holds_in_place_of_the_tier_s(record: Record) -> None:
    rig = QuotaRig(record, events_per_month="1")
    assert rig.alert().status is EventStatus.OPEN
    assert rig.alert().status is EventStatus.THROTTLED
    rig.change(events_per_month="unlimited")
    assert rig.alert().status is EventStatus.OPEN
    rig.change(events_per_month="tier")
    assert rig.status().events_cap == 10


def test_a_quota_of_nobody_and_of_no_month_is_refused(record: Record) -> None:
    rig = QuotaRig(record)
    with pytest.raises(UnknownLicenseError):
        quota_status(record, rig.config.tiers, license_id=99, at=NOW)
    with pytest.raises(InvalidValueError, match="month: not a month"):
        rig.status("November")
