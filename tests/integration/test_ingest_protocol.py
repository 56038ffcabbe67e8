"""Every row of the webhook protocol, over both databases."""

import io
import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from gateway.config.schema import Config, TierConfig
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import EventStatus, Severity, ThrottleReason
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, SignalKind
from gateway.services.acknowledge import acknowledge
from tests.unit.web.installation import OTHER_TOKEN, TOKEN, Installation, open_event, post

IN = "/license/v1/alert/in"


@pytest.fixture
def there(record: Record) -> Installation:
    return Installation(record)


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


def test_same_key_within_five_minutes_is_a_repeat(there: Installation, client: FlaskClient) -> None:
    first = open_event(client, dedup_key="gate-4")
    there.clock.advance(299)
    status, answer = post(client, title="Another title", dedup_key="gate-4")
    assert (status, answer) == (200, {"ok": True, "event_id": first, "status": "open", "deduplicated": True})
    assert there.event(first).repeat_count == 1
    assert there.timeline(first) == [TimelineType.ACCEPTED, TimelineType.REPEATED]
    assert there.wakeup.count == 1


def test_window_runs_from_the_first_event_not_from_its_repeats(there: Installation, client: FlaskClient) -> None:
    first = open_event(client, dedup_key="k")
    there.clock.advance(290)
    assert post(client, title="T", dedup_key="k")[1]["deduplicated"] is True
    there.clock.advance(11)
    status, answer = post(client, title="T", dedup_key="k")
    assert (status, answer["deduplicated"]) == (200, False)
    assert answer["event_id"] != first


def test_repeat_tells_the_present_status(there: Installation, client: FlaskClient) -> None:
    first = open_event(client, dedup_key="k")
    acknowledge(
        there.record, event_ids=[first], contact_id=None, by="Ana", via=AcknowledgedVia.ADMIN, at=there.clock.now()
    )
    assert post(client, title="T", dedup_key="k")[1] == {
        "ok": True,
        "event_id": first,
        "status": "acknowledged",
        "deduplicated": True,
    }


def test_keys_of_two_sources_are_two_keys(there: Installation, client: FlaskClient) -> None:
    there.add_source(OTHER_TOKEN)
    open_event(client, dedup_key="k")
    assert post(client, OTHER_TOKEN, title="T", dedup_key="k")[1]["deduplicated"] is False


def test_without_a_key_the_same_words_are_a_repeat(there: Installation, client: FlaskClient) -> None:
    there.add_source(OTHER_TOKEN)
    first = {"title": "T", "body": "B", "payload": {"a": 1, "b": [1.5, "é"]}}
    assert post(client, **first)[1]["deduplicated"] is False
    assert (
        raw(client, b'{"payload": {"b":[1.50,"\\u00e9"],"a":1}, "title":"T", "body":"B", "severity":"info"}')[0] == 200
    )
    assert there.all_events()[0].repeat_count == 1
    assert post(client, **first | {"body": "C"})[1]["deduplicated"] is False
    assert post(client, **first | {"payload": {}})[1]["deduplicated"] is False
    assert post(client, title="TB", payload=first["payload"])[1]["deduplicated"] is False
    assert post(client, OTHER_TOKEN, **first)[1]["deduplicated"] is False


def test_empty_key_is_no_key(client: FlaskClient) -> None:
    open_event(client, "one", dedup_key="")
    open_event(client, "two", dedup_key="")


def test_sixth_event_within_a_minute_is_throttled(there: Installation, client: FlaskClient) -> None:
    for number in range(5):
        open_event(client, f"alert {number}")
        there.clock.advance(5)
    answer = client.post(IN, json={"title": "one more"}, headers={"X-Alert-Token": TOKEN})
    body = answer.get_json()
    assert (answer.status_code, body["status"], body["reason"]) == (200, "throttled", "rate_limit")
    assert (body["ok"], body["deduplicated"]) == (True, False)
    # The first event was 25 seconds ago, and counts for 60.
    assert 35 <= int(answer.headers["Retry-After"]) <= 36
    event = there.event(body["event_id"])
    assert (event.status, event.throttle_reason) == (EventStatus.THROTTLED, ThrottleReason.RATE_LIMIT)
    assert there.timeline(event.id) == [TimelineType.THROTTLED]
    assert len(there.signals()) == 5
    there.clock.advance(int(answer.headers["Retry-After"]))
    open_event(client, "after the wait")


def test_throttled_and_repeated_posts_do_not_count(there: Installation, client: FlaskClient) -> None:
    for number in range(4):
        open_event(client, f"alert {number}")
    for _ in range(20):
        assert post(client, title="alert 0")[1]["deduplicated"] is True
    open_event(client, "the fifth")
    for number in range(20):
        assert post(client, title=f"more {number}")[1]["status"] == "throttled"
    there.clock.advance(61)
    open_event(client, "a minute later")


