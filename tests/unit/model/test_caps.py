"""The caps on calls, by example and by properties."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.call import Call, CallOutcome
from gateway.model.caps import CallCaps, Dialled, over_cap, was_dialled

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
CAPS = CallCaps()
UNCOUNTED = CallCaps(per_contact_hour=1_000_000, per_number_3h=1_000_000)
OFFSETS = st.floats(min_value=0, max_value=6 * 3600)


def asked(
    *opened: float, repeated: tuple[float, ...] = (), at: float, repeats: bool = False, caps: CallCaps = CAPS
) -> str | None:
    legs = [Dialled(T0 + SECOND * s, repeats=False) for s in opened]
    legs += [Dialled(T0 + SECOND * s, repeats=True) for s in repeated]
    times = [leg.at for leg in legs]
    return over_cap(caps, contact=legs, number=times, repeats=repeats, now=T0 + SECOND * at)


def test_two_calls_about_new_alerts_may_follow_each_other_at_once_and_then_one_a_minute() -> None:
    assert asked(at=0) is None
    assert asked(0, at=1) is None
    assert asked(0, 1, at=2) == "call_cap_contact_minute"
    assert asked(0, 1, at=59) == "call_cap_contact_minute"
    assert asked(0, 1, at=61) is None
    assert asked(0, 1, 61, at=90) == "call_cap_contact_minute"


def test_an_events_own_second_and_third_call_are_not_held_up_by_the_pace() -> None:
    assert asked(0, at=20, repeats=True) is None
    assert asked(0, repeated=(20,), at=40, repeats=True) is None


def test_repeated_calls_take_nothing_from_the_pace_of_new_alerts() -> None:
    assert asked(0, repeated=(20, 40), at=45) is None


def test_the_eighth_call_within_an_hour_is_capped_even_if_it_repeats() -> None:
    seven = tuple(60.0 * n for n in range(7))
    assert asked(*seven, at=600, repeats=True) == "call_cap_contact_hour"
    assert asked(*seven, at=3599, repeats=True) == "call_cap_contact_hour"
    assert asked(*seven, at=3600, repeats=True) is None, "the first is an hour ago"


def test_a_number_that_several_licenses_call_is_capped_for_all_of_them() -> None:
    times = [T0 + MINUTE * 10 * n for n in range(15)]
    now = T0 + timedelta(minutes=160)
    assert over_cap(CAPS, contact=[], number=times, repeats=False, now=now) == "call_cap_number_3h"
    assert over_cap(CAPS, contact=[], number=times[1:], repeats=False, now=now) is None


def test_calls_dated_in_the_future_keep_no_alert_from_anybody() -> None:
    assert asked(*[7200.0] * 20, at=0) is None


@given(gaps=st.lists(st.floats(min_value=0, max_value=1200), max_size=2))
def test_no_ladder_of_three_calls_is_ever_capped(gaps: list[float]) -> None:
    made: list[float] = [0.0]
    for gap in gaps:
        at = made[-1] + gap
        assert asked(made[0], repeated=tuple(made[1:]), at=at, repeats=True) is None
        made.append(at)


@given(wanted=st.lists(OFFSETS, max_size=60))
def test_new_alerts_never_ring_more_often_than_the_pace_allows(wanted: list[float]) -> None:
    made: list[float] = []
    for at in sorted(wanted):
        if asked(*made, at=at, caps=UNCOUNTED) is None:
            made.append(at)
    for first in range(len(made)):
        for last in range(first, len(made)):
            assert last - first + 1 <= 2 + (made[last] - made[first]) / 60 + 1e-6


@given(wanted=st.lists(OFFSETS, max_size=60), repeats=st.booleans())
def test_no_hour_has_more_calls_than_its_cap(wanted: list[float], repeats: bool) -> None:
    made: list[float] = []
    for at in sorted(wanted):
        if asked(*made, at=at, repeats=repeats) is None:
            made.append(at)
    for start in made:
        assert sum(start <= at < start + 3600 for at in made) <= CAPS.per_contact_hour
        assert sum(start <= at < start + 3 * 3600 for at in made) <= CAPS.per_number_3h


@given(made=st.lists(OFFSETS, max_size=20), at=OFFSETS, order=st.randoms(use_true_random=False))
def test_the_order_in_which_legs_are_given_changes_nothing(made: list[float], at: float, order: object) -> None:
    shuffled = list(made)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert asked(*made, at=at) == asked(*shuffled, at=at)


@given(made=st.lists(OFFSETS, max_size=20), at=OFFSETS)
def test_who_is_left_alone_may_be_called_again(made: list[float], at: float) -> None:
    assert asked(*made, at=max([at, *made]) + 3 * 3600) is None


@pytest.mark.parametrize(
    ("changes", "dialled"),
    [
        ({}, True),
        ({"outcome": CallOutcome.NO_ANSWER}, True),
        ({"outcome": CallOutcome.LOST}, True),
        ({"outcome": CallOutcome.TRUNK_TROUBLE, "sip_cause": 503}, False),
        ({"outcome": CallOutcome.CANCELLED}, False),
        ({"outcome": CallOutcome.CANCELLED, "hangup_cause": 16}, True),
        ({"outcome": CallOutcome.CANCELLED, "answered_at": T0}, True),
    ],
)
def test_only_legs_that_were_really_dialled_count(changes: dict[str, object], dialled: bool) -> None:
    call = Call(
        id="a" * 32,
        license_id=1,
        contact_id=1,
        provider="asterisk",
        node="pbx1",
        trunk="carrier",
        to_number="+15550123",
        started_at=T0,
        **changes,  # type: ignore[arg-type]
    )
    assert was_dialled(call) is dialled
