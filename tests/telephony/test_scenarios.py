"""The main job, end to end: alerts posted over HTTP, phones that ring through a real Asterisk, keys pressed in RTP."""

from collections.abc import Iterator

import pytest

from tests.site import OPERATOR, OWNER_CHAT, Site
from tests.telephony.carrier import Behaviour, answers, rejects, rings_out
from tests.waiting import until

pytestmark = pytest.mark.telephony


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


class Case:
    """One license with contacts, an alert, and what the test expects of it."""

    def __init__(self, site: Site, *behaviours: Behaviour | tuple[Behaviour, ...], **license_values: object) -> None:
        self.site = site
        values: dict[str, object] = {"owner_telegram": OWNER_CHAT, "handoff_number": OPERATOR}
        self.license_id = site.gateway.license(**(values | license_values))
        self.contacts = []
        for behaviour in behaviours:
            number = site.number()
            site.carrier.behaviour(number, *(behaviour if isinstance(behaviour, tuple) else (behaviour,)))
            self.contacts.append(site.gateway.contact(self.license_id, number))
        self.token = site.gateway.source(self.license_id)

    def post(self, **alert: object) -> int:
        return self.site.gateway.post(self.token, **alert)

    def expect_text(self, who: int = 0) -> None:
        message = self.site.twilio.expect_message()
        assert message.to == f"whatsapp:{self.contacts[who].whatsapp}"

    def expect_call(self, who: int = 0):  # type: ignore[no-untyped-def] # noqa: ANN201 - the carrier's own class
        return self.site.carrier.expect_call(self.contacts[who].phone)


def outcomes(site: Site, event_id: int) -> list[tuple[str, int | None]]:
    return [(call["outcome"], call["sip_cause"]) for call in site.gateway.event(event_id)["calls"]]


def test_a_callee_who_presses_1_acknowledges_and_hears_so(site: Site) -> None:
    case = Case(site, answers(presses="1", after=1.0))
    event_id = case.post(title="Gate forced")
    case.expect_text()
    call = case.expect_call().wait_ended()
    event = site.gateway.expect_status(event_id, "acknowledged")
    assert (event["acknowledged_via"], event["acknowledged_by"]) == ("dtmf", case.contacts[0].name)
    site.finished(event_id)
    (shown,) = site.gateway.event(event_id)["calls"]
    assert (shown["outcome"], shown["digits"], shown["trunk"]) == ("acknowledged", "1", "carrier")
    assert shown["billed_seconds"] >= 1
    confirmation = site.gateway.spoken("en", "acknowledged")
    assert call.hears(confirmation).likeness > 0.8, "the callee hears that it is acknowledged"


def test_a_callee_who_presses_2_is_connected_to_the_operator_and_the_ladder_goes_on(site: Site) -> None:
    site.carrier.behaviour(OPERATOR, answers(stays=3))
    case = Case(site, answers(presses="2", after=1.0, stays=20), answers(presses="1", after=0.5))
    event_id = case.post()
    case.expect_text()
    first = case.expect_call()
    operator = site.carrier.expect_call(OPERATOR).wait_answered()
    case.expect_text(1)
    case.expect_call(1).wait_ended()
    event = site.gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_by"] == case.contacts[1].name
    assert event["timeline"][-1] is not None
    operator.wait_ended()
    first.wait_ended()
    case.expect_text(0)  # told who took it
    site.finished(event_id)
    assert [outcome for outcome, _ in outcomes(site, event_id)] == ["handed_off", "acknowledged"]


def test_a_wrong_key_is_told_and_1_still_acknowledges(site: Site) -> None:
    case = Case(site, answers(presses=[(0.6, "9"), (3.0, "1")]))
    event_id = case.post()
    case.expect_text()
    call = case.expect_call().wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)
    assert site.gateway.event(event_id)["calls"][0]["digits"] == "91"
    assert call.hears(site.gateway.spoken("en", "not_understood")).likeness > 0.8


def test_three_missed_calls_lead_to_the_next_contact(site: Site) -> None:
    case = Case(site, rings_out(), answers(presses="1"), policy={"ring_timeout": "1s"})
    event_id = case.post()
    case.expect_text()
    for _ in range(3):
        assert case.expect_call().wait_ended().cancelled
    case.expect_text(1)
    case.expect_call(1).wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    case.expect_text(0)
    site.finished(event_id)
    assert [outcome for outcome, _ in outcomes(site, event_id)] == ["no_answer"] * 3 + ["acknowledged"]


@pytest.mark.parametrize(("status", "outcome"), [(486, "busy"), (603, "declined")])
def test_busy_and_declined_are_missed_calls_and_tried_again(site: Site, status: int, outcome: str) -> None:
    case = Case(site, (rejects(status), answers(presses="1")))
    event_id = case.post()
    case.expect_text()
    case.expect_call()
    case.expect_call().wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)
    first, second = outcomes(site, event_id)
    assert first == (outcome, status)
    assert second[0] == "acknowledged"


def test_a_number_that_does_not_exist_is_flagged_and_not_called_again(site: Site) -> None:
    case = Case(site, rejects(404), answers(presses="1"))
    event_id = case.post()
    case.expect_text()
    case.expect_call()
    case.expect_text(1)
    case.expect_call(1).wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    case.expect_text(0)
    site.finished(event_id)
    assert outcomes(site, event_id)[0] == ("invalid_number", 404)
    with site.gateway.record.read() as work:
        flagged = work.contacts.get(case.contacts[0].id)
    assert flagged is not None
    assert flagged.phone_invalid_at is not None


