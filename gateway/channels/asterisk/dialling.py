"""The pace at which a trunk is given calls."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from gateway.config.schema import TrunkConfig
from gateway.ports.phone import CallOrder


class TrunkPace:
    """Orders wait here until their trunk may carry one more call. Used on the loop's thread alone.

    A carrier refuses what goes beyond the channels and the calls per second that were bought, and a phone
    system that is given hundreds of calls at once loses all of them.
    """

    def __init__(self, trunk: TrunkConfig, *, start: Callable[[CallOrder], None], longest_queue: int) -> None:
        self.trunk = trunk
        self._start = start
        self._longest_queue = longest_queue
        self._waiting: OrderedDict[str, CallOrder] = OrderedDict()
        self._in_progress: set[str] = set()
        self._next_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, order: CallOrder) -> bool:
        """Queue an order and start it as soon as it may; false where the queue is full."""
        if len(self._waiting) >= self._longest_queue:
            return False
        self._waiting[order.call_id] = order
        self._go_on()
        return True

    def remove(self, call_id: str) -> bool:
        """Take an order out of the queue; false where it is not, or no longer, in it."""
        return self._waiting.pop(call_id, None) is not None

    def clear(self) -> list[CallOrder]:
        """Empty the queue and return what was in it."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        return waiting

    def occupy(self, call_id: str) -> None:
        """Count a leg that was found in progress."""
        self._in_progress.add(call_id)

    def release(self, call_id: str) -> None:
        """Count a leg no more: it is over."""
        self._in_progress.discard(call_id)
        self._go_on()

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._in_progress) < self.trunk.max_calls:
            pause = self._next_at - loop.time()
            if pause > 0:
                if self._timer is None:
                    self._timer = loop.call_later(pause, self._wake)
                return
            self._next_at = loop.time() + 1 / self.trunk.calls_per_second
            call_id, order = self._waiting.popitem(last=False)
            self._in_progress.add(call_id)
            self._start(order)

    def _wake(self) -> None:
        self._timer = None
        self._go_on()
