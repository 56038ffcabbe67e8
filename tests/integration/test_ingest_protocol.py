"""Every row of the webhook protocol, over both databases."""

import io
import json

import pytest
from flask.testing import FlaskClient

from gateway.model.event import EventStatus, Severity
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, SignalKind
from tests.unit.web.installation import OTHER_TOKEN, TOKEN, Installation, open_event, post

IN = "/license/v1/alert/in"


@pytest.fixture
def there(record: Record) -> Installation:
    return Installation(record, fast=True)


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client()


def raw(client: FlaskClient, data: bytes, **headers: str) -> tuple[int, str]:
    answer = client.post(IN, data=data, headers={"X-Alert-Token": TOKEN, "Content-Type": "application/json"} | headers)
    return answer.status_code, answer.get_json().get("error", "taken")


def test_accepted_alert_is_open_and_the_engine_has_a_signal(there: Installation, client: FlaskClient) -> None:
    ana, off = there.add_contact("Ana"), there.add_contact("Off", enabled=False)
    status, answer = post(client, title="Intruder", body="North fence", payload={"zone": 4})
    event_id = answer["event_id"]
    assert (status, answer) == (200, {"ok": True, "event_id": event_id, "status": "open", "deduplicated": False})
    assert isinstance(event_id, int)
    assert there.signals() == [(SignalKind.EVENT_OPENED, event_id)]
    assert there.wakeup.count == 1
    assert there.timeline(event_id) == [TimelineType.ACCEPTED]
    event = there.event(event_id)
    assert (event.severity, event.body, event.created_at) == (Severity.WARN, "North fence", there.clock.now())
    with there.record.read() as work:
        escalation = work.events.escalation(event_id)
    assert escalation is not None
    snapshot = escalation.snapshot
    assert [contact.id for contact in snapshot.contacts] == [ana.id] != [off.id]
    assert (snapshot.license_name, snapshot.tier_name, snapshot.tier.voice_minutes) == ("Harbour & Sons", "pro", 50)
    assert (snapshot.owner_telegram, snapshot.handoff_number) == ("1", "+15550199")


def test_severity_of_the_post_wins_over_the_sources(there: Installation, client: FlaskClient) -> None:
    assert there.event(open_event(client, severity="critical")).severity is Severity.CRITICAL


def test_payload_is_kept_as_it_came(there: Installation, client: FlaskClient) -> None:
    payload = '{"speed": 1.10, "big":12345678901234567890123, "t":"\\u00e9é",\n "a": [1e400, -0.0]}'
    body = f'{{"title": "Fast", "payload" : {payload} }}'.encode()
    assert raw(client, body) == (200, "taken")
    assert there.all_events()[0].payload == payload


def test_fields_that_are_not_known_are_ignored(client: FlaskClient) -> None:
    assert post(client, title="T", camera="4", extra={"x": None})[0] == 200


@pytest.mark.parametrize(
    "title", ["x", "x" * 500, "🚨" * 500, "two\r\nlines", "انتباه", "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", " "]
)
def test_any_text_of_1_to_500_characters_is_a_title(there: Installation, client: FlaskClient, title: str) -> None:
    assert there.event(open_event(client, title)).title == title


@pytest.mark.parametrize("title", ["", "x" * 501, 5, True, None, ["x"], {"x": 1}, 1.5, "a\0b", "\ud800"])
def test_other_titles_are_refused(there: Installation, client: FlaskClient, title: object) -> None:
    status, answer = post(client, title=title)
    assert (status, answer["ok"], answer["error"]) == (400, False, "invalid_title")
    assert there.all_events() == []


def test_missing_title_is_refused_with_advice(client: FlaskClient) -> None:
    status, answer = post(client, body="no title")
    assert (status, answer["error"]) == (400, "invalid_title")
    assert "1 to 500 characters" in str(answer["message"])
    assert set(answer) == {"ok", "error", "message"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("body", "x" * 5001),
        ("body", 1),
        ("body", None),
        ("body", "a\0"),
        ("severity", "CRITICAL"),
        ("severity", ""),
        ("severity", None),
        ("severity", 1),
        ("dedup_key", "k" * 256),
        ("dedup_key", 7),
        ("dedup_key", None),
        ("dedup_key", "\udfff"),
        ("payload", []),
        ("payload", "text"),
        ("payload", None),
        ("payload", True),
        ("payload", {"x": "y" * (30 * 1024)}),
        ("action", "close"),
        ("action", None),
        ("action", 1),
        ("action", ["resolve"]),
    ],
)
def test_each_field_has_an_error_of_its_own(client: FlaskClient, field: str, value: object) -> None:
    status, answer = post(client, title="T", **{field: value})
    assert (status, answer["error"]) == (400, f"invalid_{field}")


def test_longest_texts_are_taken(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client, "t" * 500, body="é" * 5000, dedup_key="k" * 255)
    assert len(there.event(event_id).body) == 5000


@pytest.mark.parametrize(("size", "status"), [(30 * 1024 - 1, 200), (30 * 1024, 400)])
def test_payload_is_measured_in_bytes_as_it_came(client: FlaskClient, size: int, status: int) -> None:
    empty = len('{"p":""}')
    payload = '{"p":"' + "x" * (size - empty) + '"}'
    assert raw(client, f'{{"title":"T","payload":{payload}}}'.encode())[0] == status


