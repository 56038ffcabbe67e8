"""Waiting in tests: always for a condition, with a limit and a sentence."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], timeout: float, message: str, *, every: float = 0.01) -> T:
    """Return the condition's first true value; ``AssertionError`` with the message after ``timeout`` seconds."""
    pause = threading.Event()
    end = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"waited {timeout} s: {message}")
        pause.wait(every)
