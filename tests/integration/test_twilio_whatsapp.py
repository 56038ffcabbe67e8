import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from gateway.channels.twilio.client import check_account, rest_client
from gateway.channels.twilio.whatsapp import WhatsAppChannel
from gateway.config.schema import TwilioConfig
from gateway.model.attempt import AttemptState, Level
from gateway.model.whatsapp import MessageFault
from gateway.ports.messages import BUTTON_VARIABLE, Message
from tests.clouds import FakeTwilio, Fault
from tests.waiting import until

FROM = "+14155238886"
TO = "+15550100"
INTRUSION = "Intrusion at gate 4: ¡corre! 🚨"
TEMPLATE = "HX" + "b" * 32
CALLBACK = "https://alerts.example.com/twilio/whatsapp/status"


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        yield fake


def config(twilio: FakeTwilio, **changes: Any) -> TwilioConfig:
    settings = {
        "account_sid": twilio.account_sid,
        "auth_token": twilio.auth_token,
        "api_base": twilio.api_base,
        "whatsapp_from": FROM,
        "timeout": "5s",
    }
    return TwilioConfig.model_validate(settings | changes)


def channel(twilio: FakeTwilio, **changes: Any) -> WhatsAppChannel:
    return WhatsAppChannel(config(twilio, **changes), pause=lambda _: None)


def text(**changes: Any) -> Message:
    settings: dict[str, Any] = {"level": Level.TEXT, "to": TO, "text": INTRUSION}
    return Message(**(settings | changes))


def test_free_text_arrives_and_is_known_by_its_sid(twilio: FakeTwilio) -> None:
    delivery = channel(twilio).send(text(status_callback_url=CALLBACK))
    sent = twilio.expect_message()
    assert delivery.state is AttemptState.SENT
    assert delivery.provider_id == sent.sid
    assert (sent.from_, sent.to, sent.body) == (
        f"whatsapp:{FROM}",
        f"whatsapp:{TO}",
        INTRUSION,
    )
    assert sent.status_callback == CALLBACK
    twilio.expect_nothing_more()


def test_without_a_status_callback_none_is_asked_for(twilio: FakeTwilio) -> None:
    channel(twilio).send(text())
    assert twilio.expect_message().status_callback is None


def test_a_template_arrives_with_its_variables(twilio: FakeTwilio) -> None:
    variables = {"1": "Gate\n4", "2": "", "3": "https://alerts.example.com/a/xyz"}
    delivery = channel(twilio, content_sid=TEMPLATE).send(text(template_variables=variables))
    sent = twilio.expect_message()
    assert delivery.state is AttemptState.SENT
    assert sent.content_sid == TEMPLATE
    assert sent.content_variables == {"1": "Gate 4", "2": "-", "3": "https://alerts.example.com/a/xyz"}
    assert sent.body is None
    twilio.expect_nothing_more()


def test_a_voice_note_arrives_within_the_window(twilio: FakeTwilio) -> None:
    media_url = "https://alerts.example.com/media/abc.ogg"
    delivery = channel(twilio).send(text(level=Level.VOICE_NOTE, media_url=media_url, window_open=True))
    assert delivery.state is AttemptState.SENT
    assert twilio.expect_message().media_url == media_url
    twilio.expect_nothing_more()


def test_a_voice_note_outside_the_window_never_leaves(twilio: FakeTwilio) -> None:
    delivery = channel(twilio).send(text(level=Level.VOICE_NOTE, media_url="https://a.example.com/x.ogg"))
    assert (delivery.state, delivery.reason) == (AttemptState.SKIPPED, "window_closed")
    assert twilio.requests == []


def test_overlong_text_is_cut_and_keeps_its_link(twilio: FakeTwilio) -> None:
    link = "https://alerts.example.com/a/xyz"
    assert channel(twilio).send(text(text="🚨" * 2000 + f"\n{link}")).state is AttemptState.SENT
    assert (twilio.expect_message().body or "").endswith(f"…\n{link}")


def test_a_refusal_is_final_and_not_repeated(twilio: FakeTwilio) -> None:
    twilio.refuse(TO, 21610, "Attempt to send to unsubscribed recipient")
    delivery = channel(twilio).send(text())
    assert delivery.state is AttemptState.FAILED
    assert delivery.reason == "21610: the recipient has opted out with STOP"
    assert len(twilio.requests) == 1


def test_wrong_credentials_are_named_and_not_repeated(twilio: FakeTwilio) -> None:
    delivery = channel(twilio, auth_token="wrong").send(text())
    assert (delivery.state, delivery.reason) == (AttemptState.FAILED, "20003: credentials refused")
    assert len(twilio.requests) == 1


