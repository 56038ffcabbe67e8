"""`make figures`: what ``build/bench.json`` holds, as the tables of the documentation.

README.md has the figures that have a target, docs/performance.md has all. A table stands between two comments.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.bench.results import number

_BEGIN, _END = "<!-- figures: made by `make figures` -->", "<!-- end of the figures -->"
_HEADINGS = ("measured", "value", "rounds", "beside it", "its value", "ratio", "target")
Row = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Write the tables of both documents anew."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.document", description="Writes figures into docs.")
    parser.add_argument("figures", nargs="?", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(arguments)
    if not options.figures.is_file():
        parser.error(f"{options.figures} is not there: run make bench first")
    figures = json.loads(options.figures.read_text(encoding="utf-8"))
    for file, rows in (
        (Path("README.md"), [row for row in figures["results"] if row["target"] is not None]),
        (Path("docs/performance.md"), figures["results"]),
    ):
        file.write_text(replaced(file.read_text(encoding="utf-8"), described(figures, rows)), encoding="utf-8")
    return 0


def replaced(text: str, table: str) -> str:
    """Return the document with that between its two comments. Raises ``ValueError`` where it has none."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"a document needs the lines {_BEGIN} and {_END}")
    return f"{before}{begin}\n{table}\n{end}{after}"


def described(figures: Row, rows: Sequence[Row]) -> str:
    """Return the machine, the date and a table with a line of its own for each benchmark, in Markdown."""
    machine = figures["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    memory = round(machine["memory_mebibytes"] / 1024)
    where = (
        f"Measured {datetime.fromisoformat(figures['began']).date()} in {figures['seconds'] / 60:.0f} minutes by "
        f"`make bench` on {machine['summary']}, {machine['processor']}, {memory} GiB, Linux {machine['kernel']}; "
        f"load, carrier and databases on the same processors. Versions: {versions}."
    )
    lines = [
        where,
        "",
        _line(_HEADINGS),
        _line(["---", *["---:"] * 2, "---", *["---:"] * 3]),
    ]
    for benchmark, group in groupby(rows, lambda row: str(row["benchmark"])):
        lines.append(_line([f"**{benchmark}**", *[""] * (len(_HEADINGS) - 1)]))
        lines += [_line(_cells(row)) for row in group]
    return "\n".join([*lines, "", *(f"{note}." for note in figures["notes"])]).rstrip()


def _cells(row: Row) -> list[str]:
    return [
        row["name"],
        f"{number(row['value'])} {row['unit']}",
        "" if row["spread"] is None else " to ".join(number(each) for each in row["spread"]),
        row["reference"],
        f"{number(row['reference_value'])} {row['unit']}",
        "" if row["ratio"] is None else number(row["ratio"]),
        "" if row["target"] is None else f"{number(row['target'])}: {'met' if row['met'] else '**missed**'}",
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
