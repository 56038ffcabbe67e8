"""Trunks of each kind against a carrier: registered, over TCP, out of reach, with other ways to send keys."""

import socket
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.telephony.carrier import Carrier, answers
from tests.telephony.carrier_audio import dtmf
from tests.telephony.dialplan import TRUNK, Exchange
from tests.waiting import until

pytestmark = pytest.mark.telephony

# Everything that could end a value, begin a comment or a section in Asterisk's files.
AWKWARD = "p;w;--x [y] #include => \\;\"'"


def test_trunk_registers_and_calls_with_an_awkward_password(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path, accounts={"customer1": AWKWARD})
    with Exchange.on(tmp_path, carrier, username="customer1", password=AWKWARD) as exchange:
        until(lambda: carrier.registration("customer1"), 10, "the trunk registers")
        registration = exchange.ami.run("PJSIPShowRegistrationsOutbound")[1]
        assert registration["Status"] == "Registered"
        leg = exchange.place("+15550001", answers("1", after=0.2))
        call = exchange.answered_call(leg)
        assert call.from_number == "+15550100"
        assert exchange.user_event("TocsinKey", leg)["Digit"] == "1"


def test_trunk_with_a_wrong_password_is_refused(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path, accounts={"customer1": "right"})
    with Exchange.on(tmp_path, carrier, username="customer1", password="wrong", register=False) as exchange:
        leg = exchange.place("+15550001")
        ended = exchange.ended(leg)
        assert ended.tech_cause.startswith("SIP 401")
        assert ended.answered_at is None
        carrier.expect_nothing_more()


def test_trunk_over_tcp_carries_a_call(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path, protocol="tcp", sip_port=free_port())
    with Exchange.on(tmp_path, carrier, transport="tcp") as exchange:
        leg = exchange.place("+15550001", answers("1", after=0.2))
        assert exchange.user_event("TocsinKey", leg)["Digit"] == "1"
        exchange.answered_call(leg)


@pytest.mark.parametrize(("codec", "dtmf_mode"), [("alaw", "info"), ("g722", "rfc4733"), ("ulaw", "auto")])
def test_keys_arrive_whatever_the_codec_and_the_way_they_are_sent(tmp_path: Path, codec: str, dtmf_mode: str) -> None:
    carrier = Carrier(tmp_path, codecs=[codec], dtmf_mode=dtmf_mode)
    with Exchange.on(tmp_path, carrier, codecs=[codec], dtmf_mode=dtmf_mode) as exchange:
        leg = exchange.place("+15550001", answers("1", after=0.3))
        assert exchange.user_event("TocsinKey", leg)["Digit"] == "1"
        exchange.answered_call(leg)


def test_keys_are_heard_in_the_sound_itself(tmp_path: Path) -> None:
    tone = dtmf(tmp_path / "tone.wav", "1")
    carrier = Carrier(tmp_path, dtmf_mode="inband")
    with Exchange.on(tmp_path, carrier, dtmf_mode="inband") as exchange:
        leg = exchange.place("+15550001", answers(talks=tone))
        assert exchange.user_event("TocsinKey", leg)["Digit"] == "1"
        exchange.answered_call(leg)


def test_trunk_out_of_reach_is_known(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path)
    with Exchange.on(tmp_path, carrier) as exchange:
        until(lambda: exchange.ami.value(f"DEVICE_STATE(PJSIP/{TRUNK})") == "NOT_INUSE", 10, "the trunk is found")
        carrier.stop()
        exchange.ami.run("PJSIPQualify", Endpoint=TRUNK)
        until(lambda: exchange.ami.value(f"DEVICE_STATE(PJSIP/{TRUNK})") == "UNAVAILABLE", 15, "the trunk is missed")
        exchange.ami_event("ContactStatus", lambda packet: packet["ContactStatus"] == "Unreachable")


def test_silent_carrier_is_given_up_before_the_ring_timeout(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        carrier = Carrier(tmp_path)
        carrier.sip_port = silent.getsockname()[1]
        with Exchange.on(tmp_path, carrier) as exchange:
            leg = exchange.place("+15550001", ring_timeout=30)
            ended = exchange.ended(leg, 20)
            assert ended.answered_at is None
            assert ended.tech_cause.startswith("SIP 408") or ended.hangup_cause in {18, 20}