def test_forbidden_is_refused_credentials(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.FORBIDDEN)
    assert channel(twilio).send(text()).state is AttemptState.FAILED


def test_a_server_error_is_unknown_and_never_sent_again(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.SERVER_ERROR)
    assert channel(twilio).send(text()).state is AttemptState.UNKNOWN
    assert len(twilio.requests) == 1


def test_silence_is_unknown_and_never_sent_again(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.HANG)
    delivery = channel(twilio, timeout="600ms").send(text())
    assert delivery.state is AttemptState.UNKNOWN
    assert len(twilio.requests) == 1


def test_a_lost_answer_is_unknown_and_the_message_was_sent_once(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.DROP)
    assert channel(twilio).send(text()).state is AttemptState.UNKNOWN
    twilio.expect_message()
    twilio.expect_nothing_more()


def test_an_answer_that_is_not_twilios_is_unknown(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.GARBAGE)
    assert channel(twilio).send(text()).state is AttemptState.UNKNOWN
    assert len(twilio.requests) == 1


def test_too_many_requests_pass_with_another_try(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.TOO_MANY, times=2)
    pauses: list[float] = []
    delivery = WhatsAppChannel(config(twilio), pause=pauses.append).send(text())
    assert delivery.state is AttemptState.SENT
    assert pauses == [0.25, 0.5]
    twilio.expect_message()
    twilio.expect_nothing_more()


def test_three_tries_are_all(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.TOO_MANY)
    delivery = channel(twilio).send(text())
    assert delivery.state is AttemptState.UNAVAILABLE
    assert delivery.reason == "20429: Too Many Requests"
    assert len(twilio.requests) == 3


def test_a_refused_connection_is_unavailable(twilio: FakeTwilio) -> None:
    twilio.go_down()
    delivery = channel(twilio).send(text())
    assert delivery.state is AttemptState.UNAVAILABLE
    assert twilio.sent == []


def test_a_server_that_comes_back_between_tries_gets_the_message_once(twilio: FakeTwilio) -> None:
    twilio.go_down()
    delivery = WhatsAppChannel(config(twilio), pause=lambda _: twilio.come_back()).send(text())
    assert delivery.state is AttemptState.SENT
    twilio.expect_message()
    twilio.expect_nothing_more()


def test_closing_ends_the_tries_at_once(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.TOO_MANY)
    closing = threading.Event()
    closing.set()
    assert WhatsAppChannel(config(twilio), closing=closing).send(text()).state is AttemptState.UNAVAILABLE
    assert len(twilio.requests) == 1


def test_tries_stop_before_the_timeout(twilio: FakeTwilio) -> None:
    twilio.fail(Fault.TOO_MANY)
    assert channel(twilio, timeout="200ms").send(text()).state is AttemptState.UNAVAILABLE
    assert len(twilio.requests) == 1


def test_a_name_that_does_not_resolve_is_unavailable(twilio: FakeTwilio) -> None:
    delivery = channel(twilio, api_base="http://no-such-host.invalid").send(text())
    assert delivery.state is AttemptState.UNAVAILABLE


def test_a_failed_tls_handshake_is_unavailable(twilio: FakeTwilio) -> None:
    delivery = channel(twilio, api_base=f"https://127.0.0.1:{twilio.port}").send(text())
    assert delivery.state is AttemptState.UNAVAILABLE
    assert twilio.sent == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate for 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + made.public_bytes(pem)
    )
    return file


@pytest.fixture
def secure_twilio(twilio: FakeTwilio, certificate: Path) -> FakeTwilio:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    twilio.speak_tls(context)
    return twilio


