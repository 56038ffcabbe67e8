"""`tocsin whatsapp`: the templates as they are to be approved, made once, and how they stand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.model.languages import LANGUAGES
from tests.clouds import FakeTwilio, Fault
from tests.command_line import CommandLine

ALERT_SID, OVER_SID = "HX" + "a" * 32, "HX" + "b" * 32


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        yield fake


@pytest.fixture
def cli(tmp_path: Path, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    line = CommandLine(tmp_path)
    configure(line, twilio)
    return line


def configure(cli: CommandLine, twilio: FakeTwilio, **more: Any) -> None:
    section = {
        "account_sid": twilio.account_sid,
        "auth_token": twilio.auth_token,
        "api_base": twilio.api_base,
        "content_api_base": twilio.api_base,
        "whatsapp_from": "+14155238886",
        **more,
    }
    cli.write(yaml.safe_dump({"twilio": section, "web": {"public_url": "https://alerts.example.com"}}))


def test_the_template_of_a_language_is_printed_as_the_content_api_takes_it(
    cli: CommandLine, twilio: FakeTwilio
) -> None:
    (template,) = cli.json("whatsapp", "template", "--language", "es")
    reply = template["types"]["twilio/quick-reply"]
    assert (template["friendly_name"], template["language"]) == ("tocsin_alert_es", "es")
    assert [action["id"] for action in reply["actions"]] == ["{{5}}"]
    assert all(f"{{{{{number}}}}}" in reply["body"] for number in range(1, 5))
    assert template["variables"]["4"] == "https://alerts.example.com/a/sample"
    assert twilio.requests == []


@pytest.mark.parametrize("stand_down", [(), ("--stand-down",)])
def test_every_language_has_a_template_that_whatsapp_takes(
    cli: CommandLine, twilio: FakeTwilio, stand_down: tuple[str, ...]
) -> None:
    made = cli.json("whatsapp", "template", "--create", *stand_down)
    ((key, sids),) = made.items()
    assert key == ("stand_down_sids" if stand_down else "content_sids")
    assert set(sids) == {language.tag for language in LANGUAGES}
    assert len(set(sids.values())) == len(LANGUAGES)
    assert {each["approval_requests"]["category"] for each in twilio.content.templates} == {"UTILITY"}
    twilio.expect_nothing_more()


def test_what_is_there_is_not_made_again_and_what_was_not_submitted_is(cli: CommandLine, twilio: FakeTwilio) -> None:
    first = cli.json("whatsapp", "template", "--language", "en", "--create")
    # As if the process had been ended between the two requests.
    twilio.content.templates[0]["approval_requests"] = {"status": "unsubmitted"}
    assert cli.json("whatsapp", "template", "--language", "en", "--create") == first
    assert cli.json("whatsapp", "template", "--language", "en", "--create") == first
    assert [each["approval_requests"]["status"] for each in twilio.content.templates] == ["received"]
    twilio.expect_nothing_more()


def test_what_is_printed_for_people_can_be_pasted_into_the_configuration(cli: CommandLine) -> None:
    ran = cli("whatsapp", "template", "--language", "en", "--language", "pt-br", "--create")
    assert ran.status == 0, ran.err
    assert set(yaml.safe_load(ran.out)["twilio"]["content_sids"]) == {"en", "pt-BR"}


def test_the_status_of_each_configured_template_is_shown(cli: CommandLine, twilio: FakeTwilio) -> None:
    configure(cli, twilio, content_sids={"es": ALERT_SID}, stand_down_sid=OVER_SID)
    twilio.content.add(ALERT_SID, status="approved")
    twilio.content.add(OVER_SID, status="rejected", reason="too many variables")
    told = [(one["use"], one["for"], one["status"], one["reason"]) for one in cli.json("whatsapp", "status")]
    assert told == [("alert", "es", "approved", ""), ("stand-down", "all", "rejected", "too many variables")]
    assert "too many variables" in cli("whatsapp", "status").out


def test_without_a_template_the_status_says_how_to_get_one(cli: CommandLine) -> None:
    assert "tocsin whatsapp template --create" in cli("whatsapp", "status").out


def test_a_template_that_is_not_there_is_named(cli: CommandLine, twilio: FakeTwilio) -> None:
    configure(cli, twilio, content_sid=ALERT_SID)
    ran = cli("whatsapp", "status")
    assert (ran.status, ALERT_SID in ran.err) == (1, True)


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.GARBAGE, Fault.DROP, Fault.TOO_MANY])
def test_a_fault_at_twilio_is_told_and_nothing_is_claimed(cli: CommandLine, twilio: FakeTwilio, fault: Fault) -> None:
    twilio.fail(fault)
    ran = cli("whatsapp", "template", "--language", "en", "--create")
    assert (ran.status, ran.out) == (1, "")
    assert "tocsin_alert_en could not be made" in ran.err


def test_wrong_credentials_are_told(cli: CommandLine, twilio: FakeTwilio) -> None:
    configure(cli, twilio, auth_token="wrong")
    assert "20003" in cli("whatsapp", "template", "--language", "en", "--create").err


def test_a_wrong_language_is_wrong_usage(cli: CommandLine) -> None:
    assert cli("whatsapp", "template", "--language", "x!").status == 2


def test_without_twilio_the_command_says_what_to_add(cli: CommandLine) -> None:
    cli.write("{}")
    assert "add the section" in cli("whatsapp", "status").err


def finding(cli: CommandLine) -> tuple[str, str]:
    """Return what the doctor says of the templates."""
    ran = cli("doctor", "--json")
    checks = {check["name"]: check for check in ran.json["checks"]}
    return checks["whatsapp templates"]["state"], checks["whatsapp templates"]["detail"]


def test_the_doctor_tells_of_every_template_that_would_not_be_delivered(cli: CommandLine, twilio: FakeTwilio) -> None:
    assert finding(cli)[0] == "off"
    configure(cli, twilio, content_sid=ALERT_SID, stand_down_sid=OVER_SID)
    assert finding(cli)[0] == "failed"
    twilio.content.add(ALERT_SID, status="approved")
    twilio.content.add(OVER_SID, status="pending")
    assert finding(cli) == ("warning", "stand-down (all) is pending")
    twilio.content.templates[1]["approval_requests"]["status"] = "paused"
    assert finding(cli) == ("failed", "stand-down (all) is paused")
    twilio.content.templates[1]["approval_requests"]["status"] = "approved"
    assert finding(cli) == ("ok", "2 approved")
