"""Calls through an Asterisk that behaves."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.model.call import CallOutcome
from gateway.ports.phone import CallAnswered, CallEnded, CallRinging, KeyPressed
from tests.integration.ami_rig import QUICK, Rig, rig
from tests.integration.fake_ami import FakeAMI
from tests.waiting import until


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def test_originate_is_what_the_dialplan_expects(phone: Rig) -> None:
    phone.place("c1", handoff_number="+15550199", ring_timeout=timedelta(seconds=12))
    originate = phone.ami.received("Originate")[0]
    variables = dict(variable.split("=", 1) for variable in originate["variable"])
    assert {name: originate[name] for name in originate.keys() - {"variable", "actionid"}} == {
        "action": ["Originate"],
        "channel": ["PJSIP/+15550123@carrier-a"],
        "channelid": ["tocsin-c1"],
        "context": ["tocsin-call"],
        "exten": ["s"],
        "priority": ["1"],
        "async": ["true"],
        "timeout": ["12000"],
        "callerid": ["+15550100"],
    }
    assert variables["TOCSIN_CALL"] == "c1"
    assert variables["TOCSIN_OPERATOR"] == "+15550199"
    assert variables["TOCSIN_TRUNK"] == "carrier-a"
    assert variables["CHANNEL(hangup_handler_push)"] == r"tocsin-ended\,s\,1"
    dialled_at, audio_sha256, caller_id = variables["DB(tocsin/c1/dialled)"].split("|")
    assert float(dialled_at) > 0
    assert re.fullmatch(r"[0-9a-f]{64}", audio_sha256)
    assert caller_id == "+15550100"
    assert Path(variables["TOCSIN_MESSAGE"] + ".wav").read_bytes() == b"RIFF hello"
    assert (Path(variables["TOCSIN_PROMPTS"]) / "not_understood.wav").read_bytes() == b"RIFF hello"


def test_answered_call_tells_each_step_once(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.ami.answer("c1")
    phone.ami.originate_response("c1", success=True)
    phone.ami.press("c1", "1", epoch="1001.5")
    phone.ami.hang_up("c1", 16)
    ended = phone.ended("c1")
    assert len(phone.of(CallRinging)) == len(phone.of(CallAnswered)) == 1
    assert phone.of(KeyPressed) == [KeyPressed("c1", "1", 1, datetime.fromtimestamp(1001.5, UTC))]
    assert ended.outcome is CallOutcome.NO_KEY
    assert ended.answered_at == phone.of(CallAnswered)[0].at
    assert ended.billed_seconds == 1
    assert phone.threads == {"phone"}


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [
        (17, 486, CallOutcome.BUSY),
        (21, 603, CallOutcome.DECLINED),
        (1, 404, CallOutcome.INVALID_NUMBER),
        (34, 503, CallOutcome.TRUNK_TROUBLE),
        (17, None, CallOutcome.BUSY),
    ],
)
def test_refused_call_ends_by_the_networks_cause(phone: Rig, cause: int, sip: int | None, outcome: CallOutcome) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.originate_response("c1", success=False)
    phone.ami.hang_up("c1", cause, sip)
    ended = phone.ended("c1")
    assert (ended.outcome, ended.hangup_cause, ended.sip_cause) == (outcome, cause, sip)
    assert ended.billed_seconds == 0


@pytest.mark.parametrize(
    ("heard", "outcome"),
    [
        ("ring", CallOutcome.NO_ANSWER),
        ("progress", CallOutcome.NO_ANSWER),
        (None, CallOutcome.TRUNK_TROUBLE),
    ],
)
def test_ring_timeout_is_no_answer_only_where_it_rang(phone: Rig, heard: str | None, outcome: CallOutcome) -> None:
    phone.place("c1", ring_timeout=timedelta(milliseconds=1))
    phone.ami.channel("c1")
    if heard:
        getattr(phone.ami, heard)("c1")
    phone.ami.hang_up("c1", 19, 480, by_network=False)
    ended = phone.ended("c1")
    assert (ended.outcome, ended.sip_cause) == (outcome, None)


def test_network_that_says_480_before_the_time_is_up_means_it(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.hang_up("c1", 19, 480)
    ended = phone.ended("c1")
    assert (ended.outcome, ended.sip_cause) == (CallOutcome.NO_ANSWER, 480)


def test_unknown_endpoint_is_trunk_trouble(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.originate_response("c1", success=False)
    assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE


def test_refused_originate_is_trunk_trouble(phone: Rig) -> None:
    phone.ami.refused["originate"] = "Permission denied"
    phone.phone.place(phone.order("c1"))
    assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE


def test_hang_up_before_the_answer_cancels(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.wait(CallRinging, "c1")
    phone.phone.hang_up("c1")
    assert phone.ended("c1").outcome is CallOutcome.CANCELLED


def test_hang_up_before_the_channel_exists_is_done_when_it_does(phone: Rig) -> None:
    phone.place("c1")
    phone.phone.hang_up("c1")
    until(lambda: phone.ami.received("Hangup"), 5, "no hangup was tried")
    phone.ami.channel("c1")
    assert phone.ended("c1").outcome is CallOutcome.CANCELLED


def test_hang_up_of_an_ended_call_is_no_error(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.hang_up("c1", 17, 486)
    phone.ended("c1")
    phone.phone.hang_up("c1")
    phone.phone.hang_up("never-there")
    phone.place("c2")
    assert len(phone.of(CallEnded)) == 1


def test_last_word_is_set_and_the_channel_redirected(phone: Rig, tmp_path: Path) -> None:
    word = tmp_path / "word.wav"
    word.write_bytes(b"RIFF word")
    phone.place("c1")
    name = phone.ami.channel("c1")
    phone.ami.answer("c1")
    phone.wait(CallAnswered, "c1")
    phone.phone.say_and_hang_up("c1", word)
    until(lambda: phone.ami.received("Redirect"), 5, "no redirect came")
    (setvar,), (redirect,) = phone.ami.received("Setvar"), phone.ami.received("Redirect")
    assert (setvar["channel"], setvar["variable"]) == ([name], ["TOCSIN_REPLY"])
    assert Path(setvar["value"][0] + ".wav").read_bytes() == b"RIFF word"
    assert [redirect[part][0] for part in ("channel", "context", "exten", "priority")] == [
        name,
        "tocsin-say",
        "say",
        "1",
    ]


def test_last_word_to_a_call_not_answered_hangs_up(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.phone.say_and_hang_up("c1", phone.sound)
    assert phone.ended("c1").outcome is CallOutcome.CANCELLED


def test_forgotten_call_leaves_nothing_in_the_database(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.answer("c1")
    phone.ami.press("c1", "2", 1)
    phone.ami.press("c1", "1", 2)
    phone.ami.hang_up("c1", 16)
    phone.ended("c1")
    phone.ami.database["/tocsin/c10/dialled"] = "1"
    phone.phone.forget("c1")
    until(lambda: set(phone.ami.database) == {"/tocsin/c10/dialled"}, 5, "the entries stayed")


def test_number_with_a_line_break_is_never_written(phone: Rig) -> None:
    phone.phone.place(phone.order("c1", to_number="+1555\r\n\r\nAction: Originate"))
    assert phone.ended("c1").outcome is CallOutcome.INVALID_NUMBER
    phone.phone.place(phone.order("c2\r\n"))
    phone.ended("c2\r\n")
    phone.phone.place(phone.order("c3", handoff_number="+1555\r\nAction: Ping"))
    assert phone.ended("c3").outcome is CallOutcome.TRUNK_TROUBLE
    phone.phone.hang_up("c4\r\nX: y")
    phone.phone.forget("c4\r\nX: y")
    phone.phone.look_up("pbx1", ["c4\r\nX: y"])
    phone.place("c5")
    assert len(phone.ami.received("Originate")) == 1
    assert not phone.ami.received("Hangup")


def test_missing_announcement_is_trunk_trouble_and_dials_nobody(phone: Rig, tmp_path: Path) -> None:
    phone.phone.place(phone.order("c1", announcement=tmp_path / "gone.wav"))
    assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE
    assert not phone.ami.received("Originate")


def test_unknown_trunk_is_trunk_trouble(phone: Rig) -> None:
    phone.phone.place(phone.order("c1", trunk="nowhere"))
    assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE


def test_call_placed_twice_is_dialled_once(phone: Rig) -> None:
    phone.place("c1")
    phone.phone.place(phone.order("c1"))
    phone.place("c2")
    assert phone.originates("c1") == 1


def test_trunk_carries_no_more_calls_than_it_may(tmp_path: Path) -> None:
    with rig(tmp_path, max_calls=2) as phone:
        for number in range(3):
            phone.phone.place(phone.order(f"c{number}"))
        phone.place("c1")
        phone.phone.place(phone.order("c3"))
        phone.phone.hang_up("c3")
        assert phone.ended("c3").outcome is CallOutcome.CANCELLED
        assert phone.originates("c2") == phone.originates("c3") == 0
        phone.ami.channel("c0")
        phone.ami.hang_up("c0", 17, 486)
        until(lambda: phone.originates("c2"), 5, "the waiting call was not dialled")
        assert phone.originates("c3") == 0


def test_orders_wait_for_the_trunks_pace(tmp_path: Path) -> None:
    with rig(tmp_path, calls_per_second=0.001) as phone:
        phone.place("c1")
        phone.phone.place(phone.order("c2"))
        phone.ami.cut()
        assert phone.ended("c2").outcome is CallOutcome.TRUNK_TROUBLE
        assert phone.originates("c2") == 0


def test_thousands_of_calls_leave_nothing_behind(tmp_path: Path) -> None:
    def busy(ami: FakeAMI, call_id: str) -> None:
        ami.channel(call_id)
        ami.originate_response(call_id, success=False)
        ami.hang_up(call_id, 17, 486)

    # Both ends share this process: a ping may wait behind hundreds of calls on a busy machine.
    with rig(tmp_path, replace(QUICK, ping=timedelta(seconds=60))) as phone:
        phone.ami.dialplan = busy
        for number in range(3000):
            phone.phone.place(phone.order(f"c{number}"))
            if number % 500 == 499:
                until(lambda expected=number + 1: len(phone.of(CallEnded)) == expected, 60, "calls did not end")
        node = phone.phone._nodes["pbx1"]
        until(lambda: not len(node._tasks), 5, "tasks are left over")
        assert not node._book
        # The ping that keeps watch over the connection comes and goes.
        until(lambda: not node._connection._wire.responses, 5, "answers are waited for that came")
        assert not node._paces["carrier-a"]._in_progress
        assert {report.outcome for report in phone.of(CallEnded)} == {CallOutcome.BUSY}


def test_longest_ringing_is_watched(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, ring_margin=timedelta(0))) as phone:
        phone.place("c1", ring_timeout=timedelta(milliseconds=50))
        assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE
        phone.ami.channel("c1")
        until(lambda: phone.ami.received("Hangup"), 5, "a call that was given up rings on")
