"""Whatever is sent, the answer is one of the documented ones."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import SqlRecord, open_record
from tests.fuzz.effort import examples
from tests.unit.web.installation import TOKEN, Installation

IN = "/license/v1/alert/in"
CODES = {
    400: {f"invalid_{name}" for name in ("json", "title", "body", "severity", "dedup_key", "payload", "action")},
    401: {"missing_token"},
    403: {"invalid_token"},
    413: {"too_large"},
}
SETTINGS = examples(120)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(st.characters(codec=None), max_size=600) | values,
        "body": st.text(max_size=20) | values,
        "severity": st.sampled_from(["info", "warn", "critical", "CRITICAL", "\0"]) | values,
        "dedup_key": st.text(st.characters(codec=None), max_size=300) | values,
        "payload": st.dictionaries(st.text(st.characters(codec=None), max_size=5), values, max_size=5) | values,
        "action": st.sampled_from(["trigger", "resolve", "", "Resolve"]) | values,
        "x": values,
    },
)
# A header as a server hands it on: bytes read as Latin-1, without line breaks.
headers = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    record: SqlRecord = open_record(url)
    yield Installation(record, audio_dir=Path("/")).client()
    record.close()


def check(client: FlaskClient, data: bytes, sent: dict[str, str]) -> None:
    answer = client.post(IN, data=data, headers=sent)
    body = answer.get_json()
    if answer.status_code == 200:
        assert body["ok"] is True
        assert body["status"] in {"open", "acknowledged", "resolved", "exhausted", "throttled"}
    else:
        assert body["ok"] is False
        assert body["error"] in CODES[answer.status_code]
        assert body["message"]


@SETTINGS
@given(bodies)
def test_any_json_object_is_taken_or_refused_by_name(client: FlaskClient, body: dict[str, object]) -> None:
    check(client, json.dumps(body).encode(), {"X-Alert-Token": TOKEN})


@SETTINGS
@given(st.binary(max_size=300) | values.map(lambda value: json.dumps(value, ensure_ascii=True).encode()))
def test_any_bytes_are_taken_or_refused_by_name(client: FlaskClient, data: bytes) -> None:
    check(client, data, {"X-Alert-Token": TOKEN})


@SETTINGS
@given(bodies, st.integers(0, 10_000), st.binary(max_size=4))
def test_damaged_json_is_taken_or_refused_by_name(
    client: FlaskClient, body: dict[str, object], place: int, damage: bytes
) -> None:
    text = json.dumps({"title": "T"} | body).encode()
    place %= len(text)
    check(client, text[:place] + damage + text[place + 1 :], {"X-Alert-Token": TOKEN})


@SETTINGS
@given(headers, headers, headers)
def test_any_headers_are_answered(client: FlaskClient, token: str, content_type: str, encoding: str) -> None:
    sent = {"X-Alert-Token": token, "Content-Type": content_type, "Content-Encoding": encoding}
    check(client, b'{"title":"T"}', sent)


@SETTINGS
@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]),
    st.sampled_from(["/a/", "/license/v1/alert/", "/media/", "/twilio/whatsapp/", "/static/", "/"]),
    st.text(st.characters(codec="utf-8"), max_size=40),
)
def test_no_address_makes_the_gateway_fail(client: FlaskClient, method: str, prefix: str, rest: str) -> None:
    with client.open(prefix + rest, method=method, headers={"X-Alert-Token": TOKEN}) as answer:
        assert answer.status_code < 500
