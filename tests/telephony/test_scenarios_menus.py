"""PINs, answering machines and the operator, end to end: what the callee does, and what is on record afterwards.

Each case is a license of its own with two contacts: one who does something, and one who takes the alert where the first
does not. The cases run side by side, and those together in whose middle the link is cut or the engine is killed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.model.contact import Contact
from gateway.wording import phrases
from tests.site import OWNER_CHAT, Site
from tests.telephony.carrier import Behaviour, CarrierCall, answers, rejects
from tests.telephony.proxy import Relay
from tests.telephony.voices import hello, voicemail
from tests.waiting import until

pytestmark = pytest.mark.telephony

PIN, WRONG = "80214711", "80214712"
# What is wanted of the record, sought in every file that outlives the call.
SECRETS = (PIN.encode(), WRONG.encode())


@pytest.fixture(scope="module")
def relay() -> Iterator[list[Relay]]:
    made: list[Relay] = []
    yield made
    for each in made:
        each.__exit__()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, relay: list[Relay]) -> Iterator[Site]:
    def between(port: int) -> int:
        relay.append(Relay(port).__enter__())
        return relay[0].port

    policy: dict[str, object] = {"ring_timeout": "15s", "call_attempts": 1}
    with Site(tmp_path_factory.mktemp("site"), policy=policy, ami_port_of=between) as site:
        yield site


class Case:
    """One alert for a contact, for a second one who takes it where the first does not, and for an operator."""

    def __init__(
        self,
        site: Site,
        behaviour: Behaviour,
        *,
        pin: str | None = None,
        operator: Behaviour | None = None,
        **policy: object,
    ) -> None:
        self.site = site
        self.operator = site.number()
        if operator is not None:
            site.carrier.behaviour(self.operator, operator)
        license_id = site.gateway.license(owner_telegram=OWNER_CHAT, handoff_number=self.operator, policy=policy)
        self.contacts: list[Contact] = []
        for each, its_pin in ((behaviour, pin), (answers("1"), None)):
            number = site.number()
            site.carrier.behaviour(number, each)
            self.contacts.append(site.gateway.contact(license_id, number, pin=its_pin))
        self.event_id = site.gateway.post(site.gateway.source(license_id))

    def call(self, who: int = 0) -> CarrierCall:
        return self.site.carrier.expect_call(self.contacts[who].phone, 40)

    def entry(self, kind: str, **detail: object) -> dict[str, Any]:
        return self.site.gateway.expect_entry(self.event_id, kind, 40, **detail)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        return [
            entry["detail"] for entry in self.site.gateway.event(self.event_id)["timeline"] if entry["type"] == kind
        ]

    def is_acknowledged_by(self, who: int) -> dict[str, Any]:
        """Wait for that, and return the first contact's leg; the second contact is called only if they take it."""
        if who:
            self.call(1).wait_ended(60)
        event = self.site.gateway.expect_status(self.event_id, "acknowledged", 60)
        assert (event["acknowledged_via"], event["acknowledged_by"]) == ("dtmf", self.contacts[who].name)
        until(lambda: all(leg["ended_at"] for leg in self._legs()), 60, "all legs have an end")
        assert [leg["contact_id"] for leg in self._legs()] == [each.id for each in self.contacts[: who + 1]]
        return self._legs()[0]

    def is_over(self) -> None:
        """Wait until nothing is left to do for the event."""
        until(lambda: self.site.is_finished(self.event_id), 90, f"event {self.event_id} is finished")

    def _legs(self) -> list[dict[str, Any]]:
        legs: list[dict[str, Any]] = self.site.gateway.event(self.event_id)["calls"]
        return legs


def enters(*pins: str, after: float = 2.5) -> Behaviour:
    """Press 1, then each PIN, some seconds after the one before."""
    return answers([(0.6, "1"), (0.8, f"{pins[0]}#"), *((after, f"{pin}#") for pin in pins[1:])], ring=0.3)


@pytest.fixture(scope="module")
def cases(site: Site) -> Mapping[str, Case]:
    """All cases in which nothing is cut or killed, begun at once."""
    greeting, _ = voicemail(site.directory)
    asks = answers("2", after=0.8, stays=60)
    return {
        "right": Case(site, enters(PIN), pin=PIN),
        "wrong, right": Case(site, enters(WRONG, PIN), pin=PIN),
        "wrong for ever": Case(site, enters(WRONG, "", WRONG, after=5.5), pin=PIN),
        "machine": Case(site, answers("1", after=0.1, talks=greeting), answering_machine="hang_up"),
        "message": Case(site, answers(talks=greeting), answering_machine="leave_message"),
        "hello": Case(site, answers("1", after=2.5, talks=hello(site.directory)), answering_machine="hang_up"),
        "operator": Case(site, asks, operator=answers(stays=12)),
        "busy": Case(site, answers([(0.8, "2"), (7.5, "1")], stays=60), operator=rejects(486), l1_wait="20s"),
        "measured": Case(site, answers([(7.0, "1")], ring=0.4)),
    }


