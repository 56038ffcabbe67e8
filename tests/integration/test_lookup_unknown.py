"""Messages whose result nobody knows: they are looked up at Twilio, and never sent again."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors import workers
from gateway.app.engine import Engine
from gateway.channels.twilio.whatsapp import WhatsAppChannel
from gateway.config.schema import TwilioConfig
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import Message, SearchableChannel
from tests.clouds import FakeTwilio, Fault
from tests.integration.test_engine import Rig
from tests.waiting import until

FROM = "+14155238886"
TO = "+15550100"
TEMPLATE = "HX" + "b" * 32
LINK = "https://alerts.example.com/a/xyz"


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        yield fake


def channel(twilio: FakeTwilio, **changes: Any) -> WhatsAppChannel:
    settings = {
        "account_sid": twilio.account_sid,
        "auth_token": twilio.auth_token,
        "api_base": twilio.api_base,
        "whatsapp_from": FROM,
        "timeout": "2s",
    }
    return WhatsAppChannel(TwilioConfig.model_validate(settings | changes), pause=lambda _: None)


def text(title: str = "Intrusion", link: str = LINK, **changes: Any) -> Message:
    variables = {"1": "Acme", "2": "Critical", "3": title, "4": link}
    values: dict[str, Any] = {"level": Level.TEXT, "to": TO, "text": f"{title}\n{link}"}
    return Message(**(values | {"template_variables": variables} | changes))


def began() -> datetime:
    return datetime.now(UTC)


def test_a_text_that_was_taken_without_an_answer_is_found_and_not_sent_again(twilio: FakeTwilio) -> None:
    since, whatsapp = began(), channel(twilio)
    assert isinstance(whatsapp, SearchableChannel)
    twilio.fail(Fault.DROP, times=1)
    assert whatsapp.send(text()).state is AttemptState.UNKNOWN
    found = whatsapp.find(text(), since)
    assert found is not None
    assert (found.state, found.provider_id) == (AttemptState.SENT, twilio.expect_message().sid)
    twilio.expect_nothing_more()


def test_a_text_that_never_arrived_is_not_found(twilio: FakeTwilio) -> None:
    since, whatsapp = began(), channel(twilio)
    whatsapp.send(text(to="+15550199"))
    whatsapp.send(text("Another alert", "https://alerts.example.com/a/other"))
    assert whatsapp.find(text(), since) is None


def test_a_template_is_known_by_its_values(twilio: FakeTwilio) -> None:
    since, whatsapp = began(), channel(twilio, content_sid=TEMPLATE)
    sids = [whatsapp.send(text(link=f"{LINK}{n}")).provider_id for n in range(3)]
    found = whatsapp.find(text(link=f"{LINK}1"), since)
    assert found is not None
    assert found.provider_id == sids[1]


def test_two_that_look_alike_are_not_told_apart(twilio: FakeTwilio) -> None:
    since, whatsapp = began(), channel(twilio)
    for _ in range(2):
        whatsapp.send(text())
    assert whatsapp.find(text(), since) is None


def test_what_was_sent_before_is_another_message(twilio: FakeTwilio) -> None:
    whatsapp = channel(twilio)
    whatsapp.send(text())
    assert whatsapp.find(text(), began() + timedelta(minutes=1)) is None


def test_a_voice_note_is_known_where_it_is_the_only_one(twilio: FakeTwilio) -> None:
    since, whatsapp = began(), channel(twilio)
    note = text(level=Level.VOICE_NOTE, media_url="https://alerts.example.com/media/a.ogg", window_open=True)
    whatsapp.send(text())
    sid = whatsapp.send(note).provider_id
    found = whatsapp.find(note, since)
    assert found is not None
    assert found.provider_id == sid
    whatsapp.send(note)
    assert whatsapp.find(note, since) is None


def test_a_message_that_failed_meanwhile_is_known_as_failed(twilio: FakeTwilio) -> None:
    since, whatsapp = began(), channel(twilio)
    sid = whatsapp.send(text()).provider_id
    assert sid is not None
    twilio.report(sid, "undelivered", error_code=63016)
    found = whatsapp.find(text(), since)
    assert found is not None
    assert found.state is AttemptState.FAILED


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.TOO_MANY, Fault.DROP, Fault.GARBAGE])
def test_a_look_up_that_fails_has_learnt_nothing(twilio: FakeTwilio, fault: Fault) -> None:
    since, whatsapp = began(), channel(twilio)
    whatsapp.send(text())
    twilio.fail(fault)
    assert whatsapp.find(text(), since) is None


class Installation(Rig):
    """A record with engines on it that send to a fake Twilio."""

    def __init__(self, database_url: str, directory: Path, twilio: FakeTwilio) -> None:
        super().__init__(database_url, directory)
        self.twilio = twilio

    def start(self, *, timeout: str = "2s") -> Engine:
        channels = dict.fromkeys((Level.TEXT, Level.STAND_DOWN), channel(self.twilio, timeout=timeout))
        engine = Engine(self.config, channels=channels | {Level.OWNER: self.owner})  # type: ignore[dict-item] # all are channels
        engine.start()
        return engine

    def text_of(self, event_id: int) -> dict[str, Any]:
        return next(a for a in self.show(event_id)["attempts"] if a["channel"] == Level.TEXT.value)

    def results(self, event_id: int) -> list[tuple[Any, Any]]:
        entries = [e["detail"] for e in self.show(event_id)["timeline"] if e["type"] == "attempt_result"]
        return [(detail["result"], detail["reason"]) for detail in entries]


@pytest.fixture
def installation(
    sqlite_url: str, tmp_path: Path, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.setattr(workers, "_LISTED_AFTER", timedelta(milliseconds=50))
    installation = Installation(sqlite_url, tmp_path / "var", twilio)
    yield installation
    installation.record.close()


def test_an_ambiguous_answer_is_cleared_up_a_moment_later(installation: Installation, twilio: FakeTwilio) -> None:
    twilio.fail(Fault.DROP, times=1)
    engine = installation.start()
    try:
        event_id = installation.accept()
        until(lambda: len(installation.results(event_id)) == 2, 10, "it was looked up")
    finally:
        engine.stop()
    assert installation.text_of(event_id)["state"] == "sent"
    assert installation.results(event_id)[1] == ("sent", "found_at_provider")
    sid = twilio.expect_message().sid
    with installation.record.read() as work:
        known = work.attempts.by_provider_id("twilio", sid)
    assert known is not None
    twilio.expect_nothing_more()


def test_a_message_that_never_left_stays_unknown_and_is_not_sent_again(
    installation: Installation, twilio: FakeTwilio
) -> None:
    twilio.fail(Fault.SERVER_ERROR, times=1)
    engine = installation.start()
    try:
        event_id = installation.accept()
        until(lambda: len(installation.results(event_id)) == 2, 10, "it was looked up")
    finally:
        engine.stop()
    assert installation.text_of(event_id)["state"] == "unknown"
    assert installation.results(event_id)[1] == ("unknown", "not_confirmed_by_provider")
    twilio.expect_nothing_more()


def test_a_message_that_was_pending_at_a_crash_is_found_by_the_next_engine(
    installation: Installation, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = installation.config.policy.model_copy(update={"send_timeout": timedelta(seconds=3)})
    installation.config = installation.config.model_copy(update={"policy": policy})
    handed_over = threading.Event()
    with monkeypatch.context() as crash:

        def die(*_: object, **__: object) -> None:
            handed_over.set()
            raise KeyboardInterrupt("power cut")

        crash.setattr("gateway.services.escalate.finish_messages", die)
        event_id = installation.accept()
        engine = installation.start()
        assert handed_over.wait(60)
        engine.stop()
    assert installation.text_of(event_id)["state"] == "pending"
    engine = installation.start()
    try:
        until(lambda: installation.text_of(event_id)["state"] == "sent", 10, "the next engine found it")
    finally:
        engine.stop()
    twilio.expect_message()
    twilio.expect_nothing_more()
