"""When a call goes through Twilio: for trouble of every trunk of our own, and for nothing else."""

from collections.abc import Iterator

import pytest

from tests.clouds.twilio_callee import picks_up
from tests.site import Site
from tests.telephony.carrier import Behaviour, answers, rejects, rings_out

pytestmark = pytest.mark.telephony

CARRIERS = ("carrier-a", "carrier-b")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    policy: dict[str, object] = {"call_attempts": 1}
    with Site(tmp_path_factory.mktemp("site"), trunks=CARRIERS, voice_from="+15550100", policy=policy) as site:
        yield site


def alert(site: Site, *behaviours: Behaviour) -> tuple[int, str]:
    """Post an alert for one person; return the event and their number."""
    number = site.number()
    site.carrier.behaviour(number, *behaviours)
    site.twilio.voice.behaviour(number, picks_up("1"))
    license_id = site.gateway.license()
    site.gateway.contact(license_id, number)
    event_id = site.gateway.post(site.gateway.source(license_id))
    site.twilio.expect_message()
    return event_id, number


def legs(site: Site, event_id: int) -> list[tuple[str, str, str]]:
    return [(leg["trunk"], leg["provider"], leg["outcome"]) for leg in site.gateway.event(event_id)["calls"]]


def test_twilio_is_not_used_while_a_trunk_of_our_own_works(site: Site) -> None:
    event_id, number = alert(site, answers(presses="1"))
    site.carrier.expect_call(number).wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)
    assert [provider for _, provider, _ in legs(site, event_id)] == ["asterisk"]


@pytest.mark.parametrize(("behaviour", "outcome"), [(rejects(486), "busy"), (rejects(603), "declined")])
def test_twilio_is_never_used_for_a_phone_that_is_busy_or_declines(
    site: Site, behaviour: Behaviour, outcome: str
) -> None:
    event_id, number = alert(site, behaviour)
    site.carrier.expect_call(number).wait_ended()
    site.gateway.expect_entry(event_id, "attempt_result", result="missed", reason=outcome)
    site.finished(event_id)
    assert [(provider, said) for _, provider, said in legs(site, event_id)] == [("asterisk", outcome)]


def test_twilio_is_never_used_for_a_phone_that_nobody_answers(site: Site) -> None:
    event_id, number = alert(site, rings_out())
    site.carrier.expect_call(number).wait_ended()
    site.gateway.expect_entry(event_id, "attempt_result", result="missed", reason="no_answer")
    site.finished(event_id)
    assert [(provider, said) for _, provider, said in legs(site, event_id)] == [("asterisk", "no_answer")]


def test_when_every_trunk_is_in_trouble_twilio_carries_the_call_in_the_same_attempt(site: Site) -> None:
    event_id, number = alert(site, rejects(503, rings=False), rejects(503, rings=False))
    for _ in CARRIERS:
        site.carrier.expect_call(number).wait_ended()
    call = site.twilio.voice.expect_call(number).wait_ended()
    event = site.gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_via"] == "dtmf"
    site.finished(event_id)
    assert [provider for _, provider, _ in legs(site, event_id)] == ["asterisk", "asterisk", "twilio"]
    assert [outcome for *_, outcome in legs(site, event_id)] == ["trunk_trouble", "trunk_trouble", "acknowledged"]
    assert call.hears(site.gateway.spoken("en", "menu"), site.gateway.spoken("en", "acknowledged"))
    attempts = [e["detail"]["attempt_id"] for e in event["timeline"] if e["type"] == "call_dialled"]
    assert len(attempts) == 3
    assert len(set(attempts)) == 1, "one attempt"


def test_twilio_carries_the_call_when_our_own_asterisk_is_gone(site: Site) -> None:
    site.pbx.stop()
    try:
        event_id, number = alert(site, answers())
        site.twilio.voice.expect_call(number, timeout=30).wait_ended()
        site.gateway.expect_status(event_id, "acknowledged")
        site.finished(event_id)
        assert legs(site, event_id) == [("twilio", "twilio", "acknowledged")]
    finally:
        site.pbx.start()
