"""How far a long command has come, on standard error."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.app.cli.invocation import Invocation

T = TypeVar("T")

_TELL_EVERY_SECONDS = 2.0


def told(invocation: Invocation, items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """Yield the items, and tell people how many have been taken: a bar on a terminal, else a line now and then."""
    console = Console(stderr=True, markup=False, highlight=False)
    yield from (_barred if console.is_terminal else _lined)(invocation, console, items, total, what)


def _barred(invocation: Invocation, console: Console, items: Iterable[T], total: int, what: str) -> Iterator[T]:  # noqa: ARG001 (the same for both)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=5) as progress:
        yield from progress.track(items, total=total, description=what)


def _lined(invocation: Invocation, console: Console, items: Iterable[T], total: int, what: str) -> Iterator[T]:  # noqa: ARG001 (the same for both)
    told_at = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item
        if time.monotonic() - told_at >= _TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            invocation.say(f"{count} of {total} {what}")
