"""The phone adapter against a real Asterisk and a simulated carrier."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.model.call import CallOutcome
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    PhoneNodeDown,
    PhoneNodeUp,
    Prompt,
)
from tests.ports import free_port
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Behaviour, Carrier, answers, rejects, rings_out
from tests.telephony.carrier_audio import warble
from tests.telephony.desk import NUMBER, Desk
from tests.waiting import until

pytestmark = pytest.mark.telephony


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier")) as made:
        yield made


@pytest.fixture(scope="module")
def shared_desk(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("pbx")
    config = asterisk_config({"carrier-a": carrier.sip_port, "nobody": free_port()})
    node = config.nodes[0].model_copy(update={"sounds_dir": directory / "sounds"})
    config = config.model_copy(update={"nodes": (node,)})
    message = warble(directory / "message.wav", 2.0, 1)
    prompts = {prompt: warble(directory / f"{prompt}.wav", 0.5, 10 + place) for place, prompt in enumerate(Prompt)}
    with GatewayPbx(config, directory) as pbx:
        made = Desk(pbx, config, message, prompts)
        made.open()
        try:
            yield made
        finally:
            assert made.phone is not None
            made.phone.stop()


@pytest.fixture
def desk(shared_desk: Desk, carrier: Carrier) -> Iterator[Desk]:
    shared_desk.reports.clear()
    shared_desk.unfinished.clear()
    yield shared_desk
    carrier.expect_nothing_more()


def test_key_is_reported_and_the_last_word_is_heard(desk: Desk, carrier: Carrier, tmp_path: Path) -> None:
    assert desk.phone is not None
    word = warble(tmp_path / "word.wav", 1.0, 99)
    carrier.behaviour(NUMBER, answers("1", ring=0.3))
    call_id = desk.place()
    call = carrier.expect_call(NUMBER)
    desk.wait(CallRinging, call_id)
    desk.wait(CallAnswered, call_id)
    key = desk.wait(KeyPressed, call_id)
    assert (key.digit, key.sequence) == ("1", 1)
    desk.phone.say_and_hang_up(call_id, word)
    ended = desk.wait(CallEnded, call_id)
    call.wait_ended()
    assert (ended.outcome, ended.hangup_cause) == (CallOutcome.NO_KEY, 16)
    assert 1 <= ended.billed_seconds <= 10
    assert call.hears(word).likeness > 0.8
    desk.phone.forget(call_id)
    with desk.ami() as ami:
        until(lambda: not ami.tree("tocsin", call_id), 10, "the database keeps the call")


@pytest.mark.parametrize(
    ("behaviour", "outcome", "sip"),
    [
        (rejects(404), CallOutcome.INVALID_NUMBER, 404),
        (rejects(410), CallOutcome.INVALID_NUMBER, 410),
        (rejects(484), CallOutcome.INVALID_NUMBER, 484),
        (rejects(486, after=0.2), CallOutcome.BUSY, 486),
        (rejects(603, after=0.2), CallOutcome.DECLINED, 603),
        (rejects(480), CallOutcome.NO_ANSWER, 480),
        (rejects(503), CallOutcome.TRUNK_TROUBLE, 503),
        (rejects(500), CallOutcome.TRUNK_TROUBLE, 500),
        (rejects(403), CallOutcome.TRUNK_TROUBLE, 403),
    ],
)
def test_refusal_is_told_in_the_networks_words(
    desk: Desk, carrier: Carrier, behaviour: Behaviour, outcome: CallOutcome, sip: int
) -> None:
    carrier.behaviour(NUMBER, behaviour)
    call_id = desk.place()
    carrier.expect_call(NUMBER)
    ended = desk.wait(CallEnded, call_id)
    assert (ended.outcome, ended.sip_cause) == (outcome, sip)


def test_nobody_answers(desk: Desk, carrier: Carrier) -> None:
    carrier.behaviour(NUMBER, rings_out())
    call_id = desk.place(ring=1)
    call = carrier.expect_call(NUMBER)
    assert desk.wait(CallEnded, call_id).outcome is CallOutcome.NO_ANSWER
    call.wait_ended()
    assert call.cancelled


def test_silent_carrier_is_trunk_trouble(desk: Desk) -> None:
    call_id = desk.place(trunk="nobody", ring=1)
    assert desk.wait(CallEnded, call_id).outcome is CallOutcome.TRUNK_TROUBLE


def test_hang_up_while_it_rings(desk: Desk, carrier: Carrier) -> None:
    assert desk.phone is not None
    carrier.behaviour(NUMBER, rings_out())
    call_id = desk.place()
    call = carrier.expect_call(NUMBER)
    desk.wait(CallRinging, call_id)
    desk.phone.hang_up(call_id)
    assert desk.wait(CallEnded, call_id).outcome is CallOutcome.CANCELLED
    call.wait_ended()
    assert call.cancelled


def test_hang_up_right_after_the_order(desk: Desk, carrier: Carrier) -> None:
    assert desk.phone is not None
    carrier.behaviour(NUMBER, rings_out())
    call_id = desk.place()
    legs = desk.phone._nodes["pbx1"]._book
    until(lambda: (leg := legs.get(call_id)) and leg.sent, 5, "it was not originated")
    desk.phone.hang_up(call_id)
    assert desk.wait(CallEnded, call_id).outcome is CallOutcome.CANCELLED
    for call in carrier.invites:
        call.claimed = True


def test_same_id_dialled_twice_makes_one_call(desk: Desk, carrier: Carrier) -> None:
    assert desk.phone is not None
    carrier.behaviour(NUMBER, rings_out())
    call_id = desk.place()
    call = carrier.expect_call(NUMBER)
    desk.wait(CallRinging, call_id)
    # As if the first order had been made in an earlier life of the gateway.
    node = desk.phone._nodes["pbx1"]
    del node._book[call_id]
    desk.reports.clear()
    desk.phone.place(
        CallOrder(
            call_id=call_id,
            trunk="carrier-a",
            to_number=NUMBER,
            ring_timeout=timedelta(seconds=5),
            language="en",
            announcement=desk.message,
            prompts=desk.prompts,
        )
    )
    desk.wait(CallRinging, call_id)
    desk.phone.hang_up(call_id)
    assert desk.wait(CallEnded, call_id).outcome is CallOutcome.CANCELLED
    call.wait_ended()


def test_restarted_gateway_finds_live_ended_and_unknown_legs(desk: Desk, carrier: Carrier) -> None:
    assert desk.phone is not None
    talker, leaver = "+15550201", "+15550202"
    carrier.behaviour(talker, answers([(2.0, "5"), (3.0, "1")], ring=0.1))
    carrier.behaviour(leaver, answers([(1.0, "1")], stays=0.5))
    live, gone = desk.place(talker), desk.place(leaver)
    desk.wait(CallAnswered, live)
    desk.wait(CallAnswered, gone)
    desk.phone.stop()
    left = carrier.expect_call(leaver).wait_ended()
    assert left.pressed
    talking = carrier.expect_call(talker).wait_pressed()
    desk.reports.clear()
    unknown = uuid4().hex
    desk.unfinished |= {live, gone, unknown}
    desk.open()
    desk.wait(CallNeverDialled, unknown)
    ended = desk.wait(CallEnded, gone)
    assert ended.outcome is CallOutcome.NO_KEY
    assert ended.answered_at is not None
    assert [key.digit for key in desk.reports if isinstance(key, KeyPressed) and key.call_id == gone] == ["1"]
    desk.wait(CallAnswered, live)
    until(
        lambda: (
            {key.digit for key in desk.reports if isinstance(key, KeyPressed) and key.call_id == live} == {"5", "1"}
        ),
        15,
        "the live leg's keys were not reported",
    )
    desk.phone.hang_up(live)
    assert desk.wait(CallEnded, live).outcome is CallOutcome.NO_KEY
    talking.wait_ended()


def test_lost_node_is_told_and_found_again(desk: Desk) -> None:
    desk.pbx.stop()
    desk.wait(PhoneNodeDown)
    assert desk.phone is not None
    assert not desk.phone.ready()
    refused = desk.place()
    assert desk.wait(CallEnded, refused).outcome is CallOutcome.TRUNK_TROUBLE
    desk.pbx.start()
    desk.wait(PhoneNodeUp)
    until(desk.phone.ready, 20, "the phone is not ready")
