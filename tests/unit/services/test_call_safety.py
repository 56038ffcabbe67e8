"""Which numbers are called, and which never."""

import pytest

from gateway.model.call_safety import CallSafety, CostlyKind
from gateway.services.call_safety import destination_refusal, in_words

DEFAULT = CallSafety()


@pytest.mark.parametrize(
    "number",
    [
        "+442079460123",
        "+34600000000",
        "+15550100",  # numbers of films and tests, which belong to nobody
        "+15552000001",
        "+18005550100",
        "+5511987654321",
    ],
)
def test_ordinary_numbers_of_every_country_are_called_unless_told_otherwise(number: str) -> None:
    assert destination_refusal(DEFAULT, number) is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+19005551234", "destination_premium_rate"),
        ("+449098790001", "destination_premium_rate"),
        ("+979112345678", "destination_premium_rate"),
        ("+34902123456", "destination_shared_cost"),
        ("+881612345678", "destination_satellite"),
        ("+870776123456", "destination_satellite"),
        ("+88212345678", "destination_satellite"),
    ],
)
def test_costly_kinds_are_refused_unless_they_are_allowed(number: str, reason: str) -> None:
    assert destination_refusal(DEFAULT, number) == reason
    kind = CostlyKind(reason.removeprefix("destination_"))
    assert destination_refusal(CallSafety(allowed_kinds=(kind,)), number) is None
    assert kind.value in in_words(reason)


@pytest.mark.parametrize("number", ["+49110", "+49112", "+1911", "+34112", "+44999", "+56911"])
def test_emergency_numbers_are_refused_whatever_is_allowed(number: str) -> None:
    everything = CallSafety(allowed=("+",), allowed_kinds=tuple(CostlyKind))
    assert destination_refusal(everything, number) == "destination_emergency"


def test_other_short_numbers_are_refused() -> None:
    assert destination_refusal(DEFAULT, "+49115") == "destination_short_number"
    assert destination_refusal(DEFAULT, "112") == "destination_invalid"


def test_what_is_denied_counts_before_what_is_allowed() -> None:
    safety = CallSafety(allowed=("+34", "+1"), denied=("+1809", "+34901"))
    assert destination_refusal(safety, "+34600000000") is None
    assert destination_refusal(safety, "+18095550123") == "destination_denied"
    assert destination_refusal(safety, "+15550100") is None
    assert destination_refusal(safety, "+442079460123") == "destination_not_allowed"


def test_every_reason_says_in_words_what_to_change() -> None:
    assert in_words("destination_not_allowed") == "call_safety.allowed has none of its beginnings"
    assert in_words("something_else") == "something_else"
