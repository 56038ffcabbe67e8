"""What a callee hears and what is kept of it: the dialplan on a real Asterisk. The calls run side by side."""

from collections.abc import Iterator

import pytest

from tests.telephony.carrier import Carrier, answers, rejects, rings_out
from tests.telephony.carrier_audio import loud_seconds, warble
from tests.telephony.dialplan import Exchange, Leg

pytestmark = pytest.mark.telephony

OPERATOR = "+15559001"
BUSY_OPERATOR = "+15559002"
ODD_KEYS = "9*0#D"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    directory = tmp_path_factory.mktemp("dialplan")
    with Exchange.on(directory, Carrier(directory)) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def legs(exchange: Exchange) -> dict[str, Leg]:
    """All calls whose subscribers act by themselves, placed at once."""
    talk = warble(exchange.directory / "operator.wav", 2.0, 200)
    exchange.carrier.behaviour(OPERATOR, answers(talks=talk, stays=0.3))
    exchange.carrier.behaviour(BUSY_OPERATOR, rejects(486))
    many = tuple((0.1, "7") for _ in range(12))
    return {
        "one": exchange.place("+15550001", answers("1", after=0.4)),
        "at the first word": exchange.place("+15550002", answers("1", after=0.0)),
        "silent": exchange.place("+15550003", answers()),
        "busy": exchange.place("+15550004", rejects(486)),
        "unknown number": exchange.place("+15550005", rejects(404, rings=False)),
        "trunk trouble": exchange.place("+15550006", rejects(503, rings=False)),
        "declined": exchange.place("+15550007", rejects(603)),
        "rings out": exchange.place("+15550008", rings_out(), ring_timeout=1.0),
        "hangs up": exchange.place("+15550009", answers(stays=0.6)),
        "odd keys": exchange.place("+15550010", answers([(0.3, key) for key in ODD_KEYS])),
        "wrong, then one": exchange.place("+15550011", answers([(0.3, "9"), (1.0, "1")])),
        "wrong for ever": exchange.place("+15550012", answers(many)),
        "no operator": exchange.place("+15550013", answers([(0.2, "2"), (2.0, "1")])),
        "operator": exchange.place("+15550014", answers("2", after=0.2), operator=OPERATOR),
        "busy operator": exchange.place("+15550015", answers([(0.2, "2"), (1.5, "1")]), operator=BUSY_OPERATOR),
        "voicemail": exchange.place("+15550016", answers(talks=talk, stays=1.0)),
    }


