"""Failures in words: every status and cause has some, and they say what Tocsin really does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.asterisk.causes import NOTHING, Q850, SIP
from gateway.channels.asterisk.explain import (
    Explanation,
    Handling,
    Party,
    explain,
    explain_ami,
    explain_q850,
    explain_sip,
)
from gateway.channels.asterisk.outcomes import LegEnd, outcome_of
from gateway.model.call import CallOutcome

RANG = (True, False, None)
SIP_STATUSES = range(300, 700)
Q850_CAUSES = range(1, 128)


def check(end: LegEnd, explained: Explanation) -> None:
    """Hold that words and deed agree, and that the words are of use."""
    outcome = outcome_of(end)
    assert explained.outcome is outcome
    assert explained.meaning
    assert explained.meaning[0].islower() or explained.meaning.startswith(("Tocsin", "Asterisk"))
    assert explained.advice.endswith(".")
    match explained.handling:
        case Handling.MISSED:
            assert outcome.is_missed
            assert explained.party is Party.NOBODY
        case Handling.INVALID_NUMBER:
            assert outcome is CallOutcome.INVALID_NUMBER
            assert explained.party is Party.CONTACTS
        case Handling.TRUNK_TROUBLE:
            assert outcome is CallOutcome.TRUNK_TROUBLE
            assert explained.party is Party.CARRIER
            assert explained.advice != NOTHING
        case Handling.OWN_FAULT:
            assert outcome is CallOutcome.TRUNK_TROUBLE
            assert explained.party is Party.GATEWAY
            assert explained.advice != NOTHING
        case Handling.ANSWERED:
            assert end.answered
        case Handling.CANCELLED:
            assert end.cancelled


@pytest.mark.parametrize("rang", RANG)
def test_every_sip_status_is_explained_as_it_is_handled(rang: bool | None) -> None:
    for status in SIP_STATUSES:
        explained = explain_sip(status, rang=rang)
        check(LegEnd(sip_cause=status, rang=rang), explained)
        assert explained.cause.startswith(f"SIP {status} ")


@pytest.mark.parametrize("rang", RANG)
def test_every_q850_cause_is_explained_as_it_is_handled(rang: bool | None) -> None:
    for cause in Q850_CAUSES:
        explained = explain_q850(cause, rang=rang)
        check(LegEnd(hangup_cause=cause, rang=rang), explained)
        assert explained.cause.startswith(f"Q.850 {cause} ")


@given(
    end=st.builds(
        LegEnd,
        sip_cause=st.none() | st.integers(0, 1000),
        hangup_cause=st.none() | st.integers(0, 300),
        answered=st.booleans(),
        cancelled=st.booleans(),
        rang=st.sampled_from(RANG),
    )
)
def test_whatever_is_known_of_an_end_it_is_explained_as_it_is_handled(end: LegEnd) -> None:
    check(end, explain(end))


def test_what_everybody_meets_has_words_of_its_own() -> None:
    named = {
        *range(400, 404),
        404,
        407,
        408,
        410,
        480,
        484,
        486,
        487,
        488,
        500,
        502,
        503,
        504,
        600,
        603,
        604,
        606,
        607,
        608,
    }
    assert named <= SIP.keys()
    assert {1, 3, 16, 17, 18, 19, 20, 21, 27, 28, 31, 34, 38, 41, 42, 88, 102, 127} <= Q850.keys()
    assert all(status in SIP_STATUSES for status in SIP)
    assert all(cause in Q850_CAUSES for cause in Q850)


@pytest.mark.parametrize(
    ("rang", "handling", "party"),
    [(True, Handling.MISSED, Party.NOBODY), (False, Handling.TRUNK_TROUBLE, Party.CARRIER)],
)
@pytest.mark.parametrize("end", [LegEnd(sip_cause=408), LegEnd(hangup_cause=18), LegEnd(hangup_cause=102)])
def test_a_time_out_is_the_callees_where_the_phone_rang_and_the_trunks_where_nothing_did(
    end: LegEnd, rang: bool, handling: Handling, party: Party
) -> None:
    explained = explain(LegEnd(sip_cause=end.sip_cause, hangup_cause=end.hangup_cause, rang=rang))
    assert (explained.handling, explained.party) == (handling, party)


def test_the_sip_status_counts_before_the_cause() -> None:
    assert explain(LegEnd(sip_cause=403, hangup_cause=21)).handling is Handling.OWN_FAULT
    assert explain(LegEnd(sip_cause=200, hangup_cause=17)).cause == "Q.850 17 user busy"


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("Asterisk refused the login as tocsin: Authentication failed", "login"),
        ("Authentication failed", "login"),
        ("Permission denied", "permission"),
        ("Extension does not exist.", "dialplan"),
        ("[Errno 111] Connect call failed ('127.0.0.1', 5038)", "connection refused"),
        ("Multiple exceptions: [Errno 111] Connection refused, [Errno 99] ...", "connection refused"),
        ("certificate verify failed: self-signed certificate", "certificate"),
        ("Asterisk shuts down", "shuts down"),
        ("no answer to a ping: no answer to Ping within 5 s", "out of reach"),
        ("", "out of reach"),
    ],
)
def test_an_error_of_the_manager_interface_says_what_to_do(error: str, named: str) -> None:
    explained = explain_ami(error)
    assert named in explained.cause
    assert (explained.handling, explained.party) == (Handling.OWN_FAULT, Party.GATEWAY)
    assert explained.advice.endswith(".")


@given(st.text())
def test_an_error_of_the_manager_interface_may_be_anything(error: str) -> None:
    assert explain_ami(error).outcome is CallOutcome.TRUNK_TROUBLE