def test_1_with_the_right_pin_acknowledges_and_the_pin_is_on_no_disk(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["right"]
    call = case.call().wait_ended()
    leg = case.is_acknowledged_by(0)
    assert (leg["outcome"], leg["digits"]) == ("acknowledged", "1")
    assert case.entries("pin_accepted") == [{"call_id": leg["id"], "try": 1}]
    assert call.hears(site.gateway.spoken("en", "acknowledged")).likeness > 0.8


def test_a_wrong_pin_is_asked_for_again(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["wrong, right"]
    call = case.call().wait_ended()
    assert case.is_acknowledged_by(0)["digits"] == "p1"
    assert [entry["try"] for entry in case.entries("pin_refused")] == [1]
    assert [entry["try"] for entry in case.entries("pin_accepted")] == [2]
    assert len(case.entries("key_pressed")) == 1, "1 was pressed once"
    assert call.hears(site.gateway.spoken("en", "wrong_pin")).likeness > 0.8


def test_three_wrong_pins_make_a_missed_call(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["wrong for ever"]
    call = case.call().wait_ended(40)
    assert call.ended_by == "caller"
    leg = case.is_acknowledged_by(1)
    assert (leg["outcome"], leg["digits"]) == ("no_key", "ppp")
    assert case.entry("call_ended", call_id=leg["id"])["detail"]["reason"] == "wrong_pin"
    case.entry("attempt_result", result="missed", reason="wrong_pin")
    assert call.hears(site.gateway.spoken("en", "goodbye")).likeness > 0.8


def test_a_machine_is_hung_up_on_and_the_next_contact_is_called(cases: Mapping[str, Case]) -> None:
    case = cases["machine"]
    assert case.call().wait_ended().ended_by == "caller"
    leg = case.is_acknowledged_by(1)
    assert (leg["outcome"], leg["digits"]) == ("machine", "")
    assert leg["billed_seconds"] <= 6
    found = case.entry("machine_detected", call_id=leg["id"])["detail"]
    assert found["keys_ignored"] == "1", "a machine never acknowledges"
    case.entry("attempt_result", result="missed", reason="machine")


def test_a_message_is_left_after_the_tone(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["message"]
    _, tone_ends = voicemail(site.directory)
    call = case.call().wait_ended(60)
    assert case.is_acknowledged_by(1)["outcome"] == "machine"
    assert [entry["reason"] for entry in case.entries("machine_detected")][1:] == ["message_left"]
    assert call.ended_at is not None
    assert call.answered_at is not None
    assert call.ended_at - call.answered_at > tone_ends


def test_a_person_who_says_hello_acknowledges_though_machines_are_listened_for(cases: Mapping[str, Case]) -> None:
    case = cases["hello"]
    case.call().wait_ended()
    assert case.is_acknowledged_by(0)["outcome"] == "acknowledged"
    assert case.entries("machine_detected") == []


def test_the_operator_hears_who_is_on_the_line_and_the_seconds_count(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["operator"]
    callee, operator = case.call(), site.carrier.expect_call(case.operator, 30)
    leg = case.is_acknowledged_by(1)
    assert operator.wait_ended().answered_at is not None
    callee.wait_ended()
    assert (leg["outcome"], leg["digits"]) == ("handed_off", "2")
    ended = case.entry("operator_reported", state="ended", trunk="carrier")["detail"]
    assert 1 < ended["talked_seconds"] < leg["billed_seconds"]
    whisper = site.gateway.says(
        phrases.whisper(
            "en",
            name=case.contacts[0].name,
            announcement=phrases.announcement("en", license_name="Acme", severity="warn", title="Intrusion", body=""),
        )
    )
    assert operator.hears(whisper).likeness > 0.7
    assert callee.hears(whisper).likeness < 0.6


def test_the_operator_is_busy_and_the_callee_acknowledges_after_all(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["busy"]
    site.carrier.expect_call(case.operator, 30)
    callee = case.call().wait_ended(40)
    assert case.is_acknowledged_by(0)["digits"] == "21"
    assert [entry["state"] for entry in case.entries("operator_reported")] == ["dialling", "busy"]
    assert callee.hears(site.gateway.spoken("en", "operator_busy")).likeness > 0.8


def test_how_long_it_took_to_ring_and_how_well_it_sounded_is_on_record(site: Site, cases: Mapping[str, Case]) -> None:
    case = cases["measured"]
    case.call().wait_ended()
    leg_id = case.is_acknowledged_by(0)["id"]
    with site.gateway.record.read() as work:
        call = work.calls.get(leg_id)
    assert call is not None
    assert call.post_dial_delay_ms is not None
    assert 0 <= call.post_dial_delay_ms < 400, "the 180 ends it, not the answer"
    assert call.quality is not None
    assert (call.quality.codec, call.quality.lost_sent_percent) == ("ulaw", 0.0)
    assert call.quality.round_trip_ms is not None
    assert call.quality.round_trip_ms < 200


def test_pins_that_were_entered_while_the_gateway_was_cut_off_are_checked_later(
    site: Site, cases: Mapping[str, Case], relay: list[Relay]
) -> None:
    for case in cases.values():
        case.is_over()
    right = Case(site, answers([(1.5, "1"), (1.5, f"{PIN}#")]), pin=PIN)
    wrong = Case(site, answers([(1.5, "1"), (1.5, f"{WRONG}#")]), pin=PIN)
    calls = [case.call() for case in (right, wrong)]
    for case in (right, wrong):
        case.entry("call_answered")
    relay[0].cut()
    try:
        for call in calls:
            call.wait_ended()
    finally:
        relay[0].mend()
    assert all(call.hears(site.gateway.spoken("en", "noted")).likeness > 0.8 for call in calls)
    assert right.is_acknowledged_by(0)["digits"] == "1"
    leg = wrong.is_acknowledged_by(1)
    assert (leg["outcome"], leg["digits"]) == ("no_key", "p")


def test_the_engine_is_killed_while_a_pin_is_entered_and_while_people_talk(
    site: Site, cases: Mapping[str, Case]
) -> None:
    for case in cases.values():
        case.is_over()
    talking = Case(site, answers("2", after=0.8, stays=60), operator=answers(stays=18))
    callee = talking.call()
    talking.entry("operator_reported", state="connected")
    entering = Case(site, answers([(0.6, "1"), (1.0, f"{WRONG}#"), (7.0, f"{PIN}#")]), pin=PIN)
    entering.entry("pin_refused", **{"try": 1})
    # What is on record is told next; an engine killed between the two leaves the callee waiting, who then hears that
    # the key was noted.
    with site.pbx.ami() as ami:
        until(lambda: not any("/pins/" in key for key in ami.tree("tocsin")), 10, "the callee is asked again")
    killed = site.gateway.kill_engine()
    until(lambda: site.gateway.engine_pid() not in {killed, None}, 30, "another engine is started")
    assert callee.ended_at is None, "nobody breaks into the conversation"
    entering.call().wait_ended(40)
    assert entering.is_acknowledged_by(0)["digits"] == "p1", "the try before the restart counts"
    site.carrier.expect_call(talking.operator).wait_ended(40)
    callee.wait_ended()
    assert talking.is_acknowledged_by(1)["outcome"] == "handed_off"
    assert [entry["state"] for entry in talking.entries("operator_reported")] == ["dialling", "connected", "ended"]


def test_nothing_else_was_dialled_or_sent_and_no_pin_is_left(site: Site, cases: Mapping[str, Case]) -> None:
    for case in cases.values():
        case.is_over()
    # Each of the first contacts was written to, and told who took it; likewise the second ones where it came to that.
    for _ in site.twilio.sent:
        site.twilio.expect_message()
    site.finished(*(case.event_id for case in cases.values()))
    with site.pbx.ami() as ami:
        until(lambda: not ami.tree("tocsin"), 10, "Asterisk keeps nothing of the calls")
    assert files_with(site.directory, SECRETS) == []


def files_with(directory: Path, secrets: tuple[bytes, ...]) -> list[Path]:
    """Return the files that hold one of the secrets, but for recorded sound and the carrier's own."""
    found = []
    for path in directory.rglob("*"):
        if path.is_file() and "carrier" not in path.relative_to(directory).parts and path.suffix != ".wav":
            data = path.read_bytes()
            if any(secret in data for secret in secrets):
                found.append(path)
    return found