def test_a_trusted_certificate_lets_messages_through(
    secure_twilio: FakeTwilio, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert channel(secure_twilio).send(text()).state is AttemptState.SENT
    secure_twilio.expect_message()
    secure_twilio.expect_nothing_more()


def test_an_answer_lost_over_tls_is_unknown(
    secure_twilio: FakeTwilio, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    secure_twilio.fail(Fault.DROP)
    assert channel(secure_twilio).send(text()).state is AttemptState.UNKNOWN
    assert len(secure_twilio.sent) == 1


def test_an_untrusted_certificate_gets_no_message(secure_twilio: FakeTwilio) -> None:
    assert channel(secure_twilio).send(text()).state is AttemptState.UNAVAILABLE
    assert secure_twilio.requests == []


def test_a_connection_closed_in_the_tls_handshake_is_unavailable(twilio: FakeTwilio) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def close_each() -> None:
            with contextlib.suppress(OSError):
                for _ in range(3):
                    listener.accept()[0].close()

        closer = threading.Thread(target=close_each)
        closer.start()
        delivery = channel(twilio, api_base=f"https://127.0.0.1:{listener.getsockname()[1]}").send(text())
        closer.join()
    assert delivery.state is AttemptState.UNAVAILABLE


def test_an_api_base_with_a_path_is_kept(twilio: FakeTwilio) -> None:
    channel(twilio, api_base=f"{twilio.api_base}/proxy/").send(text())
    assert twilio.requests[0].path == f"/proxy/2010-04-01/Accounts/{twilio.account_sid}/Messages.json"


def test_no_region_of_the_environment_changes_the_address(twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    assert channel(twilio).send(text()).state is AttemptState.SENT


def test_a_sent_message_can_be_looked_up(twilio: FakeTwilio) -> None:
    delivery = channel(twilio).send(text())
    channel(twilio).send(text(to="+15550199"))
    client = rest_client(config(twilio))
    assert [found.sid for found in client.messages.list(to=f"whatsapp:{TO}")] == [delivery.provider_id]
    assert client.messages(str(delivery.provider_id)).fetch().status == "queued"


def test_the_account_can_be_checked(twilio: FakeTwilio) -> None:
    check = check_account(config(twilio))
    assert (check.ok, check.detail) == (True, "account 'Fake account' is active")


def test_a_suspended_account_is_told(twilio: FakeTwilio) -> None:
    twilio.account_status = "suspended"
    check = check_account(config(twilio))
    assert not check.ok
    assert "suspended" in check.detail


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP, Fault.SERVER_ERROR, Fault.GARBAGE, Fault.FORBIDDEN])
def test_a_check_survives_every_fault(twilio: FakeTwilio, fault: Fault) -> None:
    twilio.fail(fault)
    assert not check_account(config(twilio, timeout="600ms")).ok


def test_a_check_with_wrong_credentials_says_so(twilio: FakeTwilio) -> None:
    assert check_account(config(twilio, auth_token="wrong")).detail == "20003: credentials refused"


def test_no_secret_reaches_the_logs(twilio: FakeTwilio, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as events:
        channel(twilio).send(text())
        twilio.fail(Fault.HANG, times=1)
        channel(twilio, timeout="300ms").send(text())
        twilio.go_down()
        channel(twilio).send(text())
    assert [event["event"] for event in events] == ["whatsapp_try_failed"] * 2
    assert twilio.auth_token not in caplog.text + repr(events)


def test_free_text_outside_the_window_is_accepted_and_reported_undelivered_later(twilio: FakeTwilio) -> None:
    twilio.close_window(TO)
    assert channel(twilio).send(text()).state is AttemptState.SENT
    message = twilio.expect_message()
    until(lambda: message.error_code == 63016, 5, "the message is reported undelivered")
    assert message.status == "undelivered"


def test_a_template_without_the_buttons_variable_is_filled_without_it(twilio: FakeTwilio) -> None:
    twilio.variables[TEMPLATE] = {"1", "2"}
    variables = {"1": "Gate", "2": "critical", BUTTON_VARIABLE: "ack-7"}
    with capture_logs() as logs:
        delivery = channel(twilio, content_sid=TEMPLATE).send(text(template_variables=variables))
    assert delivery.state is AttemptState.SENT
    assert twilio.expect_message().content_variables == {"1": "Gate", "2": "critical"}
    assert [entry["event"] for entry in logs] == ["template_without_button_variable"]
    twilio.expect_nothing_more()


def test_a_template_whose_variables_do_not_fit_at_all_is_refused_for_good(twilio: FakeTwilio) -> None:
    twilio.variables[TEMPLATE] = {"9"}
    delivery = channel(twilio, content_sid=TEMPLATE).send(text(template_variables={"1": "Gate", BUTTON_VARIABLE: "a"}))
    assert (delivery.state, delivery.fault) == (AttemptState.FAILED, MessageFault.SETUP)
    assert len(twilio.requests) == 2


def test_a_refusal_tells_whose_number_it_was(twilio: FakeTwilio) -> None:
    twilio.refuse(TO, 21610, "Attempt to send to unsubscribed recipient")
    delivery = channel(twilio).send(text())
    assert (delivery.fault, delivery.to) == (MessageFault.OPTED_OUT, TO)


def test_a_template_that_was_sent_is_found_by_what_it_shows(twilio: FakeTwilio) -> None:
    by_template = channel(twilio, content_sid=TEMPLATE)
    variables = {"1": "Acme", "2": "critical", "3": "Gate", "4": "https://a.example.com/a/x", BUTTON_VARIABLE: "ack-7"}
    message = text(template_variables=variables)
    since = datetime.now(UTC)
    delivery = by_template.send(message)
    found = by_template.find(message, since)
    assert found is not None
    assert found.provider_id == delivery.provider_id
