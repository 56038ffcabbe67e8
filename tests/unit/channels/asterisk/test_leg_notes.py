"""What the dialplan tells and keeps of a leg, read as values; and what it is told of a leg, written as variables."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.channels.asterisk.adoption import read_record
from gateway.channels.asterisk.ami_events import EndReported, KeyReported, MachineReported, OperatorNoted, read_event
from gateway.channels.asterisk.ami_values import UnsafeValueError
from gateway.channels.asterisk.originate import PublishedSounds, originate_headers
from gateway.channels.asterisk.quality import read_quality
from gateway.config.asterisk import TrunkConfig
from gateway.model.call import CallQuality, MachinePolicy
from gateway.ports.phone import MESSAGE_LEFT, CallOrder, OperatorState

LEG = "0af7651916cd43dd8448eb211c80319c"
AT = datetime(2026, 3, 1, 3, 0, 0, 250000, tzinfo=UTC)
EPOCH = f"{AT.timestamp():.3f}"


def told(name: str, **headers: str) -> object:
    return read_event({"Event": "UserEvent", "UserEvent": name, "CallId": LEG, "At": EPOCH, **headers})


def order(**values: object) -> CallOrder:
    given: dict[str, object] = {
        "call_id": LEG,
        "trunk": "carrier-a",
        "to_number": "+34600111222",
        "ring_timeout": timedelta(seconds=30),
        "language": "en",
        "announcement": Path("/sounds/a.wav"),
        "prompts": MappingProxyType({}),
    }
    return CallOrder(**(given | values))  # type: ignore[arg-type]


def variables(of: CallOrder, *others: TrunkConfig, whisper: str = "") -> dict[str, str]:
    sounds = PublishedSounds("/sounds/a", "/sounds/prompts", "ab" * 32, whisper)
    headers = originate_headers(of, trunk("carrier-a"), sounds, action_id="1", now=AT, others=others)
    return dict(value.split("=", 1) for name, value in headers if name == "Variable")


def trunk(name: str, **keys: object) -> TrunkConfig:
    return TrunkConfig.model_validate({"name": name, "node": "pbx1", "host": "192.0.2.1", **keys})


# --- user events ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pin", "read"), [("p4711", "4711"), ("p", ""), ("", None), ("4711", None), ("p47;11", None)])
def test_a_key_may_have_a_pin_behind_it(pin: str, read: str | None) -> None:
    key = told("TocsinKey", Digit="1", Sequence="3", Pin=pin)
    assert key == KeyReported(LEG, "1", 3, AT, read)
    assert "4711" not in repr(key), "it would stand in a log"


def test_a_machine_and_the_operator_are_told_of() -> None:
    assert told("TocsinMachine", Reason="MAXWORDS-3", Keys="19") == MachineReported(LEG, AT, "MAXWORDS-3", "19")
    talked = OperatorNoted(LEG, OperatorState.ENDED, AT, "carrier-a", timedelta(seconds=4.5))
    assert told("TocsinOperator", State="ended", Trunk="carrier-a", Seconds="4.500") == talked
    assert told("TocsinOperator", State="asleep", Trunk="carrier-a", Seconds="0") is None
    odd = told("TocsinOperator", State="busy", Trunk="", Seconds="much")
    assert odd == OperatorNoted(LEG, OperatorState.BUSY, AT, None, timedelta())


def test_an_end_tells_its_cause_and_quality_where_the_dialplan_knows_them() -> None:
    end = told("TocsinEnded", SipCallId="a@b", Cause="16", Quality="(ulaw)|10|0|0.001|10|0|0.002|0.0")
    assert isinstance(end, EndReported)
    assert (end.sip_call_id, end.hangup_cause) == ("a@b", 16)
    assert end.quality is not None
    assert told("TocsinEnded", SipCallId="a@b") == EndReported(LEG, "a@b"), "as an older dialplan tells it"


# --- notes in the database --------------------------------------------------------------------------------------------


def test_notes_of_an_older_dialplan_are_read() -> None:
    record = read_record(
        LEG, {"dialled": EPOCH, "answered": EPOCH, "keys/1": f"9|{EPOCH}", "ended": f"{EPOCH}|16|SIP 200 OK|1|{EPOCH}"}
    )
    assert record.dialled
    assert record.keys == (KeyReported(LEG, "9", 1, AT),)
    assert record.ended is not None
    assert (record.ended.hangup_cause, record.quality, record.operators, record.machines) == (16, None, (), ())


def test_a_pin_is_read_until_it_was_answered() -> None:
    notes = {"keys/1": f"1p|{EPOCH}", "keys/2": f"1p|{EPOCH}", "pins/2": "p0815", "keys/10": f"2|{EPOCH}"}
    # The first was answered, and is on record: the dialplan has deleted what was entered.
    assert read_record(LEG, notes).keys == (KeyReported(LEG, "1", 2, AT, "0815"), KeyReported(LEG, "2", 10, AT))
    # A pin whose key is not noted yet is about to be told.
    assert read_record(LEG, {"pins/1": "p0815"}).keys == ()


def test_what_became_of_machine_and_operator_is_read() -> None:
    record = read_record(
        LEG,
        {
            f"operator/{EPOCH}-dialling": f"dialling|{EPOCH}|carrier-a|0",
            f"operator/{EPOCH}-busy": f"busy|{EPOCH}|carrier-a|0",
            "operator/x": "nonsense",
            "machine": f"{EPOCH}|LONGGREETING-1700-1700|1",
            "left": EPOCH,
            "quality": "(ulaw)|100|0|0|100|0|0|0",
        },
    )
    assert {noted.state for noted in record.operators} == {OperatorState.DIALLING, OperatorState.BUSY}
    assert [noted.reason for noted in record.machines] == ["LONGGREETING-1700-1700", MESSAGE_LEFT]
    assert record.machines[0].keys == "1"
    assert record.quality is not None


@pytest.mark.parametrize(
    ("note", "quality"),
    [
        (
            "(ulaw)|990|10|0.0125|200|2|0.004|0.0805",
            CallQuality(
                codec="ulaw", jitter_ms=4.0, lost_sent_percent=1.0, lost_received_percent=1.0, round_trip_ms=80.5
            ),
        ),
        # Less than five seconds: the other side has told nothing.
        ("(g722)|50|0|0.002|60|0|0.000000|0.000000", CallQuality(codec="g722", jitter_ms=2.0, lost_received_percent=0)),
        ("(ulaw|alaw)|0|0|0|60|0|0|0", CallQuality(codec="ulaw,alaw")),
        ("|||||||", None),
        ("", None),
        ("(ulaw)|many|0|0|0|0|0|0", None),
    ],
)
def test_quality_is_read_as_far_as_it_was_measured(note: str, quality: CallQuality | None) -> None:
    assert read_quality(note) == quality


# --- what the dialplan is told ----------------------------------------------------------------------------------------


def test_a_call_tells_what_it_wants() -> None:
    plain = variables(order())
    assert (plain["TOCSIN_PIN"], plain["TOCSIN_MACHINE"], plain["TOCSIN_WHISPER"]) == ("", "ignore", "")
    assert (plain["TOCSIN_TRUNK"], plain["TOCSIN_OPERATOR"]) == ("carrier-a", "")
    full = variables(order(pin_wanted=True, machine=MachinePolicy.LEAVE_MESSAGE), whisper="/sounds/w")
    assert (full["TOCSIN_PIN"], full["TOCSIN_MACHINE"]) == ("1", "leave_message")
    assert full["TOCSIN_WHISPER"] == "/sounds/w"


def test_the_operator_is_reached_by_the_nodes_other_trunks_in_their_own_formats() -> None:
    of = order(handoff_number="+34600999888")
    others = (trunk("b", number_format="digits"), trunk("c", number_format="national", country="ES"), trunk("d"))
    told_of = {key: value for key, value in variables(of, *others).items() if "TRUNK" in key or "OPERATOR" in key}
    assert told_of == {
        "TOCSIN_TRUNK": "carrier-a",
        "TOCSIN_OPERATOR": "+34600999888",
        "TOCSIN_TRUNK_2": "b",
        "TOCSIN_OPERATOR_2": "34600999888",
        "TOCSIN_TRUNK_3": "c",
        "TOCSIN_OPERATOR_3": "600999888",
    }
    assert "TOCSIN_TRUNK_2" not in variables(order(), *others)


@pytest.mark.parametrize("number", ["+1555&PJSIP/666", "+1555\r\nAction: Logoff", "${SHELL(id)}", "+1555,tocsin"])
def test_nothing_but_a_number_is_dialled_for_the_operator(number: str) -> None:
    with pytest.raises(UnsafeValueError):
        variables(order(handoff_number=number), trunk("b"))
