"""Call detail records for people and scripts: plain values that become JSON or CSV. Times are ISO 8601 in UTC."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from gateway.model.call import Call
from gateway.ports.call_details import CallFilter
from gateway.ports.record import Record
from gateway.services.exceptions import AmbiguousCallError
from gateway.services.iso import iso

# So many calls are in memory at once, however many are exported.
_PAGE = 1000


def call_document(call: Call) -> dict[str, Any]:
    """Return all that is recorded of a leg. ``quality`` is ``None`` where nothing was measured."""
    return {
        "id": call.id,
        "license_id": call.license_id,
        "contact_id": call.contact_id,
        "provider": call.provider,
        "node": call.node,
        "trunk": call.trunk,
        "to_number": call.to_number,
        "caller_id": call.caller_id,
        "started_at": iso(call.started_at),
        "ringing_at": iso(call.ringing_at),
        "answered_at": iso(call.answered_at),
        "ended_at": iso(call.ended_at),
        "post_dial_delay_ms": call.post_dial_delay_ms,
        "sip_cause": call.sip_cause,
        "hangup_cause": call.hangup_cause,
        "outcome": call.outcome.value if call.outcome else None,
        "digits": call.digits,
        "digit_times": [iso(at) for at in call.digit_times],
        "billed_seconds": call.billed_seconds,
        "quality": None if call.quality is None else asdict(call.quality),
        "sip_call_id": call.sip_call_id,
        "provider_call_id": call.provider_call_id,
        "audio_sha256": call.audio_sha256,
    }


def show_call(record: Record, call_id: str) -> dict[str, Any] | None:
    """Return a call with the events that it announced and the contact's name; ``None`` where there is none.

    ``call_id`` may be the beginning of an id. Raises ``AmbiguousCallError`` where that fits more than one call.
    """
    with record.read() as work:
        found = work.call_details.with_id_like(call_id, limit=2)
        if not found:
            return None
        exact = [call for call in found if call.id == call_id]
        if len(found) > 1 and not exact:
            raise AmbiguousCallError(call_id)
        call = (exact or found)[0]
        contact = work.contacts.get(call.contact_id)
        return call_document(call) | {
            "contact_name": None if contact is None else contact.name,
            "event_ids": list(work.call_details.events_of([call.id]).get(call.id, ())),
        }


def list_calls(record: Record, wanted: CallFilter, *, limit: int) -> list[dict[str, Any]]:
    """Return the newest calls, at most ``limit``, each with its contact's name and its events."""
    with record.read() as work:
        calls = work.call_details.newest(wanted, limit=limit)
        events = work.call_details.events_of([call.id for call in calls])
        contacts = {call.contact_id: work.contacts.get(call.contact_id) for call in calls}
        names = {contact_id: contact.name for contact_id, contact in contacts.items() if contact is not None}
        return [
            call_document(call)
            | {"contact_name": names.get(call.contact_id), "event_ids": list(events.get(call.id, ()))}
            for call in calls
        ]


def count_calls(record: Record, wanted: CallFilter) -> int:
    """Return how many calls an export will have, if none begins meanwhile."""
    with record.read() as work:
        return work.call_details.count(wanted)


def export_calls(record: Record, wanted: CallFilter) -> Iterator[dict[str, Any]]:
    """Yield calls in the order of their beginning, with the events that each announced.

    They are read page by page, each page in a transaction of its own: memory does not grow with their number, and no
    transaction waits for whoever reads the export.
    """
    after: Call | None = None
    while True:
        with record.read() as work:
            calls: Sequence[Call] = work.call_details.page(wanted, after=after, limit=_PAGE)
            events = work.call_details.events_of([call.id for call in calls])
        for call in calls:
            yield call_document(call) | {"event_ids": list(events.get(call.id, ()))}
        if len(calls) < _PAGE:
            return
        after = calls[-1]