def test_payload_nested_beyond_reason_is_refused(client: FlaskClient) -> None:
    nested = "[" * 99 + "]" * 99
    assert raw(client, f'{{"title":"T","payload":{{"a":{nested}}}}}'.encode()) == (200, "taken")
    assert raw(client, f'{{"title":"T","payload":{{"a":[{nested}]}}}}'.encode()) == (400, "invalid_payload")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"title":"T"',
        b'{"title":"T",}',
        b'{"title":"T"} {}',
        b'{"title" "T"}',
        b"{'title':'T'}",
        b'{1:"T"}',
        b'{"title":"T","title":"U"}',
        b'{"title":"a\nb"}',
        b'{"title":"T","payload":{"x":NaN}}',
        b'{"title":"T","payload":{"x":-Infinity}}',
        b'["title"]',
        b'"title"',
        b"null",
        b"12",
        b"title=T",
        b'{"title":"\xff"}',
        b'{"title":"\xed\xa0\x80"}',
        '{"title":"T"}'.encode("utf-16"),
        b"[" * 60_000,
        b'{"title":' * 6_000,
        b'{"title":"T","x":' + b"[" * 60_000,
    ],
    ids=lambda data: ascii(data[:24]),
)
def test_what_is_no_json_object_is_refused(client: FlaskClient, data: bytes) -> None:
    assert raw(client, data) == (400, "invalid_json")


def test_number_of_thousands_of_digits_is_json(client: FlaskClient) -> None:
    digits = b"9" * 6000
    assert raw(client, b'{"title":' + digits + b"}") == (400, "invalid_title")
    assert raw(client, b'{"title":"T","payload":{"n":' + digits + b"}}") == (200, "taken")


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=latin-1", ""])
def test_content_type_does_not_matter(client: FlaskClient, content_type: str) -> None:
    assert raw(client, '\ufeff{"title":"é"}'.encode(), **{"Content-Type": content_type}) == (200, "taken")


def test_missing_token(client: FlaskClient) -> None:
    assert post(client, None, title="T")[0] == 401
    assert post(client, None, title="T")[1]["error"] == "missing_token"
    assert post(client, "  ", title="T")[1]["error"] == "missing_token"


def test_unknown_and_disabled_tokens(there: Installation, client: FlaskClient) -> None:
    there.add_source("tsn_disabled", enabled=False)
    for token in ("tsn_unknown", "tsn_disabled", TOKEN + "x", "é", TOKEN.upper()):
        status, answer = post(client, token, title="T")
        assert (status, answer["error"]) == (403, "invalid_token")


def test_inactive_license(there: Installation, client: FlaskClient) -> None:
    there.change_license(active=False)
    status, answer = post(client, title="T")
    assert (status, answer["error"]) == (403, "license_inactive")


def test_checks_run_in_the_order_token_license_body(there: Installation, client: FlaskClient) -> None:
    there.change_license(active=False)
    for data in (b"no json", b"x" * 70_000):
        for headers, error in (
            ({}, "missing_token"),
            ({"X-Alert-Token": "x"}, "invalid_token"),
            ({"X-Alert-Token": TOKEN}, "license_inactive"),
        ):
            assert client.post(IN, data=data, headers=headers).get_json()["error"] == error


def test_request_over_64_kb_is_too_large(client: FlaskClient) -> None:
    body = b'{"title":"T"}'
    assert raw(client, body + b" " * (64 * 1024 - len(body))) == (200, "taken")
    assert raw(client, body + b" " * (64 * 1024 - len(body) + 1)) == (413, "too_large")


def test_request_over_64_kb_without_a_length_is_too_large(client: FlaskClient) -> None:
    answer = client.post(
        IN,
        headers={"X-Alert-Token": TOKEN, "Transfer-Encoding": "chunked"},
        input_stream=io.BytesIO(b" " * 100_000),
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (answer.status_code, answer.get_json()["error"]) == (413, "too_large")


def test_source_sees_its_own_event(there: Installation, client: FlaskClient) -> None:
    there.add_source(OTHER_TOKEN)
    event_id = open_event(client, dedup_key="k")
    there.close(event_id, EventStatus.EXHAUSTED)
    path = f"/license/v1/alert/{event_id}"
    answer = client.get(path, headers={"X-Alert-Token": TOKEN}).get_json()
    assert (answer["ok"], answer["event_id"], answer["status"]) == (True, event_id, "exhausted")
    assert answer["acknowledged_by"] is None
    assert [entry["type"] for entry in answer["timeline"]] == ["accepted"]
    assert answer["created_at"] == "2026-11-20T12:00:00.000Z"
    assert "calls" not in answer
    other = client.get(path, headers={"X-Alert-Token": OTHER_TOKEN})
    assert (other.status_code, other.get_json()["error"]) == (404, "not_found")
    assert client.get(path).get_json()["error"] == "missing_token"
    assert client.get(path, headers={"X-Alert-Token": "x"}).get_json()["error"] == "invalid_token"


@pytest.mark.parametrize("event_id", ["0", "999999999999999999", "9" * 19, "9" * 5000, "x", "-1", "1.0"])
def test_ids_of_no_event_are_not_found(client: FlaskClient, event_id: str) -> None:
    answer = client.get(f"/license/v1/alert/{event_id}", headers={"X-Alert-Token": TOKEN})
    assert (answer.status_code, answer.get_json()["error"]) == (404, "not_found")


def test_other_methods_are_told_which_are_known(client: FlaskClient) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = client.open(IN, method=method, headers={"X-Alert-Token": TOKEN})
        assert (answer.status_code, answer.get_json()["error"]) == (405, "method_not_allowed")
        assert "POST" in answer.headers["Allow"]


def test_answers_are_json_that_nobody_stores(client: FlaskClient) -> None:
    answer = client.post(IN, data=json.dumps({"title": "T"}), headers={"X-Alert-Token": TOKEN})
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
