"""Months, clocks that change, caps and marks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.policy import Tier
from gateway.model.quota import (
    EVENT_MARKS,
    VOICE_MARKS,
    NoticeKind,
    VoiceSeconds,
    marks_reached,
    minutes,
    month_at,
    month_named,
    reservation,
    voice_cap,
    whole_seconds,
    with_own_caps,
)
from tests.records import a_license

MICROSECOND = timedelta(microseconds=1)
# Havana, Amman and St. John's have changed their clocks at midnight, Apia has skipped a day.
ZONES = [
    *("UTC", "Europe/Madrid", "America/Havana", "Asia/Amman", "America/St_Johns", "Pacific/Apia"),
    *("Pacific/Kiritimati", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Asuncion"),
]
_FIRST, _LAST = datetime(1990, 1, 1), datetime(2090, 1, 1)  # noqa: DTZ001 - Hypothesis takes its bounds without a zone
instants = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(instants, zones)
def test_each_instant_belongs_to_exactly_one_month(at: datetime, zone: ZoneInfo) -> None:
    month = month_at(at, zone)
    assert month.starts_at <= at < month.ends_at
    assert month_at(month.starts_at, zone) == month
    assert month_at(month.ends_at - MICROSECOND, zone) == month


@given(instants, zones)
def test_months_follow_each_other_without_gap(at: datetime, zone: ZoneInfo) -> None:
    month = month_at(at, zone)
    after = month_at(month.ends_at, zone)
    assert after.starts_at == month.ends_at
    assert after.name > month.name
    assert timedelta(days=27) < month.ends_at - month.starts_at < timedelta(days=32)


@given(instants, zones)
def test_a_month_is_found_by_its_name(at: datetime, zone: ZoneInfo) -> None:
    month = month_at(at, zone)
    assert month_named(month.name, zone) == month


@pytest.mark.parametrize(
    ("name", "zone", "starts_at", "ends_at"),
    [
        # Summer time begins on 29 March 2026 and ends on 25 October.
        ("2026-03", "Europe/Madrid", datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("2026-10", "Europe/Madrid", datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026-12", "UTC", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (
            "2026-01",
            "Pacific/Kiritimati",
            datetime(2025, 12, 31, 10, tzinfo=UTC),
            datetime(2026, 1, 31, 10, tzinfo=UTC),
        ),
        # In New York the clocks of 2026 are put back on 1 November, two hours after the month began.
        ("2026-11", "America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 12, 1, 5, tzinfo=UTC)),
        # In Havana the first hour of 1 November 2020 came twice. What is past, no later time zone database changes.
        ("2020-11", "America/Havana", datetime(2020, 11, 1, 4, tzinfo=UTC), datetime(2020, 12, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_month_begins_and_ends_at_the_local_midnight(
    name: str, zone: str, starts_at: datetime, ends_at: datetime
) -> None:
    month = month_named(name, ZoneInfo(zone))
    assert (month.starts_at, month.ends_at) == (starts_at, ends_at)
    assert month_at(starts_at, ZoneInfo(zone)).name == name
    assert month_at(ends_at, ZoneInfo(zone)).name > name
    assert month_at(starts_at - MICROSECOND, ZoneInfo(zone)).name < name


def test_clocks_put_back_into_the_last_month_do_not_bring_it_back() -> None:
    # On 1 November 2009 at 00:01 St. John's went back to 23:01 of 31 October.
    zone = ZoneInfo("America/St_Johns")
    begun = month_named("2009-11", zone).starts_at
    second_pass = begun + timedelta(minutes=10)
    assert second_pass.astimezone(zone).month == 10
    assert month_at(second_pass, zone).name == "2009-11"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-1",
        "26-11",
        "2026-11-01",
        " 2026-11",
        "0001-01",
        "9999-12",
        "\u0662\u0660\u0662\u0666-11",
    ],
)
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="write year and month as in 2026-11"):
        month_named(name, UTC)


def test_a_license_without_own_caps_has_those_of_its_tier() -> None:
    tier = Tier(voice_minutes=50, events_per_month=1000)
    assert with_own_caps(tier, a_license()) == tier


def test_own_caps_replace_the_tiers_and_may_have_no_limit() -> None:
    license_ = replace(a_license(), caps={"voice_minutes": None, "events_per_month": 0})
    tier = with_own_caps(Tier(voice_note=False, voice_minutes=50), license_)
    assert tier == Tier(voice_note=False, voice_minutes=None, events_per_month=0)
    assert voice_cap(tier) is None


def test_the_last_use_gets_what_remains_and_the_next_nothing() -> None:
    assert reservation(VoiceSeconds(used=100, reserved=50), 300, 90) == 90
    assert reservation(VoiceSeconds(used=200, reserved=50), 300, 90) == 50
    assert reservation(VoiceSeconds(used=200, reserved=100), 300, 90) is None
    assert reservation(VoiceSeconds(used=340), 300, 90) is None
    assert reservation(VoiceSeconds(), 0, 90) is None
    assert reservation(VoiceSeconds(used=10**9), None, 90) == 90


@given(st.lists(st.integers(1, 600)), st.integers(0, 3000))
def test_reservations_never_come_to_more_than_the_cap(wanted: list[int], cap: int) -> None:
    reserved = 0
    for longest in wanted:
        reserved += reservation(VoiceSeconds(reserved=reserved), cap, longest) or 0
    assert reserved == min(sum(wanted), cap)


@pytest.mark.parametrize(
    ("used", "cap", "marks"),
    [
        (239, 300, []),
        (240, 300, [NoticeKind.VOICE_80]),
        (299, 300, [NoticeKind.VOICE_80]),
        (300, 300, [NoticeKind.VOICE_80, NoticeKind.VOICE_100]),
        (999, 300, [NoticeKind.VOICE_80, NoticeKind.VOICE_100]),
        (999, None, []),
        (0, 0, []),
    ],
)
def test_marks_are_reached_exactly(used: int, cap: int | None, marks: list[NoticeKind]) -> None:
    assert list(marks_reached(VOICE_MARKS, used, cap)) == marks


def test_four_of_five_events_are_eighty_percent() -> None:
    assert list(marks_reached(EVENT_MARKS, 3, 5)) == []
    assert list(marks_reached(EVENT_MARKS, 4, 5)) == [NoticeKind.EVENTS_80]


def test_a_started_second_counts_whole() -> None:
    assert whole_seconds(timedelta()) == 0
    assert whole_seconds(timedelta(seconds=12)) == 12
    assert whole_seconds(timedelta(seconds=12, microseconds=1)) == 13


def test_seconds_are_read_as_minutes() -> None:
    assert [minutes(seconds) for seconds in (0, 59, 245, 30000)] == ["0:00", "0:59", "4:05", "500:00"]
