"""PINs, answering machines and the operator: the dialplan on a real Asterisk. The calls run side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.telephony.carrier import Carrier, answers, rejects, rings_out
from tests.telephony.carrier_audio import read, warble, write
from tests.telephony.dialplan import TRUNK, Exchange, Leg
from tests.telephony.voices import hello, listener, silence, voicemail

pytestmark = pytest.mark.telephony

OPERATOR, BUSY, DECLINING, LEAVING, BROKEN, PRESSING = (f"+1555900{number}" for number in range(6))
WITH_PIN = ("TOCSIN_PIN=1",)
PIN = "90214711"
HANG_UP = ("TOCSIN_MACHINE=hang_up",)
LEAVE = ("TOCSIN_MACHINE=leave_message",)
# A word begins so many seconds after the answer at the latest, on a machine that does much else.
AT_ONCE = 0.6


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    directory = tmp_path_factory.mktemp("menus")
    with Exchange.on(directory, Carrier(directory)) as exchange:
        # Longer than anybody listens for a machine.
        warble(exchange.message, 6.0, 100)
        yield exchange


@dataclass(frozen=True)
class Sounds:
    """What the subscribers say."""

    talk: Path
    answer: Path
    whisper: Path
    hello: Path
    listener: Path
    voicemail: Path
    tone_ends: float


@pytest.fixture(scope="module")
def sounds(exchange: Exchange) -> Sounds:
    directory = exchange.directory
    machine, tone_ends = voicemail(directory)
    talk, whisper = warble(directory / "talk.wav", 1.0, 200), warble(directory / "whisper.wav", 1.0, 201)
    # What the operator says while the whisper is played, nobody hears.
    answer = write(directory / "operator.wav", np.concatenate([silence(1.5), read(talk)]))
    return Sounds(talk, answer, whisper, hello(directory), listener(directory), machine, tone_ends)


@pytest.fixture(scope="module")
def legs(exchange: Exchange, sounds: Sounds) -> dict[str, Leg]:
    """All calls whose subscribers act by themselves, placed at once."""
    carrier, whisper = exchange.carrier, f"TOCSIN_WHISPER={sounds.whisper.with_suffix('')}"
    carrier.behaviour(OPERATOR, answers(talks=sounds.answer, stays=0.3))
    carrier.behaviour(BUSY, rejects(486))
    carrier.behaviour(DECLINING, rejects(603))
    carrier.behaviour(LEAVING, answers(stays=0.3))
    carrier.behaviour(BROKEN, rejects(503, rings=False))
    carrier.behaviour(PRESSING, answers([(1.5, "1"), (0.2, "2"), (0.2, "*"), (0.2, "#")], stays=0.5))
    second = (whisper, f"TOCSIN_TRUNK_2={TRUNK}", f"TOCSIN_OPERATOR_2={OPERATOR}")

    def asks(number: str, operator: str, *variables: str, stays: float = 4.0) -> Leg:
        behaviour = answers("2", after=0.2, stays=stays)
        return exchange.place(number, behaviour, operator=operator, variables=(whisper, *variables))

    place = exchange.place
    return {
        "pin": place("+15550001", answers([(0.3, "1"), (0.5, f"{PIN}#")]), variables=WITH_PIN),
        "pin without hash": place("+15550002", answers([(0.3, "1"), (0.5, PIN)]), variables=WITH_PIN),
        "pin of ten digits": place("+15550003", answers([(0.3, "1"), (0.5, "0123456789")]), variables=WITH_PIN),
        "no pin": place("+15550004", answers("1", after=0.3), variables=WITH_PIN),
        "pin and hook": place("+15550005", answers([(0.3, "1"), (0.5, PIN)], stays=0.2), variables=WITH_PIN),
        "1 and hook": place("+15550006", answers("1", after=0.3, stays=0.3), variables=WITH_PIN),
        "hello": place("+15550011", answers(talks=sounds.hello), variables=HANG_UP),
        "listener": place("+15550012", answers(talks=sounds.listener), variables=HANG_UP),
        "nothing sent": place("+15550013", answers(), variables=HANG_UP),
        "early key": place("+15550014", answers("1", after=0.3, talks=sounds.listener), variables=HANG_UP),
        "early keys": place("+15550015", answers("91", after=0.3, talks=sounds.listener), variables=HANG_UP),
        "early key and hook": place("+15550016", answers("1", after=0.3, stays=0.1), variables=HANG_UP),
        "later key": place("+15550017", answers([(5.0, "1")], stays=20), variables=HANG_UP),
        "machine": place("+15550018", answers(talks=sounds.voicemail), variables=HANG_UP),
        "machine with a key": place("+15550019", answers("1", after=0.1, talks=sounds.voicemail), variables=HANG_UP),
        "machine to be told": place("+15550020", answers(talks=sounds.voicemail), variables=LEAVE),
        "operator": asks("+15550031", OPERATOR, stays=60),
        "operator, callee leaves": asks("+15550032", PRESSING, stays=2.2),
        "busy": asks("+15550033", BUSY),
        "declines": asks("+15550034", DECLINING),
        "leaves": asks("+15550035", LEAVING, stays=5),
        "nobody": asks("+15550036", BROKEN),
        "other way": asks("+15550037", BROKEN, *second, stays=60),
    }


def states(exchange: Exchange, leg: Leg) -> list[str]:
    """Return what became of the operator, in its order."""
    exchange.ended(leg, 60)
    notes = sorted(
        (value.split("|") for key, value in exchange.facts(leg).items() if key.startswith("operator/")),
        key=lambda note: (float(note[1]), note[0] == "unreachable"),
    )
    return [note[0] for note in notes]


def talked(exchange: Exchange, leg: Leg) -> float:
    exchange.ended(leg, 60)
    note = next(value for key, value in exchange.facts(leg).items() if key.endswith("-ended"))
    return float(note.split("|")[3])


# --- PINs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pin"),
    [("pin", PIN), ("pin without hash", PIN), ("pin of ten digits", "0123456789"), ("pin and hook", PIN)],
)
def test_pin_is_kept_and_told(exchange: Exchange, legs: dict[str, Leg], name: str, pin: str) -> None:
    leg = legs[name]
    call = exchange.answered_call(leg).wait_ended()
    key = exchange.user_event("TocsinKey", leg)
    assert (key["Digit"], key["Sequence"], key["Pin"]) == ("1", "1", f"p{pin}")
    facts = exchange.facts(leg)
    assert (facts["pins/1"], facts["keys/1"]) == (f"p{pin}", f"1p|{key['At']}")
    assert "keys/2" not in facts
    assert call.hears(exchange.prompt("enter_pin")).likeness > 0.7
    if name != "pin and hook":
        assert call.hears(exchange.prompt("noted")).likeness > 0.8, "nobody said whether it is right"


def test_whoever_enters_none_is_not_taken_for_somebody_who_did(exchange: Exchange, legs: dict[str, Leg]) -> None:
    exchange.answered_call(legs["no pin"]).wait_ended()
    assert exchange.user_event("TocsinKey", legs["no pin"])["Pin"] == "p"


def test_1_by_itself_is_no_key_where_it_takes_a_pin(exchange: Exchange, legs: dict[str, Leg]) -> None:
    exchange.answered_call(legs["1 and hook"]).wait_ended()
    assert exchange.keys(legs["1 and hook"]) == ""


def test_pin_stands_nowhere_else(exchange: Exchange, legs: dict[str, Leg]) -> None:
    exchange.ended(legs["pin"])
    elsewhere = [p for _, p in exchange.events if PIN in str(p) and p.get("UserEvent") != "TocsinKey"]
    assert elsewhere == []
    log = exchange.pbx.directory / exchange.pbx.node.name / "log"
    assert not [path for path in log.iterdir() if PIN.encode() in path.read_bytes()]


def test_wrong_pin_is_asked_for_again_and_forgotten(exchange: Exchange) -> None:
    keys = [(0.3, "1"), (0.5, "0000#"), (2.0, f"{PIN}#")]
    leg = exchange.place("+15550101", answers(keys), variables=WITH_PIN)
    call = exchange.answered_call(leg)
    exchange.user_event("TocsinKey", leg)
    exchange.ami.run("Redirect", Channel=exchange.channel_of(leg), Context="tocsin-pin", Exten="again", Priority=1)
    call.wait_ended()
    facts = exchange.facts(leg)
    assert "pins/1" not in facts
    assert facts["pins/2"] == f"p{PIN}"
    assert call.hears(exchange.prompt("wrong_pin")).likeness > 0.8


def test_last_wrong_pin_ends_the_call(exchange: Exchange) -> None:
    leg = exchange.place("+15550102", answers([(0.3, "1"), (0.5, "0000#")]), variables=WITH_PIN)
    call = exchange.answered_call(leg)
    exchange.user_event("TocsinKey", leg)
    exchange.ami.run("Redirect", Channel=exchange.channel_of(leg), Context="tocsin-pin", Exten="refused", Priority=1)
    call.wait_ended()
    assert call.ended_by == "caller"
    assert [call.hears(exchange.prompt(name)).likeness > 0.8 for name in ("wrong_pin", "goodbye")] == [True, True]
    assert not [key for key in exchange.facts(leg) if key.startswith("pins/")]


def test_pin_is_forgotten_with_the_last_word(exchange: Exchange) -> None:
    leg = exchange.place("+15550103", answers([(0.3, "1"), (0.5, f"{PIN}#")]), variables=WITH_PIN)
    call = exchange.answered_call(leg)
    exchange.user_event("TocsinKey", leg)
    channel = exchange.channel_of(leg)
    exchange.ami.run("Setvar", Channel=channel, Variable="TOCSIN_REPLY", Value=exchange.reply.with_suffix(""))
    exchange.ami.run("Redirect", Channel=channel, Context="tocsin-say", Exten="say", Priority=1)
    call.wait_ended()
    assert call.hears(exchange.reply).likeness > 0.8
    assert not [key for key in exchange.facts(leg) if key.startswith("pins/")]


# --- machines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hello", "listener", "nothing sent"])
def test_person_hears_the_whole_message_at_once(exchange: Exchange, legs: dict[str, Leg], name: str) -> None:
    leg = legs[name]
    call = exchange.answered_call(leg).wait_ended(60)
    # A moment of sound that a busy machine lost makes a message less like itself, and yet it was said.
    heard = call.hears_all(exchange.message, at_least=0.4)
    print(f"{name}: answer to first word {heard[0].at * 1000:.0f} ms, likeness of the message {heard[0].likeness:.2f}")
    assert heard[0].at < AT_ONCE
    assert len(heard) == 3
    assert "machine" not in exchange.facts(leg)


@pytest.mark.parametrize(("name", "keys"), [("early key", "1"), ("early keys", "91"), ("later key", "1")])
def test_key_counts_while_it_is_listened_for_a_machine(
    exchange: Exchange, legs: dict[str, Leg], name: str, keys: str
) -> None:
    leg = legs[name]
    exchange.answered_call(leg).wait_ended(60)
    assert exchange.keys(leg) == keys
    print(f"{name}: {float(exchange.facts(leg)['keys/1'].split('|')[1]) - exchange.ended(leg).answered_at:.2f} s")  # type: ignore[operator]


def test_early_key_of_somebody_who_hangs_up_at_once_counts(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["early key and hook"]
    exchange.answered_call(leg).wait_ended()
    exchange.ended(leg)
    assert exchange.keys(leg) == "1"


def test_machine_is_hung_up_on_and_its_keys_do_not_count(exchange: Exchange, legs: dict[str, Leg]) -> None:
    for name, keys in (("machine", ""), ("machine with a key", "1")):
        leg = legs[name]
        call = exchange.answered_call(leg).wait_ended(60)
        assert call.ended_by == "caller"
        told = exchange.user_event("TocsinMachine", leg)
        assert (told["Keys"], told["Reason"].split("-")[0]) == (keys, "LONGGREETING")
        assert exchange.facts(leg)["machine"] == f"{told['At']}|{told['Reason']}|{keys}"
        assert exchange.keys(leg) == ""
        assert exchange.ended(leg).seconds < 6
        print(f"{name}: hung up after {exchange.ended(leg).seconds:.1f} s")


def test_message_is_left_once_after_the_tone(exchange: Exchange, legs: dict[str, Leg], sounds: Sounds) -> None:
    leg = legs["machine to be told"]
    call = exchange.answered_call(leg).wait_ended(90)
    # It is said from the first word while it is not clear who answered; whole, once.
    (whole,) = [heard for heard in call.hears_all(exchange.message) if heard.at > sounds.tone_ends]
    assert whole.at < sounds.tone_ends + 4
    assert call.ended_by == "caller"
    assert {"machine", "left"} <= exchange.facts(leg).keys()
    assert exchange.keys(leg) == ""


# --- the operator -----------------------------------------------------------------------------------------------------


def test_operator_hears_the_whisper_and_the_callee_does_not(
    exchange: Exchange, legs: dict[str, Leg], sounds: Sounds
) -> None:
    leg = legs["operator"]
    callee = exchange.answered_call(leg).wait_ended(60)
    # Two calls of the module ask for this operator.
    operators = [exchange.carrier.expect_call(OPERATOR).wait_ended(60) for _ in range(2)]
    assert all(operator.hears(sounds.whisper).likeness > 0.8 for operator in operators)
    assert callee.hears(sounds.whisper).likeness < 0.5
    assert states(exchange, leg) == ["dialling", "connected", "ended"]
    assert 0.5 < talked(exchange, leg) < 4
    assert exchange.ended(leg).hangup_cause == 16


def test_keys_of_the_operator_mean_nothing_and_a_callee_who_leaves_has_talked(
    exchange: Exchange, legs: dict[str, Leg]
) -> None:
    leg = legs["operator, callee leaves"]
    callee = exchange.answered_call(leg).wait_ended(60)
    exchange.carrier.expect_call(PRESSING).wait_ended()
    assert callee.ended_by == "callee"
    assert exchange.keys(leg) == "2"
    assert states(exchange, leg) == ["dialling", "connected", "ended"]
    assert 0 < talked(exchange, leg) < 2


@pytest.mark.parametrize(
    ("name", "number", "seen", "prompt"),
    [
        ("busy", BUSY, ["dialling", "busy"], "operator_busy"),
        ("declines", DECLINING, ["dialling", "absent"], "operator_absent"),
        ("leaves", LEAVING, ["dialling", "absent"], "operator_absent"),
        ("nobody", BROKEN, ["dialling", "unreachable"], "no_operator"),
    ],
)
def test_callee_is_told_why_there_is_no_operator(
    exchange: Exchange, legs: dict[str, Leg], *, name: str, number: str, seen: list[str], prompt: str
) -> None:
    leg = legs[name]
    callee = exchange.answered_call(leg).wait_ended(60)
    exchange.carrier.expect_call(number)
    assert states(exchange, leg) == seen
    assert callee.hears(exchange.prompt(prompt)).likeness > 0.8
    # The operator's cause is none of the callee's.
    assert exchange.ended(leg).hangup_cause == 16


def test_operator_who_does_not_answer_is_absent(exchange: Exchange) -> None:
    exchange.carrier.behaviour("+15559010", rings_out())
    leg = exchange.place("+15550104", answers("2", after=0.2), operator="+15559010")
    callee = exchange.answered_call(leg)
    operator = exchange.carrier.expect_call("+15559010")
    exchange.ami.run("Hangup", Channel=exchange.channel_of(leg))
    callee.wait_ended()
    operator.wait_ended()
    assert operator.cancelled, "nobody is left ringing for a callee who is gone"
    assert states(exchange, leg) == ["dialling"]


def test_operator_is_reached_by_another_trunk(exchange: Exchange, legs: dict[str, Leg], sounds: Sounds) -> None:
    leg = legs["other way"]
    callee = exchange.answered_call(leg).wait_ended(60)
    exchange.carrier.expect_call(BROKEN)
    assert states(exchange, leg) == ["dialling", "unreachable", "dialling", "connected", "ended"] or states(
        exchange, leg
    ) == ["dialling", "dialling", "unreachable", "connected", "ended"]
    assert callee.hears(sounds.talk).likeness > 0.8


# --- what is measured -------------------------------------------------------------------------------------------------


def test_audio_is_measured(exchange: Exchange, legs: dict[str, Leg]) -> None:
    leg = legs["machine to be told"]
    exchange.ended(leg, 90)
    codec, received, lost, *_, round_trip = exchange.facts(leg)["quality"].split("|")
    assert (codec, lost) == ("(ulaw)", "0")
    assert int(received) > 500
    assert float(round_trip) > 0, "after five seconds the other side has told what it hears"


def test_nothing_else_was_dialled_and_the_log_is_silent(exchange: Exchange, legs: dict[str, Leg]) -> None:
    for leg in legs.values():
        exchange.ended(leg, 90)
    dialled = {call.number for call in exchange.carrier.invites if not call.number.startswith("+155501")}
    operators = {OPERATOR, BUSY, DECLINING, LEAVING, BROKEN, PRESSING, "+15559010"}
    assert dialled - {leg.number for leg in legs.values()} <= operators
    log = (exchange.pbx.directory / exchange.pbx.node.name / "log" / "messages.log").read_text().splitlines()
    # Of an operator who hangs up during the whisper, Asterisk warns.
    odd = [line for line in log if ("ERROR" in line or "WARNING" in line) and "Gosub(tocsin-whisper" not in line]
    assert odd == []
