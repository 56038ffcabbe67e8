"""Parts that are away: the gateway says so, the ladder goes on, and nothing is lost or done twice."""

from collections.abc import Iterator

import pytest

from tests.clouds.server import Fault
from tests.databases import PostgresCluster
from tests.gateway import Gateway
from tests.site import OWNER_CHAT, Site
from tests.telephony.carrier import answers, rejects
from tests.waiting import until

pytestmark = pytest.mark.telephony

PATIENT = {"call_retry_for": "5m", "owner_retry_for": "5m"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresCluster) -> Iterator[Site]:
    """An installation on PostgreSQL, with two trunks to the same carrier."""
    database_url = postgres.url(postgres.create_database())
    with Site(
        tmp_path_factory.mktemp("site"), policy=PATIENT, database_url=database_url, trunks=("carrier", "spare")
    ) as site:
        yield site


def readiness(gateway: Gateway) -> dict[str, str]:
    return {name: part["state"] for name, part in gateway.http("GET", "/readyz").body["parts"].items()}


def test_a_trunk_in_trouble_is_followed_by_the_next_one_in_the_same_attempt(site: Site) -> None:
    license_id, phone = site.gateway.license(), site.number()
    contact = site.gateway.contact(license_id, phone)
    site.carrier.behaviour(phone, rejects(503), answers(presses="1"))
    event_id = site.gateway.post(site.gateway.source(license_id))
    assert site.twilio.expect_message().to == f"whatsapp:{contact.whatsapp}"
    site.carrier.expect_call(phone)
    site.carrier.expect_call(phone).wait_ended()
    event = site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)
    calls = site.gateway.event(event_id)["calls"]
    assert [(call["trunk"], call["outcome"]) for call in calls] == [
        ("carrier", "trunk_trouble"),
        ("spare", "acknowledged"),
    ]
    assert [a["state"] for a in event["attempts"] if a["channel"] == "phone"] == ["acknowledged"], "one attempt"


def test_without_asterisk_the_ladder_goes_on_and_the_call_follows_when_it_is_back(site: Site) -> None:
    license_id, first, second = site.gateway.license(owner_telegram=OWNER_CHAT), site.number(), site.number()
    people = [site.gateway.contact(license_id, phone) for phone in (first, second)]
    site.carrier.behaviour(first, answers(presses="1"))
    site.carrier.behaviour(second, rejects(603))
    site.pbx.stop()
    until(lambda: readiness(site.gateway)["asterisk pbx1"] == "degraded", 15, "/readyz says that Asterisk is away")
    assert site.gateway.http("GET", "/readyz").status == 200, "alerts can be taken all the same"
    event_id = site.gateway.post(site.gateway.source(license_id))
    assert site.twilio.expect_message().to == f"whatsapp:{people[0].whatsapp}"
    site.gateway.expect_entry(event_id, "attempt_result", 30, result="unavailable")
    assert site.twilio.expect_message(15).to == f"whatsapp:{people[1].whatsapp}", "the ladder goes on"
    site.pbx.start()
    call = site.carrier.expect_call(first, 60)
    site.gateway.expect_status(event_id, "acknowledged", 60)
    call.wait_ended()
    assert site.twilio.expect_message().to == f"whatsapp:{people[1].whatsapp}", "the second contact is stood down"
    # How far the ladder went meanwhile, to the second contact's phone or to the owner, is Asterisk's start-up time.
    site.carrier.expect_calls_at_most(second, 3)
    site.telegram.expect_messages_at_most(1)
    site.finished(event_id)
    assert len([c for c in site.gateway.event(event_id)["calls"] if c["contact_id"] == people[0].id]) == 1


def test_without_twilio_the_call_follows_at_once(site: Site) -> None:
    license_id, phone = site.gateway.license(), site.number()
    site.gateway.contact(license_id, phone)
    site.carrier.behaviour(phone, answers(presses="1"))
    site.twilio.go_down()
    try:
        event_id = site.gateway.post(site.gateway.source(license_id))
        site.carrier.expect_call(phone, 30).wait_ended()
        event = site.gateway.expect_status(event_id, "acknowledged")
    finally:
        site.twilio.come_back()
    site.finished(event_id)
    assert [a["state"] for a in event["attempts"]][:2] == ["unavailable", "skipped"]


def test_an_answer_of_twilio_that_never_comes_is_not_taken_for_a_refusal_and_nothing_is_sent_twice(site: Site) -> None:
    license_id, phone = site.gateway.license(), site.number()
    site.gateway.contact(license_id, phone)
    site.carrier.behaviour(phone, answers(presses="1"))
    site.twilio.fail(Fault.DROP, times=1)
    event_id = site.gateway.post(site.gateway.source(license_id))
    site.carrier.expect_call(phone, 30).wait_ended()
    event = site.gateway.expect_status(event_id, "acknowledged")
    site.twilio.expect_message()
    site.finished(event_id)
    assert event["attempts"][0]["channel"] == "whatsapp_text"
    sent = [m for m in site.twilio.sent if m.to == f"whatsapp:{phone}"]
    assert len(sent) == 1


def test_without_telegram_the_owner_is_told_once_it_is_back(site: Site) -> None:
    license_id, phone = site.gateway.license(owner_telegram=OWNER_CHAT), site.number()
    site.gateway.contact(license_id, phone)
    site.carrier.behaviour(phone, rejects(404))
    site.telegram.go_down()
    event_id = site.gateway.post(site.gateway.source(license_id))
    site.twilio.expect_message()
    site.carrier.expect_call(phone, 20)
    site.gateway.expect_entry(event_id, "attempt_result", 30, result="unavailable")
    assert site.gateway.event(event_id)["status"] == "open"
    site.telegram.come_back()
    assert site.telegram.expect_message(30).chat == OWNER_CHAT
    site.gateway.expect_status(event_id, "exhausted")
    site.finished(event_id)


def test_an_exhausted_event_can_still_be_acknowledged_by_the_owners_link(site: Site) -> None:
    license_id, phone = site.gateway.license(owner_telegram=OWNER_CHAT), site.number()
    contact = site.gateway.contact(license_id, phone)
    site.carrier.behaviour(phone, rejects(404))
    event_id = site.gateway.post(site.gateway.source(license_id))
    site.twilio.expect_message()
    site.carrier.expect_call(phone, 20)
    message = site.telegram.expect_message(30)
    site.gateway.expect_status(event_id, "exhausted")
    link = next(word for word in message.text.split() if "/a/" in word)
    assert site.gateway.http("POST", link.removeprefix(site.gateway.url)).status == 200
    event = site.gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_via"] == "link"
    assert site.twilio.expect_message().to == f"whatsapp:{contact.whatsapp}", "those who were told are stood down"
    site.finished(event_id)
