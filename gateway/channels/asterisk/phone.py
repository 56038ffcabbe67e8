"""The phone port over Asterisk: one thread with a loop of its own, for all nodes."""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from gateway.channels.asterisk.connection import NodeHealth
from gateway.channels.asterisk.node import PhoneNode
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.channels.asterisk.trunk_states import TrunkListener
from gateway.config.schema import AsteriskConfig
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import CallEnded, CallOrder, PhoneListener

log = structlog.get_logger(__name__)

_SOUND_THREADS = 2
_SENDING_THREADS = 4  # more, for each node to which sounds are sent: a slow one holds up no other's calls


class AsteriskPhone:
    """Places calls through the configured Asterisk servers. Implements ``gateway.ports.phone.Phone``.

    ``secrets`` maps a node's name to the secret of its AMI user. Both listeners are called on the loop's thread;
    ``trunk_listener`` is told what becomes known of the way to the trunks' carriers. All methods may be called from any
    thread, the listeners included; orders given before ``start`` or after ``stop`` end in ``TRUNK_TROUBLE`` at once,
    on the caller's thread.

    Raises ``UnsafeValueError`` where a node's ``sounds_dir`` holds characters that cannot stand in the dialplan, and
    ``KeyError`` where a node has no secret.
    """

    def __init__(
        self,
        *,
        config: AsteriskConfig,
        secrets: Mapping[str, str],
        listener: PhoneListener,
        clock: Clock,
        timings: AsteriskTimings | None = None,
        trunk_listener: TrunkListener = lambda _: None,
    ) -> None:
        self._config = config
        self._listener = listener
        self._clock = clock
        self._timings = timings or AsteriskTimings()
        self._io = {
            node.name: ThreadPoolExecutor(
                _SENDING_THREADS if node.sounds == "http" else _SOUND_THREADS, thread_name_prefix=f"sounds-{node.name}"
            )
            for node in config.nodes
        }
        self._node_of = {trunk.name: trunk.node for trunk in config.trunks}
        self._nodes = {
            node.name: PhoneNode(
                node=node,
                trunks=[trunk for trunk in config.trunks if trunk.node == node.name],
                secret=secrets[node.name],
                listener=listener,
                clock=clock,
                timings=self._timings,
                io=self._io[node.name],
                trunk_listener=trunk_listener,
            )
            for node in config.nodes
        }
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, name="phone", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once. Each node's ``PhoneNodeUp`` follows when it is connected."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Close the connections. Legs in progress go on; a later look-up tells how they ended."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            loop.call_soon_threadsafe(stop.set)
            self._thread.join(self._timings.stop.total_seconds())
        for io in self._io.values():
            io.shutdown(wait=False, cancel_futures=True)

    def health(self) -> Sequence[NodeHealth]:
        """Return how the connection to each node is."""
        return [node.health() for node in self._nodes.values()]

    def ready(self) -> bool:
        """Whether any trunk could carry a call now."""
        return bool(self.trunks())

    def trunks(self) -> Sequence[str]:
        """Return the trunks whose node takes orders, in the configured order."""
        return [name for name, node in self._node_of.items() if self._nodes[node].is_ready]

    def node_of(self, trunk: str) -> str:
        """Return the node of a trunk. Raises ``KeyError`` for an unknown one."""
        return self._node_of[trunk]

    def place(self, order: CallOrder) -> None:
        """Dial."""
        node = self._nodes.get(self._node_of.get(order.trunk, ""))
        if node is None or not self._post(lambda: node.place(order)):
            self._listener(CallEnded(call_id=order.call_id, at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))

    def hang_up(self, call_id: str) -> None:
        """End a leg; no error where it has ended already."""
        self._post(lambda: self._each(call_id, lambda node: node.hang_up(call_id)))

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Break into the message of a live leg, play the sound, end the leg. One not answered yet is hung up."""
        self._post(lambda: self._each(call_id, lambda node: node.say_and_hang_up(call_id, sound)))

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        """Tell the callee that their PIN is not right, and ask for it again or end the leg."""
        self._post(lambda: self._each(call_id, lambda node: node.refuse_pin(call_id, again=again)))

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        """Report what is known of legs whose end was not seen; after this the node takes orders."""
        wanted = frozenset(call_ids)
        if (known := self._nodes.get(node)) is not None:
            self._post(lambda: known.look_up(wanted))

    def forget(self, call_id: str) -> None:
        """Drop what the phone system keeps of a leg, now or when it is connected again."""
        self._post(lambda: self._each(call_id, lambda node: node.forget(call_id)))

    def _each(self, call_id: str, do: Callable[[PhoneNode], None]) -> None:
        """Ask the node that knows the leg, else all: it may be of an earlier life of the gateway."""
        knowing = [node for node in self._nodes.values() if node.knows(call_id)]
        for node in knowing or self._nodes.values():
            do(node)

    def _post(self, work: Callable[[], None]) -> bool:
        loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(work)
        except RuntimeError:
            # The loop was closed between the two lines.
            return False
        return True

    def _main(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_log_loop_error)
        self._started.set()
        works: list[Coroutine[None, None, None]] = [node.run() for node in self._nodes.values()]
        tasks = [asyncio.ensure_future(work) for work in works]
        await self._stop.wait()
        self._loop = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    log.error(
        "phone_loop_failed",
        message=str(context.get("message")),
        exc_info=error if isinstance(error, BaseException) else None,
    )
