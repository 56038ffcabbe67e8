"""WhatsApp end to end: a real gateway, and a Twilio that follows its own API document and WhatsApp's rules."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clouds import FakeTwilio
from tests.gateway import FAST, Gateway
from tests.waiting import until

EN, ES, OVER = ("HX" + letter * 32 for letter in "abc")


class Exchange:
    """A gateway that has WhatsApp alone."""

    def __init__(self, directory: Path, twilio: FakeTwilio) -> None:
        self.twilio = twilio
        section = {
            "account_sid": twilio.account_sid,
            "auth_token": twilio.auth_token,
            "api_base": twilio.api_base,
            "whatsapp_from": "+14155238886",
            "content_sid": EN,
            "content_sids": {"es": ES},
            "stand_down_sid": OVER,
            "timeout": "5s",
        }
        # So long that no test sees the end of a wait: what goes on, goes on by what is reported.
        self.gateway = Gateway(
            directory, {"twilio": section, "policy": dict(FAST) | {"l1_wait": "5m", "l2_wait": "5m"}}
        )
        self._numbers = 0

    def person(self, license_id: int, **values: Any) -> str:
        self._numbers += 1
        number = f"+1555{self._numbers + 5000:07}"
        self.gateway.contact(license_id, number, **values)
        return number

    def skipped(self, event_id: int) -> list[tuple[str, str]]:
        timeline = self.gateway.event(event_id)["timeline"]
        return [(each["channel"], each["detail"]["reason"]) for each in timeline if each["type"] == "attempt_skipped"]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with FakeTwilio(fetch_media=True) as twilio:
        made = Exchange(tmp_path_factory.mktemp("whatsapp"), twilio)
        with made.gateway:
            twilio.webhook_url = f"{made.gateway.url}/twilio/whatsapp/inbound"
            yield made


@pytest.fixture(autouse=True)
def nothing_unexpected(exchange: Exchange) -> Iterator[None]:
    yield
    exchange.twilio.expect_nothing_more()


def test_a_text_that_whatsapp_refused_comes_by_template_and_its_button_acknowledges(exchange: Exchange) -> None:
    gateway, twilio = exchange.gateway, exchange.twilio
    license_id = gateway.license()
    number = exchange.person(license_id, language="es-MX")
    # They write, and then WhatsApp knows better than we do that the window is closed.
    twilio.inbound(number, "hola")
    twilio.close_window(number)
    event_id = gateway.post(gateway.source(license_id), title="Gate forced")
    refused, repeated = twilio.expect_message(), twilio.expect_message()
    assert (refused.content_sid, refused.error_code) == (None, 63016)
    assert "Gate forced" in (refused.body or "")
    assert (repeated.content_sid, repeated.content_variables["3"]) == (ES, "Gate forced")
    gateway.expect_entry(event_id, "delivery_report", window="closed")
    payload = repeated.content_variables["5"]
    assert twilio.inbound(number, "Me encargo", button_payload=payload, in_reply_to=repeated.sid) == 200
    event = gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_via"] == "reply"


def test_who_opted_out_gets_nothing_and_everybody_else_is_told(exchange: Exchange) -> None:
    gateway, twilio = exchange.gateway, exchange.twilio
    license_id = gateway.license()
    silent, other = exchange.person(license_id), exchange.person(license_id)
    assert twilio.inbound(silent, "STOP", more={"OptOutType": "STOP"}) == 200
    event_id = gateway.post(gateway.source(license_id))
    message = twilio.expect_message()
    assert message.to == f"whatsapp:{other}"
    assert exchange.skipped(event_id)[:2] == [("whatsapp_text", "opted_out"), ("whatsapp_voice", "opted_out")]
    twilio.inbound(silent, "START")
    following = gateway.post(gateway.source(license_id))
    started = twilio.expect_message()
    assert started.to == f"whatsapp:{silent}"
    assert twilio.inbound(other, "1", in_reply_to=message.sid) == 200
    assert twilio.inbound(silent, "1", in_reply_to=started.sid) == 200
    gateway.expect_status(event_id, "acknowledged")
    gateway.expect_status(following, "acknowledged")


def test_who_was_told_hears_by_the_stand_down_template_that_somebody_took_it(exchange: Exchange) -> None:
    gateway, twilio = exchange.gateway, exchange.twilio
    license_id = gateway.license()
    first, second = exchange.person(license_id), exchange.person(license_id, name="Ben")
    event_id = gateway.post(gateway.source(license_id), title="Smoke")
    told = twilio.expect_message()
    twilio.report(told.sid, "delivered")
    assert (told.to, told.content_sid) == (f"whatsapp:{first}", EN)
    gateway.run("event", "ack", str(event_id))
    over = twilio.expect_message()
    assert (over.to, over.content_sid) == (f"whatsapp:{first}", OVER)
    assert over.content_variables["1"] == "Smoke"
    assert second not in {message.to for message in twilio.sent}


def test_forged_callbacks_are_refused_and_logged(exchange: Exchange) -> None:
    gateway, twilio = exchange.gateway, exchange.twilio
    license_id = gateway.license()
    number = exchange.person(license_id)
    event_id = gateway.post(gateway.source(license_id))
    message = twilio.expect_message()
    assert twilio.report(message.sid, "undelivered", error_code=63024, forged=True) == 403
    assert twilio.inbound(number, "1", forged=True) == 403
    assert gateway.event(event_id)["status"] == "open"
    until(lambda: gateway.log.read_text().count("callback_refused") >= 2, 10, "both refusals are logged")
    twilio.inbound(number, "1")
    gateway.expect_status(event_id, "acknowledged")


def test_a_voice_note_goes_out_in_the_window_and_a_failed_text_ends_its_wait(exchange: Exchange) -> None:
    gateway, twilio = exchange.gateway, exchange.twilio
    license_id = gateway.license()
    number = exchange.person(license_id)
    twilio.inbound(number, "hello")
    event_id = gateway.post(gateway.source(license_id), title="Gate forced")
    text = twilio.expect_message()
    twilio.report(text.sid, "undelivered", error_code=63032)
    note = twilio.expect_message()
    until(lambda: note.media is not None, 20, "the note is fetched")
    assert note.media_problem is None
    twilio.inbound(number, "ok", in_reply_to=note.sid)
    gateway.expect_status(event_id, "acknowledged")
    assert datetime.fromisoformat(gateway.event(event_id)["acknowledged_at"]) <= datetime.now(UTC)
