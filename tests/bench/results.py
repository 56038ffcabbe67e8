"""What a benchmark found out, as a table for people and as ``build/bench.json`` for scripts."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_RATES = ("/s",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure beside its reference from the same run.

    Of a unit that ends in ``/s`` more is better, of any other less. ``target`` is in the same unit, or none is set.
    """

    name: str
    unit: str
    value: float
    reference: str
    reference_value: float
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the reference the value is; ``None`` where the reference is nothing."""
        return self.value / self.reference_value if self.reference_value else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met."""
        if self.target is None:
            return None
        return self.value >= self.target if self.unit.endswith(_RATES) else self.value <= self.target


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least that share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def median_and_worst(
    name: str, reference: str, values: Sequence[float], references: Sequence[float], *, target: float | None = None
) -> list[Result]:
    """Return two results from seconds; the target is for the median, in milliseconds."""
    return [
        Result(
            name=f"{name}, {word}",
            unit="ms",
            value=pick(values) * 1000,
            reference=reference,
            reference_value=pick(references) * 1000,
            target=target if word == "median" else None,
        )
        for word, pick in (("median", median), ("worst", max))
    ]


def machine() -> str:
    """Return the class of the machine that measures."""
    processors = len(os.sched_getaffinity(0))
    return f"{processors} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def write(results: Sequence[Result], notes: Sequence[str], file: Path) -> None:
    """Write the results for scripts, with what was noted of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shown = [asdict(result) | {"ratio": result.ratio, "met": result.met} for result in results]
    keys = ("name", "unit", "value", "reference", "reference_value", "ratio", "target", "met")
    document = {
        "machine": machine(),
        "results": [{key: one[key] for key in keys} for one in shown],
        "notes": list(notes),
    }
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def show(results: Sequence[Result], notes: Sequence[str], console: Console) -> None:
    """Print the results for people, with what was noted of them."""
    table = Table(title=machine())
    for heading in ("measured", "value", "beside", "its value", "ratio", "target"):
        table.add_column(heading, justify="left" if heading in {"measured", "beside"} else "right")
    for one in results:
        style = {None: "", True: "green", False: "bold red"}[one.met]
        table.add_row(
            one.name,
            f"{_number(one.value)} {one.unit}",
            one.reference,
            f"{_number(one.reference_value)} {one.unit}",
            "" if one.ratio is None else f"{one.ratio:.2f}",
            "" if one.target is None else f"{_number(one.target)} {'met' if one.met else 'missed'}",
            style=style,
        )
    console.print(table)
    for note in notes:
        console.print(f"Note: {escape(note)}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
