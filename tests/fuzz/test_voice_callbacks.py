"""The callbacks of a call through Twilio: nonsense in them is answered, and without a signature nothing is changed."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.call import CallOutcome
from gateway.store import open_record
from tests.clouds.twilio_twiml import parse
from tests.fuzz.effort import examples
from tests.integration.voice_line import SID, Line, begun_line

FORM = "application/x-www-form-urlencoded"
STEPS = ["answer", "key", "pin", "operator", "whisper", "status"]
FIELDS = [
    *(
        "CallSid",
        "CallStatus",
        "Digits",
        "AnsweredBy",
        "DialCallStatus",
        "DialCallDuration",
        "CallDuration",
        "Duration",
    ),
    *("SipResponseCode", "SequenceNumber", "Timestamp", "From", "To", "Price", "ErrorCode", "Nonsense"),
]
STATUSES = ["queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"]

values = (
    st.sampled_from([b"", b"\0", b"9" * 4400, b"-1", b"1e9", b"\xd9\xa3", b"\xed\xa0\x80", b"x" * 4000, SID.encode()])
    | st.sampled_from([b"machine_start", b"machine_end_beep", b"fax", b"human", b"486", b"1", b"2", b"12#", b"nan"])
    | st.sampled_from([status.encode() for status in STATUSES])
    | st.binary(max_size=40)
)
forms = st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=5)
numbers = st.sampled_from(["", "1", "3", "0", "-1", "999", "9" * 4400, "%00", "%D9%A3", "x"])
states = st.builds("turn={}&key={}&digit={}".format, numbers, numbers, numbers)
content_types = st.sampled_from([FORM, FORM, FORM + "; charset=nonsense", "multipart/form-data", "text/plain", ""])


@pytest.fixture(params=["sqlite", "postgresql"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    record = open_record(request.getfixturevalue(f"{request.param}_url"))
    yield begun_line(record, tmp_path)
    record.close()


def posted(line: Line, address: str, form: list[tuple[str, bytes]], signature: str, content_type: str = FORM) -> int:
    """Return how a post was answered; what is not the report's must be TwiML where it is taken."""
    data = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in form)
    answer = line.client.post(
        address, data=data, headers={"X-Twilio-Signature": signature, "Content-Type": content_type}
    )
    if answer.status_code == 200:
        parse(answer.get_data(), answer.mimetype or "")
    return answer.status_code


def stands(line: Line) -> object:
    """Return all that callbacks may change."""
    return line.call(), line.attempt(), line.there.timeline(line.event_id), list(line.there.signals())


@examples(80)
@example("key", "turn=1&key=1", [("Digits", b"\0")], FORM)
@example("status", "", [("CallSid", b"\0"), ("CallStatus", b"completed"), ("CallDuration", b"9" * 4400)], FORM)
@example("status", "", [("CallSid", b"x" * 4000), ("CallStatus", b"completed")], FORM)
@example("operator", "", [("DialCallStatus", b"completed"), ("DialCallDuration", b"9" * 4400)], FORM)
@example("answer", "", [("AnsweredBy", b"machine_" + b"x" * 4000)], FORM)
@given(st.sampled_from(STEPS), states, forms, content_types)
def test_any_signed_callback_is_answered(
    line: Line, step: str, state: str, form: list[tuple[str, bytes]], content_type: str
) -> None:
    wanted = {204} if step == "status" else {200}
    address = line.address(f"{step}?{state}")
    form = [("CallSid", SID.encode()), *form]
    assert posted(line, address, form, "signed") in wanted
    # What is no form has no fields, and so is not what was signed.
    assert posted(line, address, form, "signed", content_type) in wanted | {403}


@examples(40)
@given(st.sampled_from(STEPS), states, forms, st.sampled_from(["", "Signed", "signed ", "x" * 4000]))
def test_what_is_not_signed_is_refused_and_changes_nothing(
    line: Line, step: str, state: str, form: list[tuple[str, bytes]], signature: str
) -> None:
    before = stands(line)
    form = [("CallSid", SID.encode()), ("CallStatus", b"completed"), ("Digits", b"1"), *form]
    assert posted(line, line.address(f"{step}?{state}"), form, signature) == 403
    assert stands(line) == before


@examples(40)
@given(st.sampled_from(STEPS), st.data())
def test_another_script_than_the_signed_one_is_not_found_and_changes_nothing(
    line: Line, step: str, data: st.DataObject
) -> None:
    before, token = stands(line), line.signer.sign(line.script)
    place = data.draw(st.integers(0, len(token) - 2))  # the last character has bits that say nothing
    other = data.draw(st.sampled_from("Az0-_.%~").filter(lambda each: each != token[place]))
    address = f"/twilio/voice/{step}?call={token[:place]}{other}{token[place + 1 :]}"
    form = [("CallSid", SID.encode()), ("CallStatus", b"completed"), ("Digits", b"1")]
    assert posted(line, address, form, "signed") == 404
    assert stands(line) == before


@examples(40)
@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=8))
def test_reports_in_any_order_leave_the_first_end(line: Line, statuses: list[str]) -> None:
    ended: CallOutcome | None = line.call().outcome
    for status in statuses:
        line.report(status)
        outcome = line.call().outcome
        assert ended is None or outcome is ended
        ended = outcome
