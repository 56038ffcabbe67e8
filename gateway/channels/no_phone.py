"""The phone of an installation that has none."""

from collections.abc import Collection, Sequence
from pathlib import Path

from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import CallEnded, CallOrder, PhoneListener


class NoPhone:
    """Implements ``Phone`` where no trunk is configured: there is no trunk, and nobody is ever called.

    Calls that an earlier configuration left on record stay as they are until they are overdue.
    """

    def __init__(self, *, clock: Clock, listener: PhoneListener) -> None:
        self._clock = clock
        self._listener = listener

    def trunks(self) -> Sequence[str]:
        """Return nothing."""
        return ()

    def node_of(self, trunk: str) -> str:
        """Raise: there are no trunks."""
        raise KeyError(trunk)

    def place(self, order: CallOrder) -> None:
        """Report that nobody can carry the call."""
        self._listener(CallEnded(call_id=order.call_id, at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))

    def hang_up(self, call_id: str) -> None:
        """Do nothing."""

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Do nothing."""

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        """Do nothing: there are no calls."""

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        """Do nothing: nobody can tell."""

    def forget(self, call_id: str) -> None:
        """Do nothing."""
