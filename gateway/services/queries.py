"""Reading the record for people and scripts: plain values that become JSON."""

from typing import Any

from gateway.model.attempt import Attempt
from gateway.model.event import Event, EventStatus
from gateway.model.timeline import TimelineEntry
from gateway.ports.record import Record
from gateway.services.call_details import call_document
from gateway.services.iso import iso


def show_event(record: Record, event_id: int) -> dict[str, Any] | None:
    """Return an event with its acknowledgement, attempts, calls and timeline; ``None`` where there is none.

    Times are ISO 8601 in UTC.
    """
    with record.read() as work:
        event = work.events.get(event_id)
        if event is None:
            return None
        return event_summary(event) | {
            "attempts": [_attempt(attempt) for attempt in work.attempts.of_event(event_id)],
            "calls": [call_document(call) for call in work.calls.of_event(event_id)],
            "timeline": [_entry(entry) for entry in work.timeline.of_event(event_id)],
        }


def list_events(
    record: Record, *, status: EventStatus | None = None, license_id: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Return the newest events, at most ``limit``."""
    with record.read() as work:
        return [event_summary(event) for event in work.events.list(status=status, license_id=license_id, limit=limit)]


def event_summary(event: Event) -> dict[str, Any]:
    """Return an event's own values."""
    return {
        "id": event.id,
        "status": event.status.value,
        "title": event.title,
        "body": event.body,
        "severity": event.severity.value,
        "license_id": event.license_id,
        "source_id": event.source_id,
        "dedup_key": event.dedup_key,
        "repeat_count": event.repeat_count,
        "created_at": iso(event.created_at),
        "throttle_reason": event.throttle_reason.value if event.throttle_reason else None,
        "acknowledged_at": iso(event.acknowledged_at),
        "acknowledged_by": event.acknowledged_by,
        "acknowledged_via": event.acknowledged_via,
        "closed_at": iso(event.closed_at),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "contact_id": attempt.contact_id,
        "channel": attempt.level.value,
        "number": attempt.number,
        "state": attempt.state.value,
        "began_at": iso(attempt.began_at),
        "ended_at": iso(attempt.ended_at),
        "call_id": attempt.call_id,
        "reason": attempt.reason,
    }


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "at": iso(entry.at),
        "type": entry.type.value,
        "contact_id": entry.contact_id,
        "channel": entry.channel,
        "detail": entry.detail,
        "chain_index": entry.chain_index,
        "entry_hash": entry.entry_hash.hex(),
    }
