"""Twilio's callbacks: replies that acknowledge, reports that drive the ladder."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.config.schema import Config, WebConfig
from gateway.model.attempt import AttemptState
from gateway.model.contact import Contact
from gateway.model.event import EventStatus
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, SignalKind
from tests.unit.web.installation import Installation, open_event
from web import create_app

_messages = itertools.count(1)
INBOUND, STATUS = "/twilio/whatsapp/inbound", "/twilio/whatsapp/status"
SIGNED = {"X-Twilio-Signature": "signed"}


@pytest.fixture
def there(record: Record) -> Installation:
    return Installation(record, config=Config(web=WebConfig(public_url="https://alerts.example.com/t/")))


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client()


@pytest.fixture
def ana(there: Installation) -> Contact:
    return there.add_contact("Ana", "+15550101")


def reply(client: FlaskClient, text: str, number: str = "+15550101", **more: str) -> TestResponse:
    form = {"From": f"whatsapp:{number}", "Body": text, "MessageSid": f"SM{next(_messages):032x}"} | more
    return client.post(INBOUND, data=form, headers=SIGNED)


def window(there: Installation, contact: Contact) -> object:
    with there.record.read() as work:
        found = work.contacts.get(contact.id)
    assert found is not None
    return found.whatsapp_window_until


@pytest.mark.parametrize("path", [INBOUND, STATUS])
def test_forged_callback_is_refused(there: Installation, client: FlaskClient, ana: Contact, path: str) -> None:
    event_id = open_event(client)
    there.tell(event_id, ana)
    for headers in ({}, {"X-Twilio-Signature": "forged"}):
        form = {"From": "whatsapp:+15550101", "Body": "1", "MessageSid": "SM1", "MessageStatus": "read"}
        assert client.post(path, data=form, headers=headers).status_code == 403
    assert there.event(event_id).status is EventStatus.OPEN
    assert window(there, ana) is None


def test_signature_is_checked_over_the_public_address(there: Installation, client: FlaskClient) -> None:
    client.post(STATUS + "?attempt=7&x=%20", data={"MessageSid": "SM1"}, headers=SIGNED)
    assert there.verifier.urls == ["https://alerts.example.com/t/twilio/whatsapp/status?attempt=7&x=%20"]


@pytest.mark.parametrize("text", ["1", "ok", "OK", " Ok. ", "ACK!", "1\n"])
def test_reply_acknowledges(there: Installation, client: FlaskClient, ana: Contact, text: str) -> None:
    event_id = open_event(client, "A < B & C")
    there.tell(event_id, ana)
    answer = reply(client, text)
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert "<Message>Acknowledged, you have it: A &lt; B &amp; C</Message>" in answer.get_data(as_text=True)
    event = there.event(event_id)
    assert (event.status, event.acknowledged_by, event.acknowledged_via) == (EventStatus.ACKNOWLEDGED, "Ana", "reply")
    assert there.timeline(event_id)[-2:] == [TimelineType.REPLY_RECEIVED, TimelineType.ACKNOWLEDGED]
    assert there.wakeup.count == 2


@pytest.mark.parametrize("text", ["", "11", "no", "ok?", "1 2", "okay", "on my way", "acknowledge"])
def test_other_words_do_not_acknowledge_and_are_told_how(
    there: Installation, client: FlaskClient, ana: Contact, text: str
) -> None:
    event_id = open_event(client, "Gate")
    there.tell(event_id, ana)
    assert "Reply 1 to acknowledge: Gate" in reply(client, text).get_data(as_text=True)
    assert there.event(event_id).status is EventStatus.OPEN
    assert there.timeline(event_id)[-1] is TimelineType.REPLY_RECEIVED


def test_button_of_the_template_acknowledges(there: Installation, client: FlaskClient, ana: Contact) -> None:
    event_id = open_event(client)
    there.tell(event_id, ana)
    reply(client, "I'm on it", ButtonPayload="taken", ButtonText="I'm on it")
    assert there.event(event_id).acknowledged_via == "reply"


def test_every_message_opens_the_window_of_all_contacts_with_the_number(
    there: Installation, client: FlaskClient, ana: Contact
) -> None:
    also_ana, ben = there.add_contact("Ana at home", "+15550101"), there.add_contact("Ben", "+15550102")
    assert "There is no open alert for you." in reply(client, "hello").get_data(as_text=True)
    until = there.clock.now() + timedelta(hours=24)
    assert [window(there, contact) for contact in (ana, also_ana, ben)] == [until, until, None]


def test_reply_is_about_the_newest_alert_that_the_person_was_told_of(
    there: Installation, client: FlaskClient, ana: Contact
) -> None:
    ben = there.add_contact("Ben", "+15550102")
    first, second, third = (open_event(client, title) for title in ("one", "two", "three"))
    there.tell(first, ana)
    there.tell(second, ana)
    there.tell(third, ben)
    reply(client, "1")
    statuses = [there.event(event_id).status for event_id in (first, second, third)]
    assert statuses == [EventStatus.OPEN, EventStatus.ACKNOWLEDGED, EventStatus.OPEN]
    reply(client, "1")
    assert there.event(first).status is EventStatus.ACKNOWLEDGED


def test_quoted_message_decides_which_alert_is_meant(there: Installation, client: FlaskClient, ana: Contact) -> None:
    first, second = open_event(client, "one"), open_event(client, "two")
    there.tell(first, ana, provider_id="SM-first")
    there.tell(second, ana, provider_id="SM-second")
    reply(client, "ok", OriginalRepliedMessageSid="SM-first")
    assert there.event(first).status is EventStatus.ACKNOWLEDGED
    assert there.event(second).status is EventStatus.OPEN


def test_quoting_somebody_elses_message_acknowledges_nothing_of_theirs(
    there: Installation, client: FlaskClient, ana: Contact
) -> None:
    event_id = open_event(client)
    there.tell(event_id, there.add_contact("Ben", "+15550102"), provider_id="SM-ben")
    reply(client, "1", OriginalRepliedMessageSid="SM-ben")
    assert ana.name == "Ana"
    assert there.event(event_id).status is EventStatus.OPEN


def test_late_reply_is_told_who_has_it(there: Installation, client: FlaskClient, ana: Contact) -> None:
    event_id = open_event(client, "Gate")
    there.tell(event_id, ana)
    there.tell(event_id, there.add_contact("Ben", "+15550102"))
    reply(client, "1", number="+15550102")
    assert "Ben already has it: Gate" in reply(client, "1").get_data(as_text=True)
    assert there.event(event_id).acknowledged_by == "Ben"


def test_exhausted_event_can_be_acknowledged_by_reply(there: Installation, client: FlaskClient, ana: Contact) -> None:
    event_id = open_event(client)
    there.tell(event_id, ana)
    there.close(event_id, EventStatus.EXHAUSTED)
    reply(client, "1")
    assert there.event(event_id).status is EventStatus.ACKNOWLEDGED


@pytest.mark.parametrize("sender", ["", "whatsapp:", "+15550101", "whatsapp:+1555x", "whatsapp:+99955501019"])
def test_strangers_are_not_answered(there: Installation, client: FlaskClient, ana: Contact, sender: str) -> None:
    event_id = open_event(client)
    there.tell(event_id, ana)
    answer = client.post(INBOUND, data={"From": sender, "Body": "1"}, headers=SIGNED)
    assert answer.status_code == 200
    assert "<Message>" not in answer.get_data(as_text=True)
    assert there.event(event_id).status is EventStatus.OPEN


def test_delivery_report_reaches_the_attempt(there: Installation, client: FlaskClient, ana: Contact) -> None:
    event_id = open_event(client)
    attempt_id = there.tell(event_id, ana, provider_id="SM9")
    form = {"MessageSid": "SM9", "MessageStatus": "undelivered", "ErrorCode": "63016"}
    assert client.post(STATUS, data=form, headers=SIGNED).status_code == 204
    with there.record.read() as work:
        attempt = work.attempts.get(attempt_id)
    assert attempt is not None
    assert (attempt.state, attempt.reason) == (AttemptState.FAILED, "63016")
    assert there.signals()[-1] == (SignalKind.EVENT_CHANGED, event_id)
    assert there.timeline(event_id)[-1] is TimelineType.DELIVERY_REPORT


def test_report_that_overtakes_the_providers_answer_finds_its_attempt(
    there: Installation, client: FlaskClient, ana: Contact
) -> None:
    attempt_id = there.tell(open_event(client), ana)
    form = {"MessageSid": "SM10", "MessageStatus": "delivered"}
    client.post(f"{STATUS}?attempt={attempt_id}", data=form, headers=SIGNED)
    with there.record.read() as work:
        attempt = work.attempts.by_provider_id("twilio", "SM10")
    assert attempt is not None
    assert (attempt.id, attempt.state) == (attempt_id, AttemptState.DELIVERED)


@pytest.mark.parametrize("query", ["", "?attempt=x", "?attempt=-1", "?attempt=" + "9" * 30])
def test_report_about_an_unknown_message_is_taken_calmly(client: FlaskClient, query: str) -> None:
    form = {"MessageSid": "SM404", "MessageStatus": "read"}
    assert client.post(STATUS + query, data=form, headers=SIGNED).status_code == 204
    assert client.post(STATUS + query, data={"MessageStatus": "?"}, headers=SIGNED).status_code == 204


def test_callbacks_are_refused_where_the_provider_is_not_configured(there: Installation) -> None:
    client = create_app(replace(there.services, callbacks=None, read_report=None)).test_client()
    for path in (INBOUND, STATUS):
        assert client.post(path, data={"From": "whatsapp:+15550101"}, headers=SIGNED).status_code == 403


def test_a_callback_told_twice_acknowledges_one_alert(there: Installation, client: FlaskClient, ana: Contact) -> None:
    first, second = open_event(client, "one"), open_event(client, "two")
    there.tell(first, ana)
    there.tell(second, ana)
    answers = [reply(client, "1", MessageSid="SMagain").get_data(as_text=True) for _ in range(2)]
    assert all("Acknowledged, you have it: two" in answer for answer in answers)
    assert [there.event(event_id).status for event_id in (first, second)] == [
        EventStatus.OPEN,
        EventStatus.ACKNOWLEDGED,
    ]


def test_whoever_acknowledges_one_of_several_is_told_what_is_still_open(
    there: Installation, client: FlaskClient, ana: Contact
) -> None:
    for title in ("one", "two"):
        there.tell(open_event(client, title), ana)
    assert "Still open: one. Reply 1 for that one, too." in reply(client, "1").get_data(as_text=True)


def test_answers_are_in_the_contacts_language(there: Installation, client: FlaskClient, ana: Contact) -> None:
    with there.record.write() as work:
        work.contacts.update(replace(ana, language="es"))
        work.commit()
    there.tell(open_event(client, "Puerta"), ana)
    assert "Responda 1 para confirmar: Puerta" in reply(client, "¿qué?").get_data(as_text=True)
    assert "usted se encarga: Puerta" in reply(client, "Vale").get_data(as_text=True)


def test_stop_and_start_are_answered_unless_twilio_answers_itself(
    there: Installation, client: FlaskClient, ana: Contact
) -> None:
    assert "Write START" in reply(client, "stop").get_data(as_text=True)
    assert "You get alerts by WhatsApp again." in reply(client, "start").get_data(as_text=True)
    for text in ("STOP", "START", "HELP"):
        assert "<Message>" not in reply(client, text, OptOutType=text).get_data(as_text=True)
    with there.record.read() as work:
        known = work.contacts.get(ana.id)
    assert known is not None
    assert known.whatsapp_blocked is None


@pytest.mark.parametrize(
    "fields",
    [
        {"MessageType": "reaction", "Body": "👍"},
        {"MessageType": "image", "NumMedia": "1", "MediaContentType0": "image/jpeg", "Body": "ok"},
        {"MessageType": "audio", "NumMedia": "1", "MediaContentType0": "audio/ogg", "Body": ""},
        {"MessageType": "location", "Latitude": "1", "Longitude": "2", "Body": "1"},
        {"NumMedia": "1", "Body": "1"},
        {"NumMedia": "many", "Body": "👍"},
    ],
)
def test_what_is_no_plain_text_acknowledges_nothing_and_is_told_how(
    there: Installation, client: FlaskClient, ana: Contact, fields: dict[str, str]
) -> None:
    event_id = open_event(client, "Gate")
    there.tell(event_id, ana)
    assert "Reply 1 to acknowledge: Gate" in reply(client, "", **fields).get_data(as_text=True)
    assert there.event(event_id).status is EventStatus.OPEN
    assert there.timeline(event_id)[-1] is TimelineType.REPLY_RECEIVED


def test_a_tap_that_may_be_of_any_alert_is_asked_back(there: Installation, client: FlaskClient, ana: Contact) -> None:
    for title in ("one", "two"):
        there.tell(open_event(client, title), ana)
    answer = reply(client, "I take it", ButtonPayload="taken", OriginalRepliedMessageSid="SMunknown")
    assert "Several alerts are open" in answer.get_data(as_text=True)
    assert {event.status for event in there.all_events()} == {EventStatus.OPEN}


@pytest.mark.parametrize(
    "odd", [{"NumMedia": "9" * 5000}, {"Body": "1\0"}, {"MessageSid": "SM\0"}, {"OriginalRepliedMessageSid": "\0"}]
)
def test_reply_with_a_field_that_cannot_be_recorded_is_answered(
    client: FlaskClient, ana: Contact, there: Installation, odd: dict[str, str]
) -> None:
    there.tell(open_event(client), ana)
    assert reply(client, "hello", **odd).status_code == 200
    assert window(there, ana) is not None


def test_report_with_a_field_that_cannot_be_recorded_is_answered(client: FlaskClient) -> None:
    for odd in ({"ErrorCode": "9" * 5000}, {"MessageSid": "SM\0"}, {"ErrorMessage": "\0"}):
        form = {"MessageSid": "SM1", "MessageStatus": "undelivered"} | odd
        assert client.post(STATUS, data=form, headers=SIGNED).status_code == 204
