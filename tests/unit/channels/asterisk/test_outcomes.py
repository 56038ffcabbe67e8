"""The table of causes."""

import pytest

from gateway.channels.asterisk.outcomes import LegEnd, outcome_of
from gateway.model.call import CallOutcome as O


@pytest.mark.parametrize(
    ("sip", "outcome"),
    [
        (404, O.INVALID_NUMBER),
        (484, O.INVALID_NUMBER),
        (410, O.INVALID_NUMBER),
        (604, O.INVALID_NUMBER),
        (486, O.BUSY),
        (600, O.BUSY),
        (603, O.DECLINED),
        (480, O.NO_ANSWER),
        (487, O.NO_ANSWER),
        (401, O.TRUNK_TROUBLE),
        (403, O.TRUNK_TROUBLE),
        (407, O.TRUNK_TROUBLE),
        (488, O.TRUNK_TROUBLE),
        (302, O.TRUNK_TROUBLE),
        (500, O.TRUNK_TROUBLE),
        (502, O.TRUNK_TROUBLE),
        (503, O.TRUNK_TROUBLE),
        (504, O.TRUNK_TROUBLE),
        (606, O.TRUNK_TROUBLE),
    ],
)
@pytest.mark.parametrize("rang", [True, False, None])
def test_sip_status_decides_whether_or_not_it_rang(sip: int, outcome: O, rang: bool | None) -> None:
    # The Q.850 cause contradicts on purpose.
    assert outcome_of(LegEnd(sip_cause=sip, hangup_cause=127, rang=rang)) is outcome


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (1, O.INVALID_NUMBER),
        (22, O.INVALID_NUMBER),
        (28, O.INVALID_NUMBER),
        (17, O.BUSY),
        (21, O.DECLINED),
        (16, O.NO_ANSWER),
        (18, O.NO_ANSWER),
        (19, O.NO_ANSWER),
        (20, O.NO_ANSWER),
        (31, O.NO_ANSWER),
        (2, O.TRUNK_TROUBLE),
        (3, O.TRUNK_TROUBLE),
        (27, O.TRUNK_TROUBLE),
        (34, O.TRUNK_TROUBLE),
        (38, O.TRUNK_TROUBLE),
        (41, O.TRUNK_TROUBLE),
        (42, O.TRUNK_TROUBLE),
        (88, O.TRUNK_TROUBLE),
        (127, O.TRUNK_TROUBLE),
    ],
)
@pytest.mark.parametrize("rang", [True, None])
def test_q850_cause_decides_where_there_is_no_sip_status(cause: int, outcome: O, rang: bool | None) -> None:
    assert outcome_of(LegEnd(hangup_cause=cause, rang=rang)) is outcome


@pytest.mark.parametrize("end", [{"sip_cause": 408}, {"hangup_cause": 18}, {"hangup_cause": 19}, {"hangup_cause": 102}])
@pytest.mark.parametrize(("rang", "outcome"), [(False, O.TRUNK_TROUBLE), (True, O.NO_ANSWER), (None, O.NO_ANSWER)])
def test_timeout_is_the_trunks_trouble_only_where_nothing_rang(
    end: dict[str, int], rang: bool | None, outcome: O
) -> None:
    assert outcome_of(LegEnd(rang=rang, **end)) is outcome


@pytest.mark.parametrize("sip", [None, *range(100, 700)])
def test_every_sip_status_has_an_outcome_that_the_network_can_give(sip: int | None) -> None:
    assert outcome_of(LegEnd(sip_cause=sip)) in {
        O.NO_ANSWER,
        O.BUSY,
        O.DECLINED,
        O.INVALID_NUMBER,
        O.TRUNK_TROUBLE,
    }


@pytest.mark.parametrize("cause", [None, *range(128)])
@pytest.mark.parametrize("rang", [True, False, None])
def test_every_q850_cause_has_an_outcome_that_the_network_can_give(cause: int | None, rang: bool | None) -> None:
    assert outcome_of(LegEnd(hangup_cause=cause, rang=rang)) in {
        O.NO_ANSWER,
        O.BUSY,
        O.DECLINED,
        O.INVALID_NUMBER,
        O.TRUNK_TROUBLE,
    }


@pytest.mark.parametrize("sip", [None, 200, 404, 486, 503])
@pytest.mark.parametrize("cancelled", [True, False])
def test_answered_leg_ends_without_a_key_whatever_the_cause(sip: int | None, cancelled: bool) -> None:
    assert outcome_of(LegEnd(sip_cause=sip, hangup_cause=17, answered=True, cancelled=cancelled)) is O.NO_KEY


def test_leg_hung_up_by_us_before_the_answer_is_cancelled() -> None:
    assert outcome_of(LegEnd(sip_cause=487, hangup_cause=16, cancelled=True, rang=True)) is O.CANCELLED


def test_provisional_status_gives_way_to_the_q850_cause() -> None:
    assert outcome_of(LegEnd(sip_cause=180, hangup_cause=17)) is O.BUSY
