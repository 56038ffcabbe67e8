"""What proves a call: the carrier knows it by the same Call-ID, whatever became of it."""

import hashlib
from collections.abc import Iterator

import pytest

from gateway.channels.asterisk.adoption import read_record
from gateway.ports.phone import CallEnded, CallRinging
from tests.telephony.carrier import Behaviour, Carrier, answers, rejects, rings_out
from tests.telephony.dialplan import Exchange
from tests.telephony.test_phone_adapter import Desk, carrier, shared_desk

pytestmark = pytest.mark.telephony

__all__ = ["carrier", "shared_desk"]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    directory = tmp_path_factory.mktemp("dialplan")
    with Exchange.on(directory, Carrier(directory)) as exchange:
        yield exchange


@pytest.mark.parametrize(
    ("number", "behaviour"),
    [
        ("+15550201", answers("1", after=0.2)),
        ("+15550202", rejects(486)),
        ("+15550203", rejects(404, rings=False)),
        ("+15550204", rings_out()),
        ("+15550205", answers(stays=0.3)),
    ],
    ids=["key", "busy", "unknown number", "rings out", "hangs up"],
)
def test_every_leg_leaves_the_call_id_that_the_carrier_saw(
    exchange: Exchange, number: str, behaviour: Behaviour
) -> None:
    leg = exchange.place(number, behaviour, ring_timeout=1.0)
    call = exchange.carrier.expect_call(number)
    ended = exchange.ended(leg)
    assert ended.sip_call_id == call.sip_call_id
    assert exchange.user_event("TocsinEnded", leg)["SipCallId"] == call.sip_call_id
    record = read_record(leg.call_id, exchange.facts(leg))
    assert record.ended is not None
    assert record.ended.sip_call_id == call.sip_call_id


@pytest.mark.parametrize(
    ("number", "behaviour"),
    [("+15550211", answers("1", ring=0.3)), ("+15550212", rejects(486)), ("+15550213", rejects(503, rings=False))],
    ids=["key", "busy", "trunk trouble"],
)
def test_the_end_of_a_followed_leg_tells_call_id_caller_and_sound(
    shared_desk: Desk, carrier: Carrier, number: str, behaviour: Behaviour
) -> None:
    carrier.behaviour(number, behaviour)
    call_id = shared_desk.place(number)
    call = carrier.expect_call(number)
    ended = shared_desk.wait(CallEnded, call_id)
    assert ended.sip_call_id == call.sip_call_id
    assert ended.audio_sha256 == hashlib.sha256(shared_desk.message.read_bytes()).hexdigest()
    assert ended.caller_id == shared_desk.config.trunks[0].caller_id
    if ended.caller_id is not None:
        assert call.from_number == ended.caller_id


def test_the_end_of_a_leg_that_nobody_saw_tells_them_too(shared_desk: Desk, carrier: Carrier) -> None:
    assert shared_desk.phone is not None
    carrier.behaviour("+15550221", answers(ring=0.2, stays=1.0))
    call_id = shared_desk.place("+15550221")
    shared_desk.wait(CallRinging, call_id)
    shared_desk.phone.stop()
    shared_desk.reports.clear()
    call = carrier.expect_call("+15550221")
    call.wait_ended()
    shared_desk.unfinished.add(call_id)
    shared_desk.open()
    ended = shared_desk.wait(CallEnded, call_id)
    shared_desk.unfinished.clear()
    assert ended.sip_call_id == call.sip_call_id
    assert ended.audio_sha256 == hashlib.sha256(shared_desk.message.read_bytes()).hexdigest()
    assert ended.caller_id == shared_desk.config.trunks[0].caller_id