def test_key_one_is_kept_told_and_confirmed(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["one"]
    call = exchange.answered_call(leg)
    arrived_at, key = exchange.timed_user_event("TocsinKey", leg)
    ended = exchange.ended(leg)
    facts = exchange.facts(leg)
    assert (key["Digit"], key["Sequence"]) == ("1", "1")
    assert facts["keys/1"] == f"1|{key['At']}"
    assert float(facts["dialled"]) <= call.at <= float(facts["answered"]) <= float(key["At"]) <= ended.at
    assert (ended.hangup_cause, ended.answered_at) == (16, float(facts["answered"]))
    assert ended.seconds == pytest.approx(ended.at - float(facts["answered"]), abs=0.01)
    call.wait_ended()
    assert call.ended_by == "caller"
    assert call.hears(exchange.prompt("noted")).likeness > 0.8
    assert call.hears(exchange.prompt("goodbye")).likeness < 0.5
    print(f"originate to INVITE {call.at - leg.placed_at:.4f} s")
    print(f"key sent to UserEvent {arrived_at - call.pressed[0][0]:.3f} s")
    print(f"key noted to UserEvent {arrived_at - float(key['At']):.4f} s")


def test_key_breaks_into_the_first_word(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["at the first word"]
    call = exchange.answered_call(leg).wait_ended()
    assert exchange.keys(leg) == "1"
    assert call.hears(exchange.message).likeness < 0.8
    assert call.hears(exchange.prompt("noted")).likeness > 0.8


def test_silent_callee_hears_the_message_three_times_and_goodbye(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["silent"]
    call = exchange.answered_call(leg).wait_ended(40)
    assert len(call.hears_all(exchange.message)) == 3
    assert len(call.hears_all(exchange.prompt("menu"))) == 3
    assert len(call.hears_all(exchange.prompt("goodbye"))) == 1
    assert exchange.keys(leg) == ""
    assert exchange.ended(leg).hangup_cause == 16
    # Three times 1.3 s of sound and 4 s for a key, then the goodbye.
    assert 15.9 < exchange.ended(leg).seconds < 25


@pytest.mark.parametrize(
    ("name", "cause", "sip"),
    [
        ("busy", 17, "SIP 486"),
        ("unknown number", 1, "SIP 404"),
        ("trunk trouble", 34, "SIP 503"),
        ("declined", 21, "SIP 603"),
        ("rings out", 19, "SIP 180"),
    ],
)
def test_leg_that_is_not_answered_leaves_its_record(
    exchange: Exchange, legs: dict[str, Leg], name: str, cause: int, sip: str
) -> None:
    leg = legs[name]
    exchange.carrier.expect_call(leg.number).wait_ended()
    ended = exchange.ended(leg)
    assert (ended.hangup_cause, ended.seconds, ended.answered_at) == (cause, 0, None)
    assert ended.tech_cause.startswith(sip)
    assert "answered" not in exchange.facts(leg)


def test_ringing_stops_when_the_time_is_up(exchange: Exchange, legs: dict[str, Leg]) -> None:
    exchange.ended(legs["rings out"])
    call = next(call for call in exchange.carrier.invites if call.number == legs["rings out"].number)
    assert call.wait_ended().cancelled


def test_callee_who_hangs_up_leaves_an_answered_record_without_keys(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["hangs up"]
    assert exchange.answered_call(leg).wait_ended().ended_by == "callee"
    ended = exchange.ended(leg)
    assert (ended.hangup_cause, exchange.keys(leg)) == (16, "")
    assert 0.3 < ended.seconds < 3


def test_every_key_of_the_keypad_is_kept_in_its_order(exchange: Exchange, legs: dict[str, Leg]) -> None:
    exchange.answered_call(legs["odd keys"]).wait_ended(40)
    assert exchange.keys(legs["odd keys"]) == ODD_KEYS


def test_wrong_key_is_not_understood_and_the_message_begins_again(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["wrong, then one"]
    call = exchange.answered_call(leg).wait_ended()
    assert exchange.keys(leg) == "91"
    assert call.hears(exchange.prompt("not_understood")).likeness > 0.8
    assert call.hears(exchange.prompt("noted")).likeness > 0.8


def test_wrong_keys_do_not_go_on_for_ever(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["wrong for ever"]
    call = exchange.answered_call(leg).wait_ended(40)
    assert call.ended_by == "caller"
    assert exchange.keys(leg) == "7" * 10
    assert exchange.ended(leg).seconds < 12


def test_without_an_operator_key_two_says_so_and_the_menu_goes_on(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["no operator"]
    call = exchange.answered_call(leg).wait_ended()
    assert exchange.keys(leg) == "21"
    assert call.hears(exchange.prompt("no_operator")).likeness > 0.8
    assert call.hears(exchange.message).likeness > 0.8


def test_key_two_connects_to_the_operator(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["operator"]
    callee = exchange.answered_call(leg)
    operator = exchange.carrier.expect_call(OPERATOR)
    assert operator.from_number == "+15550100"
    operator.wait_answered().wait_ended()
    callee.wait_ended()
    assert exchange.keys(leg) == "2"
    assert callee.hears(exchange.prompt("connecting")).likeness > 0.8
    assert callee.hears(exchange.directory / "operator.wav").likeness > 0.8
    assert exchange.user_event("TocsinOperator", leg)["State"] == "dialling"
    assert exchange.ended(leg).hangup_cause == 16


def test_operator_who_is_busy_leads_back_to_the_menu(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["busy operator"]
    callee = exchange.answered_call(leg).wait_ended()
    exchange.carrier.expect_call(BUSY_OPERATOR)
    assert exchange.keys(leg) == "21"
    assert callee.hears(exchange.prompt("operator_busy")).likeness > 0.8


def test_voicemail_leaves_no_key(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["voicemail"]
    exchange.answered_call(leg).wait_ended()
    assert exchange.keys(leg) == ""
    assert exchange.ended(leg).answered_at is not None


def test_gateway_takes_over_after_key_one_and_has_the_last_word(exchange: Exchange) -> None:
    leg = exchange.place("+15550101", answers("1", after=0.2))
    call = exchange.answered_call(leg)
    exchange.user_event("TocsinKey", leg)
    channel = exchange.channel_of(leg)
    exchange.ami.run("Setvar", Channel=channel, Variable="TOCSIN_REPLY", Value=exchange.reply.with_suffix(""))
    exchange.ami.run("Redirect", Channel=channel, Context="tocsin-say", Exten="say", Priority=1)
    call.wait_ended()
    assert call.hears(exchange.reply).likeness > 0.8
    assert call.hears(exchange.prompt("noted")).likeness < 0.5
    assert exchange.ended(leg).hangup_cause == 16


def test_gateway_breaks_into_the_message(exchange: Exchange) -> None:
    leg = exchange.place("+15550102", answers())
    call = exchange.answered_call(leg)
    exchange.user_event("TocsinAnswered", leg)
    channel = exchange.channel_of(leg)
    exchange.ami.run("Setvar", Channel=channel, Variable="TOCSIN_REPLY", Value=exchange.reply.with_suffix(""))
    exchange.ami.run("Redirect", Channel=channel, Context="tocsin-say", Exten="say", Priority=1)
    call.wait_ended()
    assert call.hears(exchange.reply).likeness > 0.8
    assert loud_seconds(call.recording()) < 1.4


def test_ringing_leg_is_cancelled_when_the_gateway_hangs_up(exchange: Exchange) -> None:
    leg = exchange.place("+15550103", rings_out(), ring_timeout=30)
    call = exchange.carrier.expect_call(leg.number)
    exchange.ami.run("Hangup", Channel=exchange.channel_of(leg), Cause=16)
    assert call.wait_ended(5).cancelled
    assert exchange.ended(leg).answered_at is None


def test_second_leg_with_the_id_of_a_live_one_is_not_dialled(exchange: Exchange) -> None:
    leg = exchange.place("+15550104", rings_out(), ring_timeout=30)
    call = exchange.carrier.expect_call(leg.number)
    dialled = exchange.facts(leg)["dialled"]
    again = exchange.place("+15550104", call_id=leg.call_id)
    # The action is queued like any other, and its failure comes as an event that names the first leg's id.
    assert again.answer["Response"] == "Success"
    failure = exchange.ami_event("OriginateResponse", lambda packet: packet["ActionID"] == again.answer["ActionID"])
    assert (failure["Response"], failure["Reason"]) == ("Failure", "0")
    assert failure["Uniqueid"] == f"tocsin-{leg.call_id}"
    assert set(exchange.facts(leg)) == {"dialled"}
    assert exchange.facts(leg)["dialled"] == dialled
    assert call.ended_at is None
    exchange.ami.run("Hangup", Channel=exchange.channel_of(leg))
    call.wait_ended()
    assert [c.number for c in exchange.carrier.invites].count(leg.number) == 1


def test_keys_are_forgotten_with_the_gateways_own_rights(exchange: Exchange) -> None:
    leg = exchange.place("+15550105", answers("1", after=0.2))
    exchange.user_event("TocsinKey", leg)
    exchange.ami.run("Hangup", Channel=exchange.channel_of(leg))
    exchange.ended(leg)
    exchange.answered_call(leg).wait_ended()
    for key in exchange.facts(leg):
        exchange.ami.run("Setvar", Variable=f"DB_DELETE(tocsin/{leg.call_id}/{key})", Value="1")
    assert exchange.facts(leg) == {}


def test_no_number_is_dialled_but_the_ordered_ones(exchange: Exchange, legs: dict[str, Leg]) -> None:
    for leg in legs.values():
        exchange.ended(leg, 40)
    dialled = [call.number for call in exchange.carrier.invites]
    expected = [leg.number for leg in legs.values()] + [OPERATOR, BUSY_OPERATOR]
    assert sorted(number for number in dialled if not number.startswith("+155501")) == sorted(expected)


def test_log_is_silent_about_calls_that_went_well(exchange: Exchange, legs: dict[str, Leg]) -> None:
    for leg in legs.values():
        exchange.ended(leg, 40)
    log = exchange.pbx.directory / exchange.pbx.node.name / "log" / "messages.log"
    assert not [line for line in log.read_text().splitlines() if "ERROR" in line and "already in use" not in line]
