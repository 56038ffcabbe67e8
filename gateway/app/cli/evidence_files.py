"""How exported evidence is written: one JSON document, or CSV for spreadsheets."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from gateway.services.csv_cells import csv_cell

# What each event holds several of, by its key in the document and its name in CSV.
_PARTS = {
    "acknowledgements": "acknowledgement",
    "attempts": "attempt",
    "calls": "call",
    "timeline": "timeline",
}
_COLUMNS = (
    *("record", "event_id", "license_id", "source_id", "id", "at", "type", "contact_id", "channel"),
    *("status", "severity", "title", "body", "dedup_key", "repeat_count", "throttle_reason", "created_at"),
    *("acknowledged_at", "acknowledged_by", "acknowledged_via", "via", "first", "closed_at"),
    *("number", "state", "began_at", "ended_at", "call_id", "reason"),
    *("provider", "node", "trunk", "to_number", "caller_id", "sip_call_id", "started_at", "ringing_at", "answered_at"),
    *("sip_cause", "hangup_cause", "outcome", "digits", "digit_times", "billed_seconds", "audio_sha256"),
    *("post_dial_delay_ms", "quality", "provider_call_id"),
    *("detail", "chain_index", "entry_hash"),
)


def write_json(file: TextIO, events: Iterable[Mapping[str, Any]]) -> None:
    """Write ``{"events": [...]}``, event by event."""
    file.write('{"events": [')
    for place, event in enumerate(events):
        file.write(",\n" if place else "\n")
        file.write(json.dumps(event, ensure_ascii=False))
    file.write("\n]}\n")


def write_csv(file: TextIO, events: Iterable[Mapping[str, Any]]) -> None:
    """Write one row for each event and for each thing that belongs to it; ``record`` says what a row is (RFC 4180)."""
    rows = csv.DictWriter(file, _COLUMNS, restval="", extrasaction="ignore")
    rows.writeheader()
    for event in events:
        for row in _rows(event):
            rows.writerow({column: csv_cell(value) for column, value in row.items()})


def _rows(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"record": "event", "event_id": event["id"], **event}
    for key, name in _PARTS.items():
        parts: Sequence[Mapping[str, Any]] = event[key]
        for part in parts:
            yield {"record": name, "event_id": event["id"], "license_id": event["license_id"], **part}
