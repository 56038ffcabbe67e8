"""Call detail records: read, counted and exported from the database."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.model.call import Call, CallOutcome, CallQuality
from gateway.ports.call_details import CallFilter
from gateway.services import call_details
from gateway.services.exceptions import AmbiguousCallError
from gateway.services.queries import show_event
from gateway.services.trunk_figures import trunk_figures
from gateway.store import SqlRecord, open_record
from tests.records import NOW, Tenant, add_event, add_tenant

ADDED = NOW + timedelta(seconds=3)


def add(record: SqlRecord, *calls: Call) -> None:
    with record.write() as work:
        for call in calls:
            work.calls.add(call)
        work.commit()


def whole_call(tenant: Tenant) -> Call:
    """Return a call of which everything is recorded."""
    return replace(
        tenant.call(),
        ringing_at=NOW + timedelta(milliseconds=1204),
        answered_at=NOW + timedelta(seconds=5),
        ended_at=NOW + timedelta(seconds=17),
        sip_cause=200,
        hangup_cause=16,
        digits="31",
        digit_times=(NOW + timedelta(seconds=7), NOW + timedelta(seconds=9)),
        outcome=CallOutcome.ACKNOWLEDGED,
        billed_seconds=12,
        sip_call_id="7f3c-1@192.0.2.10",
        provider_call_id="CA123",
        post_dial_delay_ms=1204,
        quality=CallQuality(codec="alaw", jitter_ms=1.5, lost_received_percent=0.25, round_trip_ms=40.0),
        audio_sha256="ab" * 32,
    )


def test_a_call_is_shown_whole_everywhere(record: SqlRecord) -> None:
    tenant = add_tenant(record)
    event_id = add_event(record, tenant.new_event())
    call = whole_call(tenant)
    with record.write() as work:
        attempt = work.attempts.add(tenant.attempt(event_id))
        work.calls.add(call)
        work.calls.tie(call.id, [attempt.id])
        work.commit()
    shown = call_details.show_call(record, call.id)
    assert shown is not None
    assert shown == {
        "id": call.id,
        "license_id": tenant.license.id,
        "contact_id": tenant.contacts[0].id,
        "contact_name": "Ana Núñez 王",
        "event_ids": [event_id],
        "provider": "asterisk",
        "node": "pbx1",
        "trunk": "carrier-a",
        "to_number": tenant.contacts[0].phone,
        "caller_id": "+15550100",
        "started_at": "2026-03-29T00:59:59.123Z",
        "ringing_at": "2026-03-29T01:00:00.327Z",
        "answered_at": "2026-03-29T01:00:04.123Z",
        "ended_at": "2026-03-29T01:00:16.123Z",
        "post_dial_delay_ms": 1204,
        "sip_cause": 200,
        "hangup_cause": 16,
        "outcome": "acknowledged",
        "digits": "31",
        "digit_times": ["2026-03-29T01:00:06.123Z", "2026-03-29T01:00:08.123Z"],
        "billed_seconds": 12,
        "quality": {
            "codec": "alaw",
            "jitter_ms": 1.5,
            "lost_sent_percent": None,
            "lost_received_percent": 0.25,
            "round_trip_ms": 40.0,
        },
        "sip_call_id": "7f3c-1@192.0.2.10",
        "provider_call_id": "CA123",
        "audio_sha256": "ab" * 32,
    }
    assert call_details.show_call(record, call.id[:8]) == shown
    assert call_details.list_calls(record, CallFilter(), limit=10) == [shown]
    own = {key: value for key, value in shown.items() if key != "contact_name"}
    assert list(call_details.export_calls(record, CallFilter())) == [own]
    event = show_event(record, event_id)
    assert event is not None
    assert event["calls"] == [{key: value for key, value in own.items() if key != "event_ids"}]


def test_a_call_that_has_just_begun_is_shown_with_what_is_known(record: SqlRecord) -> None:
    tenant = add_tenant(record)
    call = tenant.call()
    add(record, call)
    shown = call_details.show_call(record, call.id)
    assert shown is not None
    assert (shown["outcome"], shown["quality"], shown["post_dial_delay_ms"], shown["event_ids"]) == (
        None,
        None,
        None,
        [],
    )


def test_the_beginning_of_an_id_that_fits_two_calls_is_refused(record: SqlRecord) -> None:
    tenant = add_tenant(record)
    add(record, replace(tenant.call(), id="ab" * 16), replace(tenant.call(), id="abc" + "0" * 29))
    assert call_details.show_call(record, "no") is None
    assert call_details.show_call(record, "a%") is None
    with pytest.raises(AmbiguousCallError, match="write more of it"):
        call_details.show_call(record, "ab")
    one = call_details.show_call(record, "ab" * 16)
    assert one is not None
    assert one["id"] == "ab" * 16


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (lambda _: CallFilter(), "abcd"),
        (lambda tenant: CallFilter(license_id=tenant.license.id), "abc"),
        (lambda tenant: CallFilter(contact_id=tenant.contacts[1].id), "b"),
        (lambda _: CallFilter(trunk="carrier-b"), "c"),
        (lambda _: CallFilter(license_ids=frozenset()), ""),
        (lambda tenant: CallFilter(license_ids={tenant.license.id, tenant.license.id + 1}), "abcd"),
        (lambda tenant: CallFilter(license_ids=range(tenant.license.id, 100)), "abcd"),
        (lambda tenant: CallFilter(number=tenant.contacts[0].phone), "abc"),
        (lambda _: CallFilter(in_progress=True), "abcd"),
        (lambda _: CallFilter(outcome=CallOutcome.BUSY), "bd"),
        (lambda _: CallFilter(since=NOW + timedelta(minutes=1)), "bcd"),
        (lambda _: CallFilter(until=NOW + timedelta(minutes=1)), "a"),
        (lambda _: CallFilter(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=3)), "bc"),
        (lambda _: CallFilter(trunk="carrier-z"), ""),
    ],
)
def test_calls_are_found_by_license_contact_trunk_outcome_and_time(
    record: SqlRecord, wanted: Callable[[Tenant], CallFilter], expected: str
) -> None:
    tenant, other = add_tenant(record), add_tenant(record, "Another")
    minute = timedelta(minutes=1)
    add(
        record,
        replace(tenant.call(), id="a" * 32, outcome=CallOutcome.NO_KEY),
        replace(
            tenant.call(),
            id="b" * 32,
            contact_id=tenant.contacts[1].id,
            started_at=NOW + minute,
            outcome=CallOutcome.BUSY,
        ),
        replace(tenant.call(), id="c" * 32, trunk="carrier-b", started_at=NOW + 2 * minute),
        replace(other.call(), id="d" * 32, started_at=NOW + 3 * minute, outcome=CallOutcome.BUSY),
    )
    asked = wanted(tenant)
    assert "".join(call["id"][0] for call in call_details.export_calls(record, asked)) == expected
    assert "".join(call["id"][0] for call in call_details.list_calls(record, asked, limit=9)) == expected[::-1]
    assert "".join(call["id"][0] for call in call_details.list_calls(record, asked, limit=1)) == expected[-1:]
    assert call_details.count_calls(record, asked) == len(expected)


@pytest.mark.parametrize("together", [1, 7])
def test_every_call_is_exported_once_over_page_ends_that_began_together(
    record: SqlRecord, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(call_details, "_PAGE", 3)
    tenant = add_tenant(record)
    made = [replace(tenant.call(), started_at=NOW + timedelta(seconds=n // together)) for n in range(20)]
    add(record, *made[::-1])
    exported = [call["id"] for call in call_details.export_calls(record, CallFilter())]
    assert exported == [call.id for call in sorted(made, key=lambda call: (call.started_at, call.id))]


def test_a_call_that_begins_during_the_export_neither_repeats_nor_hides_another(
    record: SqlRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_details, "_PAGE", 2)
    tenant = add_tenant(record)
    made = [replace(tenant.call(), started_at=NOW + timedelta(seconds=n)) for n in range(6)]
    add(record, *made)
    exported = []
    for place, call in enumerate(call_details.export_calls(record, CallFilter())):
        exported.append(call["id"])
        if place == 2:
            add(record, replace(tenant.call(), id="0" * 32, started_at=NOW))
            add(record, replace(tenant.call(), id="f" * 32, started_at=NOW + timedelta(hours=1)))
    assert exported == [*(call.id for call in made), "f" * 32]


def test_memory_does_not_grow_with_the_number_of_calls(sqlite_url: str) -> None:
    record = open_record(sqlite_url)
    tenant = add_tenant(record)
    add(record, *(replace(tenant.call(), started_at=NOW + timedelta(seconds=n)) for n in range(12_000)))

    def peak_of(wanted: CallFilter) -> int:
        tracemalloc.start()
        calls = sum(1 for _ in call_details.export_calls(record, wanted))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert calls
        return peak

    few = peak_of(CallFilter(until=NOW + timedelta(seconds=2000)))
    assert peak_of(CallFilter()) < 1.5 * few
    record.close()


def ended(call: Call, outcome: CallOutcome, *, seconds: int = 0, **values: object) -> Call:
    at: datetime | None = call.started_at + timedelta(seconds=4) if seconds else None
    return replace(call, outcome=outcome, answered_at=at, ended_at=ADDED, billed_seconds=seconds, **values)  # type: ignore[arg-type]


def test_the_figures_of_a_trunk(record: SqlRecord) -> None:
    tenant = add_tenant(record)

    def call(**values: object) -> Call:
        return replace(tenant.call(), **values)  # type: ignore[arg-type]

    add(
        record,
        ended(call(), CallOutcome.ACKNOWLEDGED, seconds=20, post_dial_delay_ms=1000),
        ended(call(), CallOutcome.NO_KEY, seconds=11, post_dial_delay_ms=3000),
        ended(call(), CallOutcome.BUSY, sip_cause=486, hangup_cause=17, post_dial_delay_ms=2000),
        ended(call(), CallOutcome.NO_ANSWER, hangup_cause=19, post_dial_delay_ms=9000),
        *(ended(call(), CallOutcome.TRUNK_TROUBLE, sip_cause=503, hangup_cause=34) for _ in range(3)),
        ended(call(), CallOutcome.TRUNK_TROUBLE),
        # None of these is the trunk's doing.
        ended(call(), CallOutcome.CANCELLED),
        ended(call(), CallOutcome.LOST),
        call(),
        ended(call(trunk="carrier-b"), CallOutcome.INVALID_NUMBER, sip_cause=404, hangup_cause=1),
    )
    first, second = trunk_figures(record, CallFilter())
    assert first == {
        "provider": "asterisk",
        "trunk": "carrier-a",
        "calls": 11,
        "in_progress": 1,
        "seizures": 8,
        "answered": 2,
        "asr": 25.0,
        "ner": 50.0,
        "acd_seconds": 15.5,
        "billed_seconds": 31,
        "post_dial_delay_ms": {"mean": 3750, "p95": 9000},
        "outcomes": {
            "acknowledged": 1,
            "busy": 1,
            "cancelled": 1,
            "lost": 1,
            "no_answer": 1,
            "no_key": 1,
            "trunk_trouble": 4,
        },
        "trouble": [
            {"sip_cause": 503, "hangup_cause": 34, "calls": 3, "share": 37.5},
            {"sip_cause": None, "hangup_cause": None, "calls": 1, "share": 12.5},
        ],
    }
    assert (second["trunk"], second["asr"], second["ner"], second["acd_seconds"]) == ("carrier-b", 0.0, 0.0, None)
    assert second["post_dial_delay_ms"] == {"mean": None, "p95": None}
    assert json.dumps([first, second])
    assert trunk_figures(record, CallFilter(since=NOW + timedelta(days=1))) == []
