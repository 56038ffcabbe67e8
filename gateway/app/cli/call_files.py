"""How exported calls are written: one JSON document, or CSV with one row for each call (RFC 4180)."""

import csv
import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from gateway.app.cli.output_files import csv_cell

_QUALITY = ("codec", "jitter_ms", "lost_sent_percent", "lost_received_percent", "round_trip_ms")
COLUMNS = (
    *("id", "license_id", "contact_id", "event_ids", "provider", "node", "trunk", "to_number", "caller_id"),
    *("started_at", "ringing_at", "answered_at", "ended_at", "post_dial_delay_ms", "billed_seconds"),
    *("outcome", "sip_cause", "hangup_cause", "digits", "digit_times", "sip_call_id", "provider_call_id"),
    *_QUALITY,
    "audio_sha256",
)


def write_json(file: TextIO, calls: Iterable[Mapping[str, Any]]) -> None:
    """Write ``{"calls": [...]}``, a call a line."""
    file.write('{"calls": [')
    for place, call in enumerate(calls):
        file.write(",\n" if place else "\n")
        file.write(json.dumps(call, ensure_ascii=False))
    file.write("\n]}\n")


def write_csv(file: TextIO, calls: Iterable[Mapping[str, Any]]) -> None:
    """Write a header and a row for each call. What there is several of stands in one cell, with spaces between."""
    rows = csv.DictWriter(file, COLUMNS, restval="")
    rows.writeheader()
    for call in calls:
        flat = {key: value for key, value in call.items() if key != "quality"} | (call["quality"] or {})
        flat |= {key: " ".join(map(str, call[key])) for key in ("event_ids", "digit_times")}
        rows.writerow({column: csv_cell(value, numbers_as_they_are=True) for column, value in flat.items()})
