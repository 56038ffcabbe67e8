"""The fake refuses what Twilio refuses, and its callbacks are those of Twilio."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import numpy as np
import pytest
import requests
import soundfile

from gateway.channels.twilio.signature import valid
from tests.clouds import FakeTwilio
from tests.waiting import until

TO = "+15550100"
GOOD = {"To": f"whatsapp:{TO}", "From": "whatsapp:+14155238886", "Body": "hello"}
TEMPLATE = "HX" + "b" * 32


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio(fetch_media=True, reports=("sent", "delivered")) as fake:
        yield fake


class Gateway:
    """A web server that takes callbacks and serves one voice note."""

    def __init__(self) -> None:
        self.callbacks: list[tuple[str, dict[str, str], str]] = []
        self.voice_note = b""
        self.kind = "audio/ogg"
        gateway = self

        class Conversation(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                signature = self.headers["X-Twilio-Signature"]
                gateway.callbacks.append((self.path, dict(parse_qsl(body, keep_blank_values=True)), signature))
                self.send_response(204)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", gateway.kind)
                self.end_headers()
                self.wfile.write(gateway.voice_note)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Conversation)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def run(self) -> None:
        self.server.serve_forever(0.02)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    thread = threading.Thread(target=gateway.run)
    thread.start()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()
    thread.join()


def create(twilio: FakeTwilio, form: dict[str, str]) -> tuple[int, int | None]:
    answer = requests.post(
        f"{twilio.api_base}/2010-04-01/Accounts/{twilio.account_sid}/Messages.json",
        data=form,
        auth=(twilio.account_sid, twilio.auth_token),
        timeout=5,
    )
    return answer.status_code, answer.json().get("code")


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (without("To"), 20001),
        (without("From"), 20001),
        (without("Body"), 21619),
        ({**GOOD, "To": TO}, 21211),
        ({**GOOD, "To": "whatsapp:15550100"}, 21211),
        ({**GOOD, "From": "+14155238886"}, 21212),
        ({**GOOD, "Body": "x" * 1601}, 21617),
        ({**GOOD, "Boddy": "x"}, 20001),
        ({**GOOD, "StatusCallback": "nowhere"}, 21609),
        ({**GOOD, "ContentVariables": "{}"}, 21654),
        ({**GOOD, "ContentSid": TEMPLATE}, 21651),
        ({**without("Body"), "ContentSid": "template"}, 20001),
        ({**without("Body"), "ContentSid": TEMPLATE, "ContentVariables": "{1: 2}"}, 21656),
        ({**without("Body"), "ContentSid": TEMPLATE, "ContentVariables": '{"1": ""}'}, 21656),
        ({**without("Body"), "ContentSid": TEMPLATE, "ContentVariables": '{"1": "a\\nb"}'}, 21656),
        ({**without("Body"), "MediaUrl": "file:///x.ogg"}, 21620),
    ],
)
def test_wrong_requests_are_refused_and_remembered(twilio: FakeTwilio, form: dict[str, str], code: int) -> None:
    assert create(twilio, form) == (400, code)
    with pytest.raises(AssertionError, match="wrong requests"):
        twilio.expect_nothing_more()


def test_wrong_credentials_are_refused(twilio: FakeTwilio) -> None:
    twilio.auth_token = "another"
    assert create(twilio, GOOD) == (201, None)
    answer = requests.get(f"{twilio.api_base}/2010-04-01/Accounts/{twilio.account_sid}.json", timeout=5)
    assert answer.status_code == 401


def test_an_unexpected_message_is_an_error(twilio: FakeTwilio) -> None:
    create(twilio, GOOD)
    with pytest.raises(AssertionError, match="unexpected messages"):
        twilio.expect_nothing_more()


def test_status_callbacks_come_in_order_and_signed(twilio: FakeTwilio, gateway: Gateway) -> None:
    url = f"{gateway.url}/twilio/whatsapp/status"
    create(twilio, {**GOOD, "StatusCallback": url})
    sent = twilio.expect_message()
    until(lambda: len(gateway.callbacks) == 2, 5, "both statuses are reported")
    assert [form["MessageStatus"] for _, form, _ in gateway.callbacks] == ["sent", "delivered"]
    assert {form["MessageSid"] for _, form, _ in gateway.callbacks} == {sent.sid}
    assert all(valid(twilio.auth_token, url, form, signature) for _, form, signature in gateway.callbacks)


def test_an_address_behind_a_reverse_proxy_is_signed_as_the_public_one(twilio: FakeTwilio, gateway: Gateway) -> None:
    twilio.routes["https://alerts.example.com"] = gateway.url
    create(twilio, {**GOOD, "StatusCallback": "https://alerts.example.com/status?x=1"})
    until(lambda: len(gateway.callbacks) == 2, 5, "both statuses are reported")
    path, form, signature = gateway.callbacks[0]
    assert path == "/status?x=1"
    assert valid(twilio.auth_token, "https://alerts.example.com/status?x=1", form, signature)


def test_a_forged_report_has_a_wrong_signature(twilio: FakeTwilio, gateway: Gateway) -> None:
    url = f"{gateway.url}/status"
    create(twilio, {**GOOD, "StatusCallback": url})
    until(lambda: len(gateway.callbacks) == 2, 5, "both statuses are reported")
    assert twilio.report(twilio.sent[0].sid, "read", forged=True) == 204
    _, form, signature = gateway.callbacks[-1]
    assert not valid(twilio.auth_token, url, form, signature)


def test_outside_the_window_free_text_ends_undelivered(twilio: FakeTwilio, gateway: Gateway) -> None:
    twilio.close_window(TO)
    assert create(twilio, {**GOOD, "StatusCallback": f"{gateway.url}/status"})[0] == 201
    until(lambda: gateway.callbacks, 5, "the failure is reported")
    assert gateway.callbacks[0][1]["MessageStatus"] == "undelivered"
    assert gateway.callbacks[0][1]["ErrorCode"] == "63016"


def test_a_reply_is_signed_and_opens_the_window(twilio: FakeTwilio, gateway: Gateway) -> None:
    twilio.webhook_url = f"{gateway.url}/twilio/whatsapp/inbound"
    twilio.close_window(TO)
    assert twilio.inbound(TO, "Acknowledge", button_payload="ack") == 204
    path, form, signature = gateway.callbacks[0]
    assert path == "/twilio/whatsapp/inbound"
    assert (form["From"], form["Body"], form["ButtonPayload"]) == (f"whatsapp:{TO}", "Acknowledge", "ack")
    assert valid(twilio.auth_token, twilio.webhook_url, form, signature)
    create(twilio, GOOD)
    until(lambda: twilio.sent[0].status == "delivered", 5, "the message is delivered")


def voice_note(seconds: float) -> bytes:
    file = io.BytesIO()
    tone = np.sin(np.arange(int(48000 * seconds)) * 0.05) * 0.3
    soundfile.write(file, tone, 48000, format="OGG", subtype="OPUS")
    return file.getvalue()


def test_a_good_voice_note_is_fetched(twilio: FakeTwilio, gateway: Gateway) -> None:
    gateway.voice_note = voice_note(0.5)
    create(twilio, {**without("Body"), "MediaUrl": f"{gateway.url}/note.ogg"})
    sent = twilio.expect_message()
    until(lambda: sent.status == "delivered", 5, "the note is delivered")
    assert sent.media == gateway.voice_note


@pytest.mark.parametrize(
    ("kind", "note", "problem"),
    [
        ("audio/mpeg", voice_note(0.2), "content type"),
        ("audio/ogg", b"RIFF" + bytes(100), "not an OGG file"),
        ("audio/ogg", b"OggS" + bytes(100), "not Opus"),
        ("audio/ogg", voice_note(0.2) + bytes(512 * 1024), "over 512 KB"),
    ],
)
def test_a_bad_voice_note_ends_undelivered(
    twilio: FakeTwilio, gateway: Gateway, kind: str, note: bytes, problem: str
) -> None:
    gateway.kind, gateway.voice_note = kind, note
    create(twilio, {**without("Body"), "MediaUrl": f"{gateway.url}/note.ogg"})
    sent = twilio.expect_message()
    until(lambda: sent.status == "undelivered", 5, "the note is refused")
    assert sent.error_code == 63021
    assert problem in (sent.media_problem or "")


def test_a_voice_note_that_cannot_be_fetched_ends_undelivered(twilio: FakeTwilio) -> None:
    create(twilio, {**without("Body"), "MediaUrl": "http://127.0.0.1:9/note.ogg"})
    sent = twilio.expect_message()
    until(lambda: sent.error_code == 63019, 5, "the note is given up")
