"""A connection that breaks, stalls, or carries nonsense: nobody is rung twice, and nothing is lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
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
from tests.integration.ami_rig import QUICK, Rig, rig
from tests.waiting import until


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def again_up(phone: Rig, count: int = 2) -> None:
    phone.wait(PhoneNodeUp, count=count)
    phone.until_ready()


def test_secret_is_not_sent(phone: Rig) -> None:
    assert "s3cret" not in str(phone.ami.actions)


def test_orders_while_disconnected_end_at_once_and_are_never_dialled(phone: Rig) -> None:
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    assert not phone.phone.ready()
    for number in range(200):
        phone.phone.place(phone.order(f"c{number}"))
    until(lambda: len(phone.of(CallEnded)) == 200, 5, "orders are waiting")
    assert {report.outcome for report in phone.of(CallEnded)} == {CallOutcome.TRUNK_TROUBLE}
    phone.ami.listen()
    again_up(phone)
    phone.place("after")
    assert len(phone.ami.received("Originate")) == 1


def test_orders_before_the_look_up_are_refused(phone: Rig) -> None:
    phone.looks_up = False
    phone.ami.cut()
    phone.wait(PhoneNodeUp, count=2)
    assert not phone.phone.ready()
    assert list(phone.phone.trunks()) == []
    phone.phone.place(phone.order("c1"))
    assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE
    phone.phone.look_up("pbx1", [])
    phone.until_ready()
    assert list(phone.phone.trunks()) == ["carrier-a"]


def test_drop_after_queued_does_not_dial_again_and_the_call_is_followed(phone: Rig) -> None:
    phone.ami.cut_after.add("originate")
    phone.unfinished = {"c1"}
    phone.place("c1")
    phone.wait(PhoneNodeDown)
    phone.ami.cut_after.clear()
    phone.ami.channel("c1", state="5")
    again_up(phone)
    phone.wait(CallRinging, "c1")
    phone.ami.answer("c1")
    phone.ami.press("c1", "1")
    phone.ami.hang_up("c1", 16)
    assert phone.ended("c1").outcome is CallOutcome.NO_KEY
    assert phone.originates("c1") == 1
    assert phone.of(KeyPressed)


def test_drop_before_the_originate_was_done_is_reported_as_never_dialled(phone: Rig) -> None:
    phone.ami.lost.add("originate")
    phone.unfinished = {"c1"}
    phone.place("c1")
    phone.wait(CallNeverDialled, "c1")
    assert not phone.of(CallEnded)
    phone.ami.lost.clear()
    again_up(phone)
    assert phone.originates("c1") == 1
    phone.phone.place(phone.order("c1"))
    until(lambda: phone.originates("c1") == 2, 5, "the same id cannot be placed again")


def test_originate_that_is_never_answered_is_looked_up_and_not_sent_again(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, action=timedelta(milliseconds=200))) as phone:
        phone.ami.silent.add("originate")
        phone.place("c1")
        assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE
        phone.place("c2")
        phone.ami.channel("c2", state="5")
        phone.wait(CallRinging, "c2")
        until(lambda: phone.ami.received("DBGetTree")[-1]["key"] == ["c2"], 5, "c2 was not looked up")
        phone.ami.hang_up("c2", 17, 486)
        assert phone.ended("c2").outcome is CallOutcome.BUSY
        assert phone.originates("c1") == phone.originates("c2") == 1


def test_call_that_rings_after_it_was_given_up_is_hung_up(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, action=timedelta(milliseconds=200))) as phone:
        phone.ami.silent.add("originate")
        phone.place("c1")
        phone.ended("c1")
        phone.ami.channel("c1")
        until(lambda: not phone.ami.channels, 5, "the late call rings on")
        assert len(phone.of(CallEnded, "c1")) == 1


def test_late_answer_harms_nothing(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, action=timedelta(milliseconds=200))) as phone:
        phone.ami.held.add("originate")
        phone.place("c1")
        phone.ended("c1")
        phone.ami.release()
        phone.place("c2")
        assert len(phone.of(PhoneNodeUp)) == 1
        assert not phone.of(PhoneNodeDown)


def test_second_originate_of_a_live_channel_follows_the_first(phone: Rig) -> None:
    phone.ami.channel("c1", state="5")
    phone.place("c1")
    phone.wait(CallRinging, "c1")
    phone.ami.hang_up("c1", 21, 603)
    assert phone.ended("c1").outcome is CallOutcome.DECLINED


def test_refusal_of_somebody_elses_originate_is_not_ours(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.originate_response("c1", success=False, action_id="another")
    phone.ami.ring("c1")
    phone.wait(CallRinging, "c1")
    assert not phone.phone._nodes["pbx1"]._book["c1"].refused


def test_refusal_of_a_used_id_follows_the_live_channel(phone: Rig) -> None:
    phone.ami.refused["originate"] = "Channel id already in use"
    phone.ami.channel("c1", state="6")
    phone.place("c1")
    phone.wait(CallAnswered, "c1")
    assert not phone.of(CallEnded)


def test_end_that_is_never_reported_is_found(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, longest_call=timedelta(milliseconds=50))) as phone:
        phone.place("c1")
        phone.ami.channel("c1")
        phone.ami.answer("c1")
        phone.wait(CallAnswered, "c1")
        # The channel goes without an event.
        phone.ami.database["/tocsin/c1/ended"] = "1010.25|16||9.75|1000.5"
        phone.ami.channels.clear()
        assert phone.ended("c1").outcome is CallOutcome.NO_KEY


def test_half_open_link_is_noticed_and_replaced(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, ping=timedelta(milliseconds=200))) as phone:
        phone.ami.deaf = True
        assert "ping" in phone.wait(PhoneNodeDown).reason
        phone.ami.deaf = False
        again_up(phone)


def test_refused_ping_breaks_the_link(phone: Rig) -> None:
    phone.ami.refused["ping"] = "Permission denied"
    assert "ping" in phone.wait(PhoneNodeDown).reason


def test_look_up_that_is_not_answered_breaks_the_link_and_is_done_again(tmp_path: Path) -> None:
    with rig(tmp_path, replace(QUICK, action=timedelta(milliseconds=200))) as phone:
        phone.unfinished = {"c1"}
        phone.ami.channel("c1", state="5")
        phone.ami.silent.add("dbgettree")
        phone.ami.cut()
        phone.wait(PhoneNodeDown, count=2)
        assert not phone.phone.ready()
        phone.ami.silent.clear()
        phone.wait(CallRinging, "c1")
        phone.until_ready()


def test_refused_login_is_told_and_tried_again(phone: Rig) -> None:
    phone.ami.refuses_login = True
    phone.ami.cut()
    until(lambda: "refused the login" in (phone.phone.health()[0].last_error or ""), 5, "the refusal is not told")
    assert not phone.phone.health()[0].connected
    assert len(phone.of(PhoneNodeUp)) == 1
    phone.ami.refuses_login = False
    again_up(phone)
    assert phone.phone.health()[0].last_error is None


def test_peer_that_is_no_asterisk_gets_no_login(phone: Rig) -> None:
    phone.ami.greeting = b"220 mail.example ESMTP\r\n"
    phone.ami.cut()
    until(lambda: "no Asterisk" in (phone.phone.health()[0].last_error or ""), 5, "the error is not told")
    assert phone.ami.logins == 1
    assert len(phone.ami.received("Challenge")) == 1


def test_peer_that_closes_at_once_is_tried_with_growing_pauses(phone: Rig) -> None:
    phone.ami.closes_at_once = True
    phone.ami.cut()
    until(lambda: phone.ami.connections >= 5, 10, "it was not tried again")
    assert len(phone.of(PhoneNodeDown)) == 1
    phone.ami.closes_at_once = False
    again_up(phone)


def test_shutdown_of_asterisk_is_a_loss(phone: Rig) -> None:
    phone.ami.event(("Event", "Shutdown"), ("Shutdown", "Cleanly"))
    assert phone.wait(PhoneNodeDown).reason == "Asterisk shuts down"
    again_up(phone)


def test_character_split_over_two_reads_is_whole(phone: Rig) -> None:
    phone.place("c1")
    message = "Event: Newchannel\r\nCallerIDName: Zoë\r\nChannel: PJSIP/carrier-a-1\r\nUniqueid: tocsin-c1\r\n\r\n"
    encoded = message.encode()
    middle = encoded.index("ë".encode()) + 1
    phone.ami.raw_in_pieces(encoded[:middle], encoded[middle:])
    ringing = b"Event: Newstate\r\nChannel: PJSIP/carrier-a-1\r\nChannelState: 5\r\nUniqueid: tocsin-c1\r\n\r\n"
    phone.ami.raw_in_pieces(*(bytes([byte]) for byte in ringing))
    phone.wait(CallRinging, "c1")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff\xfe\x00 garbage\r\n\r\n",
        b"Event\r\nno colon here\r\n\r\n",
        b"Event: Newstate\r\nEvent: Hangup\r\nUniqueid: tocsin-c1\r\nUniqueid: x\r\n\r\n",
        b"Event: Hangup\r\nUniqueid: tocsin-c1x\r\nCause: many\r\nTechCause: \r\n\r\n",
        b"Event: UserEvent\r\nUserEvent: TocsinKey\r\nCallId: c1\r\nDigit: 12\r\nSequence: one\r\n\r\n",
        b"Event: UserEvent\r\nUserEvent: TocsinKey\r\nCallId: ../c1\r\nDigit: 1\r\nSequence: 1\r\n\r\n",
        b"Response: Success\r\nActionID: nobody-asked\r\nMessage: hello\r\n\r\n",
        b"Response: Success\r\nActionID: a\r\nActionID: b\r\nMessage: a\r\nMessage: b\r\n\r\n",
        b"Event: Tomorrow\r\nNew-Header: x\r\nVariable: a=b\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
    ],
)
def test_garbage_is_passed_over(phone: Rig, garbage: bytes) -> None:
    phone.place("c1")
    phone.ami.raw(garbage)
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.wait(CallRinging, "c1")
    phone.ami.hang_up("c1", 17, 486)
    assert phone.ended("c1").outcome is CallOutcome.BUSY
    assert not phone.of(PhoneNodeDown)
    assert not phone.of(KeyPressed)


def test_message_without_end_breaks_the_link_rather_than_fill_the_memory(phone: Rig) -> None:
    phone.ami.raw(b"x" * (2 << 20))
    phone.wait(PhoneNodeDown)
    again_up(phone)


def test_event_with_the_id_of_a_pending_action_is_seen(phone: Rig) -> None:
    phone.ami.held.add("originate")
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.originate_response("c1", success=True)
    phone.wait(CallAnswered, "c1")
    phone.ami.release()


def test_failing_listener_harms_neither_the_connection_nor_later_reports(phone: Rig) -> None:
    phone.listener_fails = True
    phone.place("c1")
    phone.ami.channel("c1")
    phone.ami.ring("c1")
    phone.ami.hang_up("c1", 17, 486)
    phone.ended("c1")
    phone.ami.cut()
    again_up(phone)
    assert len(phone.of(PhoneNodeDown)) == 1


def test_storm_of_losses_dials_nobody_twice(phone: Rig) -> None:
    phone.place("c1")
    phone.ami.channel("c1", state="5")
    phone.unfinished = {"c1"}
    for count in range(2, 7):
        phone.ami.cut()
        again_up(phone, count)
    phone.ami.hang_up("c1", 17, 486)
    assert phone.ended("c1").outcome is CallOutcome.BUSY
    assert phone.originates("c1") == 1


def test_health_tells_since_when_and_why(phone: Rig) -> None:
    (before,) = phone.phone.health()
    assert (before.node, before.connected, before.ready, before.last_error) == ("pbx1", True, True, None)
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    (after,) = phone.phone.health()
    assert not after.connected
    assert not after.ready
    assert after.last_error
    assert after.since > before.since


def test_stop_while_the_node_is_away_ends_the_reconnecting(phone: Rig) -> None:
    phone.ami.go_away()
    phone.wait(PhoneNodeDown)
    phone.phone.stop()
    assert not phone.phone._thread.is_alive()
    phone.ami.listen()
    assert phone.ami.connections == 1


def test_node_that_boots_slowly_is_not_used_before(tmp_path: Path) -> None:
    with rig(tmp_path) as phone:
        phone.ami.boots = False
        phone.ami.cut()
        until(lambda: phone.ami.logins == 2, 5, "no login came")
        phone.ami.event(("Event", "Newstate"), ("Uniqueid", "tocsin-x"))
        assert len(phone.of(PhoneNodeUp)) == 1
        phone.ami.event(("Event", "FullyBooted"), ("Status", "Fully Booted"))
        again_up(phone)


def test_orders_after_the_stop_end_at_once(phone: Rig) -> None:
    phone.phone.stop()
    assert not phone.phone.ready()
    assert not phone.of(PhoneNodeDown)
    phone.phone.place(phone.order("c1"))
    assert phone.ended("c1").outcome is CallOutcome.TRUNK_TROUBLE
    phone.phone.hang_up("c1")
    phone.phone.forget("c1")
