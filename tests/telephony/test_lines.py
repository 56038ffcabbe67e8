"""Which trunk carries a call, and when: two real trunks to two real carriers."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.telephony.carrier import answers, rejects
from tests.telephony.phone_site import PhoneSite
from tests.waiting import until

pytestmark = pytest.mark.telephony

MOST, RATE = 2, 4.0
TRUNK = {"max_calls": MOST, "calls_per_second": RATE}
DENIED = "+18095550123"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoneSite]:
    settings = {
        "lines": {"breaker_failures": 3, "breaker_pause": "8s", "wait": "40s"},
        "call_safety": {"denied": ["+1809"]},
    }
    nodes = {"pbx1": {"first": TRUNK, "second": TRUNK}}
    with PhoneSite(tmp_path_factory.mktemp("lines"), nodes, settings=settings) as site:
        yield site


def test_trunk_trouble_moves_on_within_the_attempt_and_the_phone_rings_once(site: PhoneSite) -> None:
    person = site.person()
    site.does(person, rejects(503, rings=False), trunk="first")
    site.does(person, answers(presses="1"), trunk="second")
    event_id = site.gateway.post(person.token)
    site.gateway.expect_status(event_id, "acknowledged")
    site.finished([event_id])
    assert site.ways(event_id) == [("first", "trunk_trouble"), ("second", "acknowledged")]
    assert [state for state, _ in site.phone_attempts(event_id)] == ["acknowledged"], "one attempt"
    assert [trunk for trunk, _ in site.calls_to(person.number)] == ["first", "second"]


@pytest.mark.parametrize(("status", "outcome"), [(486, "busy"), (480, "no_answer")])
def test_busy_and_no_answer_never_move_on(site: PhoneSite, status: int, outcome: str) -> None:
    person = site.person()
    site.does(person, rejects(status))
    event_id = site.gateway.post(person.token)
    site.gateway.expect_status(event_id, "exhausted")
    site.finished([event_id])
    assert [way for way in site.ways(event_id) if way[1] != outcome] == []
    assert len(site.ways(event_id)) == len(site.phone_attempts(event_id)) == 3, "one leg an attempt"


def test_no_carrier_sees_more_calls_at_once_or_in_a_second_than_were_bought(site: PhoneSite) -> None:
    people = site.people(9, answers(presses="1", after=0.8))
    event_ids = [site.gateway.post(person.token) for person in people]
    site.finished(event_ids)
    for event_id in event_ids:
        assert site.gateway.event(event_id)["status"] == "acknowledged"
    for person in people:
        assert len(site.calls_to(person.number)) == 1
    numbers = {person.number for person in people}
    for name, carrier in site.carriers.items():
        seen = sorted((call for call in carrier.invites if call.number in numbers), key=lambda call: call.at)
        assert len(seen) >= MOST, f"{name} has its share"
        # On its way a call may be held up by a busy machine, and so come close to the next; none comes in a pack.
        gaps = sorted(later.at - earlier.at for earlier, later in pairwise(seen))
        assert gaps[len(gaps) // 2] >= 0.9 / RATE
        for call in seen:
            until(lambda call=call: call.ended_at is not None, 5, "the carrier has seen its end")  # type: ignore[misc]
            at_once = [each for each in seen if each.at <= call.at and (each.ended_at or 0) > call.at + 0.05]
            assert len(at_once) <= MOST + 1, "the next may ring while the carrier still notes the end of the last"


def test_a_critical_alert_overtakes_those_that_wait_for_a_line(site: PhoneSite) -> None:
    # One line after the other becomes free.
    talkers = [site.people(1, answers(presses="1", after=5.0 + number))[0] for number in range(2 * MOST)]
    waiting = site.people(3, answers(presses="1"))
    (urgent,) = site.people(1, answers(presses="1"))
    event_ids = [site.gateway.post(person.token, severity="warn") for person in talkers]
    for person in talkers:
        until(lambda person=person: site.calls_to(person.number), 20, "every line is busy")  # type: ignore[misc]
    event_ids += [site.gateway.post(person.token, severity="warn") for person in waiting]
    for event_id in event_ids[2 * MOST :]:
        site.gateway.expect_entry(event_id, "attempt_started", number=1)
    event_ids.append(site.gateway.post(urgent.token, severity="critical"))
    site.finished(event_ids)
    (_, first), *_ = site.calls_to(urgent.number)
    assert all(site.calls_to(person.number)[0][1].at > first.at for person in waiting)
    assert all(len(site.calls_to(person.number)) == 1 for person in (*talkers, *waiting, urgent))


def test_a_trunk_that_fails_again_and_again_is_left_alone_and_taken_up_again(site: PhoneSite) -> None:
    def alert(status: int | None) -> int:
        person = site.person()
        site.does(person, answers(presses="1", after=0.2))
        if status is not None:
            site.does(person, rejects(status, rings=False), trunk="first")
        event_id = site.gateway.post(person.token, severity="warn")
        site.gateway.expect_status(event_id, "acknowledged")
        alerts.append(event_id)
        return event_id

    alerts: list[int] = []
    for _ in range(3):
        assert [trunk for trunk, _ in site.ways(alert(503))] == ["first", "second"]
    assert site.ways(alert(503))[0][0] == "second", "nobody waits for a broken trunk"
    site.finished(alerts)
    until(lambda: site.ways(alert(None))[0][0] == "first", 30, "the first trunk is back in use", every=0.5)
    assert site.said("trunk_left_alone", trunk="first")
    assert site.said("trunk_well_again", trunk="first")
    assert site.ways(alert(None))[0][0] == "first"
    site.finished(alerts)


def test_a_trunk_whose_carrier_does_not_answer_is_not_dialled(site: PhoneSite) -> None:
    def knows(*, reachable: bool) -> bool:
        with site.pbxes["pbx1"].ami() as ami:
            ami.run("PJSIPQualify", Endpoint="first")
        log = site.gateway.log.read_text(encoding="utf-8").splitlines()
        last = [line for line in log if '"trunk_reachability"' in line][-1:]
        return bool(last) and f'"reachable": {str(reachable).lower()}' in last[0]

    person = site.person()
    site.does(person, answers(presses="1"))
    site.carriers["first"].stop()
    try:
        until(lambda: knows(reachable=False), 20, "the carrier is missed", every=0.5)
        event_id = site.gateway.post(person.token)
        site.gateway.expect_status(event_id, "acknowledged")
        site.finished([event_id])
        assert site.ways(event_id) == [("second", "acknowledged")]
    finally:
        site.carriers["first"].start()
    until(lambda: knows(reachable=True), 20, "the carrier is found again", every=0.5)
    again = site.gateway.post(person.token, dedup_key="again")
    site.gateway.expect_status(again, "acknowledged")
    site.finished([again])
    assert site.ways(again) == [("first", "acknowledged")]


def test_a_destination_that_must_not_be_called_is_skipped_and_the_ladder_goes_on(site: PhoneSite) -> None:
    reasons = {
        DENIED: "destination_denied",
        "+19005551234": "destination_premium_rate",
        "+881612345678": "destination_satellite",
        "+49110": "destination_emergency",
    }
    alerts = []
    for number, reason in reasons.items():
        forbidden = site.person(number)
        reachable = site.gateway.contact(forbidden.license_id, site.number())
        for carrier in site.carriers.values():
            carrier.behaviour(reachable.phone, answers(presses="1"))
        alerts.append((forbidden, reachable, reason, site.gateway.post(forbidden.token)))
    site.finished([event_id for *_, event_id in alerts])
    for forbidden, reachable, reason, event_id in alerts:
        event = site.gateway.event(event_id)
        assert (event["status"], event["acknowledged_by"]) == ("acknowledged", reachable.name)
        skipped = site.gateway.expect_entry(event_id, "attempt_result", result="skipped")
        assert (skipped["contact_id"], skipped["detail"]["reason"]) == (forbidden.contact_id, reason)
        assert site.calls_to(forbidden.number) == []
        assert site.said("call_refused", reason=reason)