def test_trunk_trouble_is_no_missed_call_and_the_call_is_tried_again(site: Site) -> None:
    case = Case(site, (rejects(503), rejects(503), answers(presses="1")))
    event_id = case.post()
    case.expect_text()
    for _ in range(2):
        case.expect_call()
    case.expect_call().wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    # Nobody else is on the ladder: the owner heard that the call could not be placed.
    assert site.telegram.expect_message().chat == OWNER_CHAT
    site.finished(event_id)
    assert outcomes(site, event_id)[:2] == [("trunk_trouble", 503)] * 2
    states = [a["state"] for a in site.gateway.event(event_id)["attempts"] if a["channel"] == "phone"]
    assert states == ["unavailable", "unavailable", "acknowledged"]


def test_a_voicemail_that_talks_never_acknowledges(site: Site) -> None:
    greeting = site.gateway.spoken("en", "goodbye")
    case = Case(site, answers(talks=greeting, stays=4), policy={"call_attempts": 1})
    event_id = case.post()
    case.expect_text()
    case.expect_call().wait_ended()
    site.gateway.expect_status(event_id, "exhausted")
    assert site.telegram.expect_message().chat == OWNER_CHAT
    site.finished(event_id)
    assert outcomes(site, event_id)[0][0] == "no_key"


def test_a_callee_who_hangs_up_at_once_has_missed_the_call(site: Site) -> None:
    case = Case(site, (answers(stays=0), answers(presses="1")))
    event_id = case.post()
    case.expect_text()
    case.expect_call()
    case.expect_call().wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)
    assert [outcome for outcome, _ in outcomes(site, event_id)] == ["no_key", "acknowledged"]


def test_a_tap_on_the_link_while_the_phone_rings_cancels_the_call_within_a_second(site: Site) -> None:
    # Once of three times at least: the other tests take the processor as well.
    assert any(seconds_from_tap_to_silence(site) < 1.0 for _ in range(3))


def seconds_from_tap_to_silence(site: Site) -> float:
    """Let a phone ring, tap on the link, and return how long after the acknowledgement the carrier saw the call end."""
    case = Case(site, rings_out(), policy={"ring_timeout": "30s"})
    event_id = case.post()
    case.expect_text()
    call = case.expect_call()
    site.gateway.expect_entry(event_id, "call_ringing")
    path = site.gateway.link(event_id, case.contacts[0].id)
    assert site.gateway.http("GET", path).status == 200
    assert site.gateway.event(event_id)["status"] == "open", "opening a link acknowledges nothing"
    assert site.gateway.http("POST", path).status == 200
    acknowledged = site.gateway.expect_entry(event_id, "acknowledged")
    call.wait_ended(5)
    assert call.cancelled
    assert call.ended_at is not None
    site.finished(event_id)
    assert outcomes(site, event_id)[0][0] == "cancelled"
    return call.ended_at - epoch(acknowledged["at"])


def test_when_everyone_fails_the_owner_gets_one_telegram_message(site: Site) -> None:
    case = Case(site, rejects(603), rejects(404), policy={"call_attempts": 2})
    event_id = case.post(title="Perimeter breach")
    case.expect_text()
    case.expect_call()
    case.expect_call()
    case.expect_text(1)
    case.expect_call(1)
    site.gateway.expect_status(event_id, "exhausted")
    message = site.telegram.expect_message()
    assert message.chat == OWNER_CHAT
    assert "Perimeter breach" in message.text
    assert case.contacts[0].name in message.text
    assert case.contacts[1].name in message.text
    site.finished(event_id)


def test_a_voice_note_follows_the_text_while_the_window_is_open(site: Site) -> None:
    case = Case(site, answers(presses="1"))
    assert site.twilio.inbound(case.contacts[0].whatsapp, "hello") == 200
    event_id = case.post(title="Gate forced")
    case.expect_text()
    note = site.twilio.expect_message()
    assert note.media_url is not None
    until(lambda: note.media is not None or note.media_problem, 10, "the voice note is fetched")
    assert note.media_problem is None
    case.expect_call().wait_ended()
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished(event_id)


def test_events_that_fall_due_during_a_call_are_bundled_into_the_next_one(site: Site) -> None:
    case = Case(site, (answers(stays=3), answers(presses="1", after=0.5)))
    first = case.post(title="One", dedup_key="one")
    case.expect_text()
    case.expect_call().wait_answered()
    others = [case.post(title=title, dedup_key=title) for title in ("Two", "Three")]
    for _ in others:
        case.expect_text()
    case.expect_call().wait_ended()
    for event_id in others:
        site.gateway.expect_status(event_id, "acknowledged")
    # The first event's own second call falls due after its gap, during the bundled one: it is a third call.
    case.expect_call().wait_ended()
    site.gateway.expect_status(first, "acknowledged")
    site.finished(first, *others)
    calls = [site.gateway.event(event_id)["calls"] for event_id in others]
    assert calls[0][0]["id"] == calls[1][0]["id"], "one call announced both"


def test_a_second_contact_in_mid_call_is_told_who_has_it(site: Site) -> None:
    case = Case(site, answers(stays=20))
    event_id = case.post()
    case.expect_text()
    call = case.expect_call().wait_answered()
    until(lambda: site.gateway.event(event_id)["calls"][0]["answered_at"], 5, "the answer is recorded")
    site.gateway.run("event", "ack", str(event_id), "--by", "Dana")
    call.wait_ended(15)
    assert call.ended_by == "caller"
    case.expect_text()  # stood down
    site.finished(event_id)
    assert outcomes(site, event_id)[0][0] == "cancelled"


def epoch(at: str) -> float:
    from datetime import datetime  # noqa: PLC0415 - one use

    return datetime.fromisoformat(at).timestamp()
