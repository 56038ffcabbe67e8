"""What a benchmark found out, as a table for people and as ``build/bench.json`` for scripts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.machine import described, machine

_RATES = ("/s", "/GB")
_ROUNDS = 5  # into which single measurements are divided
_Pick = Callable[[Sequence[float]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure beside its reference from the same run.

    Of a unit that ends in ``/s`` or ``/GB`` more is better, of any other less. ``target`` is in the same
    unit, or none is set. ``rounds`` and ``reference_rounds`` are what each round came to, where both were measured in
    turns. ``benchmark`` is the name that the command knows.
    """

    name: str
    unit: str
    value: float
    reference: str
    reference_value: float
    target: float | None = None
    rounds: Sequence[float] = ()
    reference_rounds: Sequence[float] = ()
    benchmark: str = ""

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


def of_rounds(
    name: str,
    unit: str,
    rounds: Sequence[float],
    reference: str,
    reference_rounds: Sequence[float],
    *,
    target: Callable[[float], float] | None = None,
) -> Result:
    """Return the medians of rounds; the target follows from the reference's."""
    reference_value = median(reference_rounds)
    return Result(
        name=name,
        unit=unit,
        value=median(rounds),
        reference=reference,
        reference_value=reference_value,
        target=None if target is None else target(reference_value),
        rounds=rounds,
        reference_rounds=reference_rounds,
    )


def in_milliseconds(
    name: str,
    values: Sequence[float],
    reference: str,
    references: Sequence[float],
    *,
    pick: _Pick,
    target: float | None = None,
) -> Result:
    """Return one result from seconds, as that pick of them all, and of each fifth of them as a round."""
    return Result(
        name=name,
        unit="ms",
        value=pick(values) * 1000,
        reference=reference,
        reference_value=pick(references) * 1000,
        target=target,
        rounds=_picked(values, pick),
        reference_rounds=_picked(references, pick),
    )


def _picked(values: Sequence[float], pick: _Pick) -> list[float]:
    each = len(values) // _ROUNDS
    return [pick(values[number * each : (number + 1) * each]) * 1000 for number in range(_ROUNDS)] if each else []


def median_and_worst(
    name: str, reference: str, values: Sequence[float], references: Sequence[float], *, target: float | None = None
) -> list[Result]:
    """Return two results from seconds; the target is for the median, in milliseconds."""
    return [
        in_milliseconds(
            f"{name}, {word}", values, reference, references, pick=pick, target=target if word == "median" else None
        )
        for word, pick in (("median", median), ("worst", max))
    ]


def p50_and_p99(
    name: str, reference: str, values: Sequence[float], references: Sequence[float], *, target: float | None = None
) -> list[Result]:
    """Return two results from seconds; the target is for the 99th percentile, in milliseconds."""
    return [
        in_milliseconds(
            f"{name}, p{share:.0%}".rstrip("%"),
            values,
            reference,
            references,
            pick=lambda each, share=share: percentile(each, share),  # type: ignore[misc]
            target=target if share > 0.5 else None,
        )
        for share in (0.5, 0.99)
    ]


def write(results: Sequence[Result], notes: Sequence[str], file: Path, *, began: datetime, seconds: float) -> None:
    """Write the results for scripts, with what was noted of them, and on which machine, when and for how long."""
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": described(),
        "began": began.isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "results": [_plain(one) for one in results],
        "notes": list(notes),
    }
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _plain(one: Result) -> dict[str, object]:
    return {
        "benchmark": one.benchmark,
        "name": one.name,
        "unit": one.unit,
        "value": one.value,
        "spread": _spread(one.rounds),
        "rounds": list(one.rounds),
        "reference": one.reference,
        "reference_value": one.reference_value,
        "reference_spread": _spread(one.reference_rounds),
        "reference_rounds": list(one.reference_rounds),
        "ratio": one.ratio,
        "target": one.target,
        "met": one.met,
    }


def _spread(rounds: Sequence[float]) -> list[float] | None:
    """Return the least and the greatest of the rounds."""
    return [min(rounds), max(rounds)] if rounds else None


def show(results: Sequence[Result], notes: Sequence[str], console: Console) -> None:
    """Print the results for people, with what was noted of them."""
    table = Table(title=machine())
    for heading in ("measured", "value", "rounds", "beside", "its value", "its rounds", "ratio", "target"):
        table.add_column(heading, justify="left" if heading in {"measured", "beside"} else "right")
    for one in results:
        style = {None: "", True: "green", False: "bold red"}[one.met]
        table.add_row(
            one.name,
            f"{number(one.value)} {one.unit}",
            _range(one.rounds),
            one.reference,
            f"{number(one.reference_value)} {one.unit}",
            _range(one.reference_rounds),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            "" if one.target is None else f"{number(one.target)} {'met' if one.met else 'missed'}",
            style=style,
        )
    console.print(table)
    for note in notes:
        console.print(f"Note: {escape(note)}")


def _range(rounds: Sequence[float]) -> str:
    return f"{number(min(rounds))}-{number(max(rounds))}" if rounds else ""


def number(value: float) -> str:
    """Return a figure as people read it, with three digits or whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
