"""Exported calls as CSV: one row for each (RFC 4180)."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.services.csv_cells import csv_cell

_QUALITY = ("codec", "jitter_ms", "lost_sent_percent", "lost_received_percent", "round_trip_ms")
COLUMNS = (
    *("id", "license_id", "contact_id", "event_ids", "provider", "node", "trunk", "to_number", "caller_id"),
    *("started_at", "ringing_at", "answered_at", "ended_at", "post_dial_delay_ms", "billed_seconds"),
    *("outcome", "sip_cause", "hangup_cause", "digits", "digit_times", "sip_call_id", "provider_call_id"),
    *_QUALITY,
    "audio_sha256",
)


class _Row:
    """Where the writer puts a row."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def csv_rows(calls: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a header and a row for each call. What there is several of stands in one cell, with spaces between."""
    row = _Row()
    writer = csv.DictWriter(row, COLUMNS, restval="")
    writer.writeheader()
    yield row.text
    for call in calls:
        flat = {key: value for key, value in call.items() if key != "quality"} | (call["quality"] or {})
        flat |= {key: " ".join(map(str, call[key])) for key in ("event_ids", "digit_times")}
        writer.writerow({column: csv_cell(value, numbers_as_they_are=True) for column, value in flat.items()})
        yield row.text