def test_repeat_is_found_before_throttling(client: FlaskClient) -> None:
    first, *_ = [open_event(client, f"alert {number}") for number in range(5)]
    assert post(client, title="alert 0")[1] == {
        "ok": True,
        "event_id": first,
        "status": "open",
        "deduplicated": True,
    }


def test_throttled_alert_posted_again_is_a_repeat_until_there_is_room(there: Installation, client: FlaskClient) -> None:
    for number in range(5):
        open_event(client, f"alert {number}")
    throttled = post(client, title="urgent", dedup_key="u")[1]
    again = client.post(IN, json={"title": "urgent", "dedup_key": "u"}, headers={"X-Alert-Token": TOKEN})
    assert again.get_json() == throttled | {"deduplicated": True}
    assert "Retry-After" in again.headers
    there.clock.advance(61)
    assert post(client, title="urgent", dedup_key="u")[1]["status"] == "open"


def test_license_sets_its_own_rate_and_window(there: Installation, client: FlaskClient) -> None:
    there.change_license(policy={"events_per_minute": 1, "dedup_window": "10s"})
    open_event(client, "one")
    assert post(client, title="two")[1]["status"] == "throttled"
    there.clock.advance(61)
    open_event(client, "one")


def test_unreadable_policy_and_unknown_tier_and_zone_do_not_lose_the_alert(
    there: Installation, client: FlaskClient
) -> None:
    there.change_license(policy={"l1_wait": "soon"}, tier="gold", time_zone="Mars/Olympus")
    event_id = open_event(client)
    with there.record.read() as work:
        escalation = work.events.escalation(event_id)
    assert escalation is not None
    assert escalation.snapshot.tier.call


def capped(record: Record, cap: int) -> Installation:
    return Installation(record, config=Config(tiers={"pro": TierConfig(events_per_month=cap)}))


def test_monthly_cap_throttles_without_retry_after(record: Record) -> None:
    there = capped(record, 2)
    client = there.client()
    open_event(client, "one")
    open_event(client, "two")
    answer = client.post(IN, json={"title": "three"}, headers={"X-Alert-Token": TOKEN})
    assert (answer.get_json()["status"], answer.get_json()["reason"]) == ("throttled", "monthly_cap")
    assert "Retry-After" not in answer.headers


def test_month_begins_in_the_licenses_time_zone(record: Record) -> None:
    there = capped(record, 1)
    client = there.client()
    there.clock.at = datetime(2026, 11, 30, 22, 50, tzinfo=UTC)  # 23:50 in Madrid
    open_event(client, "in November")
    assert post(client, title="more")[1]["reason"] == "monthly_cap"
    there.clock.at = datetime(2026, 11, 30, 23, 10, tzinfo=UTC)  # December in Madrid
    open_event(client, "in December")


def test_resolve_stops_the_open_event_of_the_key(there: Installation, client: FlaskClient) -> None:
    first = open_event(client, dedup_key="k")
    status, answer = post(client, title="over", dedup_key="k", action="resolve")
    assert (status, answer) == (200, {"ok": True, "event_id": first, "status": "resolved", "deduplicated": False})
    assert there.event(first).status is EventStatus.RESOLVED
    assert there.signals()[-1] == (SignalKind.EVENT_CHANGED, first)
    assert there.wakeup.count == 2
    assert open_event(client, dedup_key="k") != first


def test_resolve_needs_a_key_and_no_title(client: FlaskClient) -> None:
    assert post(client, title="T", action="resolve")[1]["error"] == "invalid_dedup_key"
    assert post(client, title="T", action="resolve", dedup_key="")[1]["error"] == "invalid_dedup_key"
    assert post(client, action="resolve", dedup_key="k")[0] == 200


def test_resolve_of_a_key_that_nothing_is_known_of(there: Installation, client: FlaskClient) -> None:
    answer = post(client, action="resolve", dedup_key="never seen")
    assert answer == (200, {"ok": True, "event_id": None, "status": "resolved", "deduplicated": False})
    assert there.all_events() == []


def test_resolve_of_an_acknowledged_event_keeps_who_has_it_and_frees_the_key(
    there: Installation, client: FlaskClient
) -> None:
    first = open_event(client, dedup_key="k")
    there.close(first, EventStatus.ACKNOWLEDGED)
    answer = post(client, action="resolve", dedup_key="k")[1]
    assert (answer["event_id"], answer["status"]) == (first, "acknowledged")
    assert open_event(client, dedup_key="k") != first


def test_resolve_does_not_touch_another_sources_event(there: Installation, client: FlaskClient) -> None:
    there.add_source(OTHER_TOKEN)
    first = open_event(client, dedup_key="k")
    assert post(client, OTHER_TOKEN, action="resolve", dedup_key="k")[1]["event_id"] is None
    assert there.event(first).status is EventStatus.OPEN


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
