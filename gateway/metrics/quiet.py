"""Counters and histograms that never fail: what cannot be counted is not worth an alert."""

from contextlib import suppress
from typing import Self, cast

from prometheus_client import Counter, Histogram

# A file of figures that cannot be made, and what the client does with one that it closed when its process was forked.
_NO_FILE = (OSError, ValueError, TypeError)


class QuietCounter(Counter):
    """A ``Counter`` that leaves out what it has no file for."""

    def labels(self, *values: object, **named: object) -> "QuietCounter":
        """Return the child of these labels."""
        try:
            return super().labels(*values, **named)
        except OSError:
            return cast("QuietCounter", _NOTHING)

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Count."""
        with suppress(*_NO_FILE):
            super().inc(amount, exemplar)


class QuietHistogram(Histogram):
    """A ``Histogram`` that leaves out what it has no file for."""

    def labels(self, *values: object, **named: object) -> "QuietHistogram":
        """Return the child of these labels."""
        try:
            return super().labels(*values, **named)
        except OSError:
            return cast("QuietHistogram", _NOTHING)

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a value."""
        with suppress(*_NO_FILE):
            super().observe(amount, exemplar)


class _Nothing:
    """What stands for a child that could not be made."""

    def inc(self, amount: float = 1) -> None:
        """Count nothing."""

    def observe(self, amount: float) -> None:
        """Count nothing."""

    def time(self) -> "_Nothing":
        """Return what measures nothing."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


_NOTHING = _Nothing()
