"""Twilio's callbacks, signed and nonsense: each is answered, and no form makes the gateway fail."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.store import SqlRecord, open_record
from tests.fuzz.effort import examples
from tests.unit.web.installation import Installation, open_event

NUMBER = "+15550101"
FORM = "application/x-www-form-urlencoded"
FIELDS = [
    *("From", "Body", "MessageSid", "SmsSid", "ButtonPayload", "ButtonText", "MessageType", "NumMedia", "OptOutType"),
    *("MediaContentType0", "OriginalRepliedMessageSid", "MessageStatus", "ErrorCode", "Nonsense"),
]

texts = st.text(st.characters(codec="utf-8"), max_size=40).map(str.encode) | st.binary(max_size=40)
values = (
    st.sampled_from([b"", b"\0", b"whatsapp:" + NUMBER.encode(), b"1", b"STOP", b"read", b"delivered", b"9" * 4400])
    | st.sampled_from([b"x" * 4000, b"\xd9\xa3", b"-1", b"SM1", b"text", b"button", b"\xed\xa0\x80", b"63024"])
    | texts
)
forms = st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=4)
content_types = st.sampled_from(
    [FORM, FORM, FORM + "; charset=utf-16", FORM + "; charset=nonsense", "multipart/form-data", "text/plain", ""]
)


@pytest.fixture(params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    record: SqlRecord = open_record(request.getfixturevalue(f"{request.param}_url"))
    there = Installation(record, audio_dir=Path("/nonexistent"))
    client = there.client()
    there.tell(open_event(client), there.add_contact("Ana", NUMBER), provider_id="SM1")
    yield client
    record.close()


def posted(client: FlaskClient, path: str, form: list[tuple[str, bytes]], content_type: str = FORM) -> int:
    data = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in form)
    headers = {"X-Twilio-Signature": "signed", "Content-Type": content_type}
    answer = client.post(path, data=data, headers=headers)
    if answer.status_code == 200:
        assert ET.fromstring(answer.get_data()).tag == "Response"
    return answer.status_code


@examples(60)
@example([("NumMedia", b"9" * 4400)], FORM)
@example([("Body", b"\0"), ("ButtonPayload", b"\0"), ("OriginalRepliedMessageSid", b"\0")], FORM)
@example([("MessageSid", b"SM\0")], FORM)
@example([("MessageSid", b"x" * 4000)], FORM)
@given(forms, content_types)
def test_any_reply_is_answered(client: FlaskClient, form: list[tuple[str, bytes]], content_type: str) -> None:
    sender = ("From", b"whatsapp:" + NUMBER.encode())
    assert posted(client, "/twilio/whatsapp/inbound", [sender, *form], content_type) in {200, 403}


@examples(60)
@example([("MessageSid", b"SM\0")], "", FORM)
@example([("MessageSid", b"SM1"), ("ErrorCode", b"\0")], "?attempt=1", FORM)
@given(forms, st.sampled_from(["", "?attempt=1", "?attempt=" + "9" * 4400, "?attempt=%00", "?trial=1"]), content_types)
def test_any_report_is_answered(
    client: FlaskClient, form: list[tuple[str, bytes]], query: str, content_type: str
) -> None:
    form = [("MessageSid", b"SM1"), ("MessageStatus", b"read"), *form]
    assert posted(client, "/twilio/whatsapp/status" + query, form, content_type) in {204, 403}
    assert posted(client, "/twilio/whatsapp/status" + query, form[::-1], content_type) in {204, 403}
