"""Many Pykka actors on a few threads.

Pykka ships actors with a thread each. A hundred thousand open escalations want
another way: this module implements the three hooks that ``pykka.Actor`` has for new kinds
of actors. An actor's inbox puts its owner into the pool's queue when the first message
arrives, and one thread at a time works through the inbox, so the promise of an actor holds: one
message at a time, in their order.

Two consequences of Pykka's own registry being a list are avoided: our actors are not
entered there, so stopping one does not search all of them, and a failure of one never stops others.
"""

import queue
import threading
from collections import deque
from typing import Any, Self

import pykka
import structlog
from pykka._envelope import Envelope

log = structlog.get_logger(__name__)

# So many messages an actor may handle before it queues up again behind the others.
_SLICE = 32


class ActorPool:
    """A fixed number of threads on which actors run."""

    def __init__(self, *, threads: int) -> None:
        self._due: queue.SimpleQueue[PooledActor | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"actors-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def schedule(self, actor: "PooledActor") -> None:
        """Let a thread run the actor soon."""
        self._due.put(actor)

    def stop(self, timeout: float) -> bool:
        """End the threads after what is queued now; tell whether all ended within ``timeout`` seconds."""
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def backlog(self) -> int:
        """Return how many actors wait for a thread."""
        return self._due.qsize()

    def _work(self) -> None:
        while (actor := self._due.get()) is not None:
            try:
                actor.run_slice()
            except BaseException:
                log.exception("actor_loop_broke", actor=str(actor))


class _PooledInbox:
    """An inbox that puts its owner into the pool's queue once, however many messages arrive."""

    def __init__(self) -> None:
        self._envelopes: deque[Envelope[Any]] = deque()
        self._lock = threading.Lock()
        self._owner: PooledActor | None = None
        self._scheduled = True  # until the owner is started

    def put(self, envelope: Envelope[Any], /) -> None:
        with self._lock:
            self._envelopes.append(envelope)
            owner = None if self._scheduled else self._owner
            self._scheduled = self._scheduled or owner is not None
        if owner is not None:
            owner.pool.schedule(owner)

    def get(self) -> Envelope[Any]:
        return self._envelopes.popleft()

    def empty(self) -> bool:
        return not self._envelopes

    def open(self, owner: "PooledActor") -> None:
        """Schedule the owner for the first time."""
        self._owner = owner
        owner.pool.schedule(owner)

    def close(self) -> None:
        """Let go of the owner, which holds this inbox: then it is freed at once, without the garbage collector."""
        with self._lock:
            self._owner = None

    def rest(self) -> bool:
        """Let the owner off the pool's queue if there is nothing more to do; tell whether it was let off."""
        with self._lock:
            self._scheduled = bool(self._envelopes)
            return not self._scheduled


class PooledActor(pykka.Actor):
    """A Pykka actor that shares its pool's threads.

    A handler must not block: it runs on a thread that other actors wait for. It must not
    ``ask`` another pooled actor either, which could wait for this very thread.
    """

    actor_inbox: _PooledInbox

    def __init__(self, *, pool: ActorPool) -> None:
        super().__init__()
        self.pool = pool
        self._begun = False

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> "pykka.ActorRef[Self]":
        """Start an actor. Keep the reference: Pykka's own is weak, and the registry does not hold this actor."""
        actor = cls(*args, **kwargs)
        actor._start_actor_loop()
        return actor.actor_ref

    @staticmethod
    def _create_actor_inbox() -> _PooledInbox:
        return _PooledInbox()

    @staticmethod
    def _create_future() -> "pykka.Future[Any]":
        return pykka.ThreadingFuture()

    def _start_actor_loop(self) -> None:
        self.actor_inbox.open(self)

    def run_slice(self) -> None:
        """Handle the messages that have arrived; called by a thread of the pool, one at a time."""
        if not self._begun:
            self._begun = True
            self._begin()
        handled = 0
        while not self.actor_stopped.is_set() and not self.actor_inbox.empty() and handled < _SLICE:
            handled += 1
            self._handle(self.actor_inbox.get())
        if self.actor_stopped.is_set():
            self._actor_loop_teardown()
            self.actor_inbox.close()
        elif not self.actor_inbox.rest():
            self.pool.schedule(self)

    def on_fault(self, error: BaseException) -> None:
        """Run when a handler raised and the actor is stopped: the place to ask for a restart."""

    def _begin(self) -> None:
        try:
            self.on_start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the actor ends and its supervisor is told
            self._fail(error)

    def _handle(self, envelope: Envelope[Any]) -> None:
        try:
            answer = self._handle_receive(envelope.message)
        except Exception as error:  # noqa: BLE001 - likewise
            if envelope.reply_to is not None:
                envelope.reply_to.set_exception()
            else:
                self._fail(error)
        else:
            if envelope.reply_to is not None:
                envelope.reply_to.set(answer)

    def _fail(self, error: BaseException) -> None:
        self.actor_stopped.set()
        try:
            self.on_fault(error)
        except Exception:
            log.exception("actor_fault_not_reported", actor=str(self))
