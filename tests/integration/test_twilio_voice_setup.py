"""What is said of calls through Twilio before the first one: by `tocsin doctor` and `tocsin check-config`."""

from collections.abc import Iterator

import pytest

from gateway.app.cli import doctor
from gateway.app.cli.checks import CheckState, Finding
from gateway.config.crosschecks import cross_check
from gateway.config.schema import Config
from tests.clouds import FakeTwilio, Fault

NUMBER = "+15550100"


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as twilio:
        yield twilio


def look(
    twilio: FakeTwilio, *, public_url: str = "https://alerts.example.com", voice_from: str | None = NUMBER
) -> Finding:
    section = {"account_sid": twilio.account_sid, "auth_token": twilio.auth_token, "api_base": twilio.api_base}
    config = Config.model_validate({"web": {"public_url": public_url}, "twilio": section | {"voice_from": voice_from}})
    (check,) = [check for check in doctor.checks(config) if check.name == "twilio voice"]
    return check.look()


def test_a_number_of_the_account_is_well(twilio: FakeTwilio) -> None:
    twilio.voice.numbers[NUMBER] = True
    finding = look(twilio)
    assert (finding.state, finding.detail) == (
        CheckState.OK,
        f"calls are placed from {NUMBER}, a number of this account",
    )


def test_a_verified_caller_id_is_well(twilio: FakeTwilio) -> None:
    twilio.voice.caller_ids.add(NUMBER)
    assert look(twilio).state is CheckState.OK


def test_a_number_that_cannot_call_is_told(twilio: FakeTwilio) -> None:
    twilio.voice.numbers[NUMBER] = False
    finding = look(twilio)
    assert finding.state is CheckState.FAILED
    assert "cannot call" in finding.detail


def test_a_strange_number_is_told_with_what_to_do(twilio: FakeTwilio) -> None:
    finding = look(twilio)
    assert finding.state is CheckState.FAILED
    assert "neither" in finding.detail
    assert finding.advice is not None
    assert "voice_from" in finding.advice


def test_an_address_that_twilio_cannot_reach_is_told(twilio: FakeTwilio) -> None:
    twilio.voice.numbers[NUMBER] = True
    finding = look(twilio, public_url="http://127.0.0.1:8080")
    assert finding.state is CheckState.FAILED
    assert finding.advice is not None
    assert "public_url" in finding.advice


def test_trouble_of_twilio_is_told(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.FORBIDDEN)
    assert look(twilio).state is CheckState.FAILED


def test_without_a_number_calls_through_twilio_are_off(twilio: FakeTwilio) -> None:
    assert look(twilio, voice_from=None).state is CheckState.OFF


@pytest.mark.parametrize("kind", ["nodes", "trunks"])
def test_no_trunk_and_no_node_may_take_twilios_name(kind: str) -> None:
    mistakes = cross_check({"asterisk": {kind: [{"name": "twilio", "host": "127.0.0.1"}]}})
    assert [mistake.path for mistake in mistakes if "Twilio" in mistake.problem] == [f"asterisk.{kind}[0].name"]
