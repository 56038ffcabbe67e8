"""Waiting in tests: always for a condition, with a limit and a sentence."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LONGEST = 60.0


def patient(seconds: float) -> float:
    """Return how long a test waits for what should take that long at most: four times that, up to a minute.

    Limits are written for a machine with nothing else to do, and cost nothing where all goes well. Those that are
    longer than a minute are kept.
    """
    return max(seconds, min(4 * seconds, _LONGEST))


def until(condition: Callable[[], T], timeout: float, message: str, *, every: float = 0.01) -> T:
    """Return the condition's first true value; ``AssertionError`` with the message where there is none in time.

    ``timeout`` are the seconds on an idle machine, see ``patient``; ``every`` is the pause between two looks.
    """
    pause = threading.Event()
    limit = patient(timeout)
    end = time.monotonic() + limit
    while True:
        if value := condition():
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"waited {limit:g} s: {message}")
        pause.wait(every)
