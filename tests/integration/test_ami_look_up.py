"""Finding legs again after a gap or a restart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.model.call import CallOutcome
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallRinging,
    KeyPressed,
    PhoneNodeDown,
    PhoneNodeUp,
)
from tests.integration.ami_rig import Rig, rig
from tests.waiting import until


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def test_live_leg_of_an_earlier_life_is_followed(phone: Rig) -> None:
    phone.ami.channel("old", state="6")
    phone.ami.database |= {"/tocsin/old/answered": "1000.5", "/tocsin/old/keys/1": "5|1001"}
    phone.phone.look_up("pbx1", ["old"])
    assert phone.wait(CallAnswered, "old").at == datetime.fromtimestamp(1000.5, UTC)
    assert phone.wait(KeyPressed, "old").digit == "5"
    phone.ami.press("old", "1", 2)
    assert phone.wait(KeyPressed, "old", count=2).sequence == 2
    phone.ami.hang_up("old", 16)
    assert phone.ended("old").outcome is CallOutcome.NO_KEY


def test_ringing_leg_of_an_earlier_life_can_be_hung_up(phone: Rig) -> None:
    phone.ami.channel("old", state="5")
    phone.phone.look_up("pbx1", ["old"])
    phone.wait(CallRinging, "old")
    phone.phone.hang_up("old")
    assert phone.ended("old").outcome is CallOutcome.CANCELLED


def test_leg_that_ended_meanwhile_reports_its_keys_in_their_order_and_then_its_end(phone: Rig) -> None:
    phone.ami.database |= {
        "/tocsin/old/dialled": "999",
        "/tocsin/old/answered": "1000.5",
        "/tocsin/old/ended": "1010.25|16||9.75|1000.5",
        **{f"/tocsin/old/keys/{sequence}": f"{sequence % 10}|{1000 + sequence}" for sequence in range(1, 13)},
    }
    phone.phone.look_up("pbx1", ["old"])
    ended = phone.ended("old")
    assert [key.sequence for key in phone.of(KeyPressed)] == list(range(1, 13))
    assert phone.reports[-1] == ended
    assert ended == CallEnded(
        call_id="old",
        at=datetime.fromtimestamp(1010.25, UTC),
        outcome=CallOutcome.NO_KEY,
        hangup_cause=16,
        answered_at=datetime.fromtimestamp(1000.5, UTC),
        billed_seconds=10,
    )


@pytest.mark.parametrize(
    ("record", "outcome", "sip"),
    [
        ("1010|17|SIP 486 Busy Here|0|", CallOutcome.BUSY, 486),
        ("1010|1|404||", CallOutcome.INVALID_NUMBER, 404),
        ("1010|19|SIP 180 Ringing|0|", CallOutcome.NO_ANSWER, None),
        ("1010|19|SIP 183 Session Progress|0|", CallOutcome.NO_ANSWER, None),
        ("1010|19||0|", CallOutcome.TRUNK_TROUBLE, None),
        ("1010|19|SIP 100 Trying|0|", CallOutcome.TRUNK_TROUBLE, None),
        ("1010|34|SIP 503 Service Unavailable|0|", CallOutcome.TRUNK_TROUBLE, 503),
        ("nonsense", CallOutcome.TRUNK_TROUBLE, None),
        ("", CallOutcome.TRUNK_TROUBLE, None),
    ],
)
def test_leg_that_was_not_answered_ends_by_the_recorded_causes(
    phone: Rig, record: str, outcome: CallOutcome, sip: int | None
) -> None:
    phone.ami.database |= {"/tocsin/old/dialled": "999", "/tocsin/old/ended": record}
    phone.phone.look_up("pbx1", ["old"])
    ended = phone.ended("old")
    assert (ended.outcome, ended.sip_cause) == (outcome, sip)


def test_leg_of_which_nothing_is_known_was_never_dialled(phone: Rig) -> None:
    phone.phone.look_up("pbx1", ["old"])
    phone.wait(CallNeverDialled, "old")
    assert not phone.of(CallEnded)


def test_leg_that_was_dialled_and_left_no_end_is_lost(phone: Rig) -> None:
    phone.ami.database |= {"/tocsin/old/dialled": "999", "/tocsin/old/keys/1": "1|1001"}
    phone.phone.look_up("pbx1", ["old"])
    assert phone.ended("old").outcome is CallOutcome.LOST
    assert phone.of(KeyPressed)


def test_leg_whose_channel_was_seen_is_never_called_undialled(phone: Rig) -> None:
    phone.place("c1")
    phone.unfinished = {"c1"}
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.wait(CallRinging, "c1")
    # Asterisk crashes, and its database has not reached the disk.
    phone.ami.channels.clear()
    phone.ami.database.clear()
    phone.ami.cut()
    assert phone.ended("c1").outcome is CallOutcome.LOST
    assert not phone.of(CallNeverDialled)


def test_leg_that_ends_between_the_two_questions_is_not_lost(phone: Rig) -> None:
    phone.ami.database["/tocsin/old/dialled"] = "999"
    phone.phone.look_up("pbx1", ["old"])
    until(lambda: phone.ami.received("DBGetTree"), 5, "the database was not asked")
    phone.ami.database["/tocsin/old/ended"] = "1010|17|SIP 486 Busy Here|0|"
    assert phone.ended("old").outcome is CallOutcome.BUSY


def test_leg_that_ends_while_it_is_looked_up_reports_its_keys_first(phone: Rig) -> None:
    phone.ami.channel("old", state="6")
    phone.ami.database["/tocsin/old/keys/1"] = "1|1001"
    phone.ami.held.add("dbgettree")
    phone.phone.look_up("pbx1", ["old"])
    until(lambda: phone.ami.received("DBGetTree"), 5, "the database was not asked")
    phone.ami.hang_up("old", 16)
    phone.ami.release()
    phone.ended("old")
    assert [type(report) for report in phone.reports[-2:]] == [KeyPressed, CallEnded]


def test_key_pressed_during_a_gap_is_told_afterwards(phone: Rig) -> None:
    phone.place("c1")
    phone.unfinished = {"c1"}
    phone.ami.channel("c1")
    phone.ami.answer("c1")
    phone.wait(CallAnswered, "c1")
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    phone.ami.press("c1", "1")
    phone.ami.hang_up("c1", 16)
    assert not phone.of(CallEnded)
    phone.ami.listen()
    phone.ended("c1")
    assert [key.digit for key in phone.of(KeyPressed)] == ["1"]


def test_leg_that_ends_after_a_gap_and_before_it_is_looked_up_reports_its_keys_first(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.wait(CallRinging, "c1")
    phone.looks_up = False
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    phone.ami.answer("c1")
    phone.ami.press("c1", "1")
    phone.ami.listen()
    phone.wait(PhoneNodeUp, count=2)
    phone.ami.hang_up("c1", 16)
    ended = phone.ended("c1")
    assert (ended.outcome, ended.answered_at) == (CallOutcome.NO_KEY, datetime.fromtimestamp(1000.5, UTC))
    assert [type(report) for report in phone.reports[-2:]] == [KeyPressed, CallEnded]


def test_leg_of_an_earlier_life_that_ends_before_it_is_looked_up_reports_its_keys_first(phone: Rig) -> None:
    phone.looks_up = False
    phone.ami.channel("old", state="6")
    phone.ami.database |= {"/tocsin/old/answered": "1000.5", "/tocsin/old/keys/1": "1|1001"}
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    # As an engine does that starts: it asks before the connection is there.
    phone.phone.look_up("pbx1", ["old"])
    phone.ami.listen()
    phone.wait(PhoneNodeUp, count=2)
    phone.ami.hang_up("old", 16)
    assert phone.ended("old").outcome is CallOutcome.NO_KEY
    assert [type(report) for report in phone.reports[-2:]] == [KeyPressed, CallEnded]


def test_call_hung_up_during_a_gap_is_hung_up_afterwards(phone: Rig) -> None:
    phone.place("c1")
    phone.unfinished = {"c1"}
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.wait(CallRinging, "c1")
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    phone.phone.hang_up("c1")
    phone.ami.listen()
    assert phone.ended("c1").outcome is CallOutcome.CANCELLED


def test_last_word_during_a_gap_is_said_afterwards(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.answer("c1")
    phone.wait(CallAnswered, "c1")
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    phone.phone.say_and_hang_up("c1", phone.sound)
    phone.ami.listen()
    until(lambda: phone.ami.received("Redirect"), 5, "the last word was not said")


def test_leg_forgotten_during_a_gap_is_forgotten_afterwards(phone: Rig) -> None:
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    phone.ami.database["/tocsin/old/ended"] = "1|16|||"
    phone.phone.forget("old")
    phone.ami.listen()
    until(lambda: not phone.ami.database, 10, "the entries stayed")


def test_forgetting_that_fails_is_done_after_the_reconnect(phone: Rig) -> None:
    phone.ami.database["/tocsin/old/ended"] = "1|16|||"
    phone.ami.lost.add("setvar")
    phone.phone.forget("old")
    phone.wait(PhoneNodeDown)
    phone.ami.lost.clear()
    until(lambda: not phone.ami.database, 10, "the entries stayed")


def test_hundreds_of_legs_are_looked_up_together(phone: Rig) -> None:
    for number in range(300):
        phone.ami.database[f"/tocsin/c{number}/ended"] = "1010|17|SIP 486 Busy Here|0|"
    phone.unfinished = {f"c{number}" for number in range(300)}
    phone.ami.cut()
    until(lambda: len(phone.of(CallEnded)) == 300, 20, "some legs were not told")
    phone.wait(PhoneNodeUp, count=2)
    phone.until_ready()
