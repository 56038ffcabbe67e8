import json
from typing import Any

import pytest

from gateway.channels.twilio.whatsapp import WhatsAppChannel, create_parameters, template_value
from gateway.config.schema import TwilioConfig
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import Message

TEMPLATE, SPANISH, BRAZILIAN = ("HX" + letter * 32 for letter in "bcd")


def config(**changes: Any) -> TwilioConfig:
    settings = {"account_sid": "AC" + "a" * 32, "auth_token": "secret", "whatsapp_from": "+14155238886", **changes}
    return TwilioConfig.model_validate(settings)


def message(level: Level = Level.TEXT, **changes: Any) -> Message:
    settings: dict[str, Any] = {"to": "+15550100", "text": "Intrusion", "template_variables": {"1": "Intrusion"}}
    return Message(level=level, **(settings | changes))


@pytest.mark.parametrize(
    ("level", "content_sid", "window_open", "reason"),
    [
        (Level.TEXT, TEMPLATE, False, None),
        (Level.TEXT, None, False, None),
        (Level.VOICE_NOTE, TEMPLATE, True, None),
        (Level.VOICE_NOTE, TEMPLATE, False, "window_closed"),
        (Level.VOICE_NOTE, None, False, "window_closed"),
        (Level.STAND_DOWN, TEMPLATE, True, None),
        (Level.STAND_DOWN, TEMPLATE, False, "window_closed"),
        (Level.STAND_DOWN, None, False, None),
        (Level.CALL, None, True, "not_supported"),
        (Level.OWNER, None, True, "not_supported"),
    ],
)
def test_whatsapps_rules_decide_what_is_refused(
    level: Level, content_sid: str | None, window_open: bool, reason: str | None
) -> None:
    assert WhatsAppChannel(config(content_sid=content_sid)).refuse(level, window_open=window_open) == reason


@pytest.mark.parametrize("level", [Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN])
def test_without_a_sender_nothing_is_sent(level: Level) -> None:
    channel = WhatsAppChannel(config(whatsapp_from=None))
    assert channel.refuse(level, window_open=True) == "not_configured"
    assert channel.send(message(level, window_open=True)).state is AttemptState.SKIPPED


def test_a_voice_note_without_media_is_skipped() -> None:
    delivery = WhatsAppChannel(config()).send(message(Level.VOICE_NOTE, window_open=True))
    assert (delivery.state, delivery.reason) == (AttemptState.SKIPPED, "no_media")


def test_text_goes_by_the_template_while_the_window_is_not_known_open() -> None:
    parameters = create_parameters(config(content_sid=TEMPLATE), message())
    assert parameters["content_sid"] == TEMPLATE
    assert json.loads(str(parameters["content_variables"])) == {"1": "Intrusion"}
    assert "body" not in parameters


def test_text_is_free_within_the_window() -> None:
    parameters = create_parameters(config(content_sid=TEMPLATE), message(window_open=True))
    assert parameters["body"] == "Intrusion"
    assert "content_sid" not in parameters


def test_a_template_without_variables_sends_none() -> None:
    assert "content_variables" not in create_parameters(config(content_sid=TEMPLATE), message(template_variables={}))


def test_stand_down_is_never_a_template() -> None:
    assert "content_sid" not in create_parameters(
        config(content_sid=TEMPLATE), message(Level.STAND_DOWN, window_open=True)
    )


def test_addresses_are_whatsapp_addresses() -> None:
    parameters = create_parameters(config(), message())
    assert (parameters["from_"], parameters["to"]) == ("whatsapp:+14155238886", "whatsapp:+15550100")


@pytest.mark.parametrize(
    ("value", "fits"),
    [("two\nlines", "two lines"), ("tab\tand     spaces", "tab and spaces"), ("  ", "-"), ("x" * 300, "x" * 254 + "…")],
)
def test_template_values_are_made_acceptable(value: str, fits: str) -> None:
    assert template_value(value) == fits


def test_the_configuration_shows_no_secret() -> None:
    assert "secret" not in repr(config())


@pytest.mark.parametrize(
    ("language", "sid"),
    [("es", SPANISH), ("es-MX", SPANISH), ("pt-BR", BRAZILIAN), ("PT_br", BRAZILIAN), ("pt", TEMPLATE), ("", TEMPLATE)],
)
def test_the_template_is_that_of_the_language_else_the_one_for_everybody(language: str, sid: str) -> None:
    several = config(content_sid=TEMPLATE, content_sids={"es": SPANISH, "pt-BR": BRAZILIAN})
    assert create_parameters(several, message(language=language))["content_sid"] == sid


@pytest.mark.parametrize(("sids", "sid"), [({"es": SPANISH, "en": TEMPLATE}, TEMPLATE), ({"es": SPANISH}, SPANISH)])
def test_without_one_for_everybody_it_is_the_english_one_or_any(sids: dict[str, str], sid: str) -> None:
    assert create_parameters(config(content_sids=sids), message(language="de"))["content_sid"] == sid


def test_a_stand_down_goes_by_its_own_template_outside_the_window() -> None:
    both = config(content_sid=TEMPLATE, stand_down_sid=SPANISH)
    assert WhatsAppChannel(both).refuse(Level.STAND_DOWN, window_open=False) is None
    assert create_parameters(both, message(Level.STAND_DOWN))["content_sid"] == SPANISH
    assert "content_sid" not in create_parameters(both, message(Level.STAND_DOWN, window_open=True))


def test_what_needs_a_template_is_skipped_where_there_is_none() -> None:
    delivery = WhatsAppChannel(config()).send(message(template_only=True))
    assert (delivery.state, delivery.reason) == (AttemptState.SKIPPED, "no_template")


@pytest.mark.parametrize(
    ("url", "told"),
    [("https://a.example.com/s?attempt=7", "?attempt=7&by=template"), ("https://a.example.com/s", "s?by=template")],
)
def test_the_address_for_reports_tells_that_it_was_a_template(url: str, told: str) -> None:
    by_template = create_parameters(config(content_sid=TEMPLATE), message(status_callback_url=url))
    assert str(by_template["status_callback"]).endswith(told)
    free = create_parameters(config(content_sid=TEMPLATE), message(status_callback_url=url, window_open=True))
    assert free["status_callback"] == url
