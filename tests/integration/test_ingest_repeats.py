"""Alerts that come again, too often, or to be resolved."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from gateway.config.schema import Config, TierConfig
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import EventStatus, ThrottleReason
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, SignalKind
from gateway.services.acknowledge import acknowledge
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
    return Installation(record, fast=True, config=Config(tiers={"pro": TierConfig(events_per_month=cap)}))


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
