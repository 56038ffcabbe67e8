"""How one process wakes another."""

from datetime import timedelta
from typing import Protocol


class Wakeup(Protocol):
    """How a process that wrote a signal wakes the engine. May be lost: the engine looks every second anyway."""

    def notify(self) -> None:
        """Wake the engine. Never raises, never blocks for long."""
        ...


class WakeupListener(Protocol):
    """The engine's end of the wake-up."""

    def wait(self, timeout: timedelta) -> bool:
        """Block until woken (true) or the time is over (false)."""
        ...

    def close(self) -> None:
        """Stop listening; a ``wait`` in another thread returns."""
        ...
