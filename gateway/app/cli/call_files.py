"""How exported calls are written: one JSON document, or CSV."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from gateway.services.call_export import csv_rows


def write_json(file: TextIO, calls: Iterable[Mapping[str, Any]]) -> None:
    """Write ``{"calls": [...]}``, a call a line."""
    file.write('{"calls": [')
    for place, call in enumerate(calls):
        file.write(",\n" if place else "\n")
        file.write(json.dumps(call, ensure_ascii=False))
    file.write("\n]}\n")


def write_csv(file: TextIO, calls: Iterable[Mapping[str, Any]]) -> None:
    """Write a header and a row for each call."""
    file.writelines(csv_rows(calls))
