"""`make bench`: measures, prints a table, writes ``build/bench.json``.

make bench                            everything
make bench ARGS="calls wakeup"        these alone
make bench ARGS="--quick"             a tenth of everything: whether it works, not how fast it is
"""

import argparse
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import structlog
from rich.console import Console
from rich.markup import escape

from tests.bench import actors, call_rates, calls, crowd, escalations, ingest, pages, speech, storm, wakeup
from tests.bench.plan import Plan
from tests.bench.results import Result, show, write

BENCHMARKS: Mapping[str, Callable[[Plan], Iterator[Result]]] = {
    "actors": actors.measure,
    "ingest": ingest.measure,
    "wakeup": wakeup.measure,
    "calls": calls.measure,
    "call_rates": call_rates.measure,
    "crowd": crowd.measure,
    "speech": speech.measure,
    "pages": pages.measure,
    "storm": storm.measure,
    "escalations": escalations.measure,
}
_OUTPUT = Path("build/bench.json")
_FILE_WIDTH = 200


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are named. Returns 1 where one could not be measured; a missed target is no failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures Tocsin beside references.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--output", type=Path, default=_OUTPUT, help=f"where the figures go (default: {_OUTPUT})")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, _interrupted)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    started, start = datetime.now(UTC), time.monotonic()
    results: list[Result] = []
    notes: list[str] = []
    failed: list[str] = []
    for name in options.names or BENCHMARKS:
        began = time.monotonic()
        try:
            results.extend(_measure(name, console, notes, quick=options.quick))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other benchmarks are run
            console.print(f"[bold red]{name} could not be measured:[/] {escape(f'{type(error).__name__}: {error}')}")
            failed.append(name)
        else:
            console.print(f"[green]✓[/] {name} ({time.monotonic() - began:.0f} s)")
        # After each: whoever interrupts the next one keeps what was measured.
        write(results, notes, options.output, began=started, seconds=time.monotonic() - start)
    show(results, notes, console)
    console.print(f"written to {options.output} after {(time.monotonic() - start) / 60:.1f} minutes")
    return 1 if failed else 0


def _interrupted(_number: int, _frame: object) -> NoReturn:
    # What runs for a benchmark is ended on the way out.
    raise KeyboardInterrupt


def _measure(name: str, console: Console, notes: list[str], *, quick: bool) -> list[Result]:
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-bench-", ignore_cleanup_errors=True) as directory,
        console.status(name) as status,
    ):

        def say(text: str) -> None:
            status.update(f"{name}: {text}")

        plan = Plan(Path(directory), quick, say, notes.append)
        return [replace(result, benchmark=name) for result in BENCHMARKS[name](plan)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
