"""The engine is killed in the middle of the ladder: the escalation goes on, and nobody's phone rings twice."""

from collections.abc import Iterator

import pytest

from tests.site import OWNER_CHAT, Site
from tests.telephony.carrier import answers
from tests.waiting import until

pytestmark = pytest.mark.telephony


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), policy={"l1_wait": "2s", "ring_timeout": "15s"}) as site:
        yield site


@pytest.fixture
def token(site: Site) -> str:
    license_id = site.gateway.license(owner_telegram=OWNER_CHAT)
    site.phone = site.number()
    site.gateway.contact(license_id, site.phone)
    return site.gateway.source(license_id)


def another_engine(site: Site, killed: int) -> None:
    """Wait until another engine runs and can place calls."""
    until(lambda: site.gateway.engine_pid() not in {killed, None}, 20, "another engine is started")


def test_killed_during_the_first_wait_it_neither_repeats_the_text_nor_forgets_the_call(site: Site, token: str) -> None:
    site.carrier.behaviour(site.phone, answers(presses="1"))
    event_id = site.gateway.post(token)
    site.twilio.expect_message()
    site.gateway.expect_entry(event_id, "attempt_result", result="sent")
    another_engine(site, site.gateway.kill_engine())
    site.carrier.expect_call(site.phone, 20).wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)


def test_killed_while_the_phone_rings_it_takes_the_same_call_up_again(site: Site, token: str) -> None:
    site.carrier.behaviour(site.phone, answers(presses="1", after=1.0, ring=8.0))
    event_id = site.gateway.post(token)
    site.twilio.expect_message()
    call = site.carrier.expect_call(site.phone)
    site.gateway.expect_entry(event_id, "call_ringing")
    another_engine(site, site.gateway.kill_engine())
    call.wait_answered(20)
    event = site.gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_via"] == "dtmf"
    call.wait_ended()
    site.finished(event_id)
    assert len(site.gateway.event(event_id)["calls"]) == 1


def test_killed_while_the_callee_listens_it_takes_the_call_up_and_hears_the_key(site: Site, token: str) -> None:
    site.carrier.behaviour(site.phone, answers(presses="1", after=7.0))
    event_id = site.gateway.post(token)
    site.twilio.expect_message()
    call = site.carrier.expect_call(site.phone).wait_answered()
    site.gateway.expect_entry(event_id, "call_answered")
    another_engine(site, site.gateway.kill_engine())
    site.gateway.expect_status(event_id, "acknowledged")
    call.wait_ended()
    site.finished(event_id)
    assert len(site.gateway.event(event_id)["calls"]) == 1


def test_a_key_that_is_pressed_while_the_gateway_is_away_counts_when_it_is_back(site: Site, token: str) -> None:
    site.carrier.behaviour(site.phone, answers(presses="1", after=2.0))
    event_id = site.gateway.post(token)
    site.twilio.expect_message()
    call = site.carrier.expect_call(site.phone).wait_answered()
    site.gateway.expect_entry(event_id, "call_answered")
    site.gateway.kill()
    call.wait_pressed().wait_ended()
    assert site.gateway.event(event_id)["status"] == "open"
    site.gateway.start()
    event = site.gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_via"] == "dtmf"
    site.finished(event_id)
    (shown,) = site.gateway.event(event_id)["calls"]
    assert (shown["outcome"], shown["digits"]) == ("acknowledged", "1")
    assert call.hears(site.gateway.spoken("en", "noted")).likeness > 0.8, "the dialplan itself says that it is noted"


def test_a_call_that_ended_unanswered_while_the_gateway_was_away_is_a_missed_call(site: Site, token: str) -> None:
    site.carrier.behaviour(site.phone, answers(ring=1.0, stays=0), answers(presses="1"))
    event_id = site.gateway.post(token)
    site.twilio.expect_message()
    call = site.carrier.expect_call(site.phone)
    site.gateway.expect_entry(event_id, "call_ringing")
    site.gateway.kill()
    call.wait_ended()
    site.gateway.start()
    site.carrier.expect_call(site.phone, 20).wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)
    assert [c["outcome"] for c in site.gateway.event(event_id)["calls"]] == ["no_key", "acknowledged"]


def test_sigterm_ends_the_gateway_well_and_drops_no_call(site: Site, token: str) -> None:
    site.carrier.behaviour(site.phone, answers(presses="1", after=8.0))
    event_id = site.gateway.post(token)
    site.twilio.expect_message()
    call = site.carrier.expect_call(site.phone).wait_answered()
    site.gateway.expect_entry(event_id, "call_answered")
    assert site.gateway.stop() == 0
    site.gateway.start()
    site.gateway.expect_status(event_id, "acknowledged")
    call.wait_ended()
    site.finished(event_id)
    assert len(site.gateway.event(event_id)["calls"]) == 1
