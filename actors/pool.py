"""Many Pykka actors on a few threads.

Pykka ships actors with a thread each. A hundred thousand open escalations want
another way: this module implements the three hooks that ``pykka.Actor`` has for new kinds
of actors. An actor's inbox puts its owner into the pool's queue when the first message
arrives, and one thread at a time works through the inbox, so the promise of an actor holds: one
message at a time, in their order.

A message with an ``urgency`` of 1 or 2 goes before the others, and so does its actor before other actors, in order of
the urgency: a pressed key must not wait for a thousand alerts that have just come in. Among the urgent messages of an
actor, and among its others, their order holds.

Two consequences of Pykka's own registry being a list are avoided: our actors are not
entered there, so stopping one does not search all of them, and a failure of one never stops others.
"""

import queue
import threading
from collections import deque
from contextlib import suppress
from enum import Enum, auto
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
        # One token for each entry of the queues; ``None`` ends a thread.
        self._tokens: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._lanes: tuple[deque[PooledActor], ...] = (deque(), deque(), deque())
        self._threads = [
            threading.Thread(target=self._work, name=f"actors-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def schedule(self, actor: "PooledActor") -> None:
        """Let a thread run the actor soon, before others where its messages are urgent."""
        self._lanes[actor.actor_inbox.lane].append(actor)
        self._tokens.put(True)

    def stop(self, timeout: float) -> bool:
        """End the threads after what is queued now; tell whether all ended within ``timeout`` seconds."""
        for _ in self._threads:
            self._tokens.put(None)
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def backlog(self) -> int:
        """Return how many actors wait for a thread."""
        return self._tokens.qsize()

    def _work(self) -> None:
        while self._tokens.get() is not None:
            actor = self._next()
            try:
                actor.run_slice()
            except BaseException:
                log.exception("actor_loop_broke", actor=str(actor))

    def _next(self) -> "PooledActor":
        while True:
            # Whoever has a token finds an actor; another thread may take the one just seen, and leave a newer one.
            for waiting in reversed(self._lanes):
                with suppress(IndexError):
                    return waiting.popleft()


class _State(Enum):
    """Where an actor is: not started, without anything to do, in one of the pool's queues, or on a thread."""

    NEW = auto()
    IDLE = auto()
    QUEUED = auto()
    RUNNING = auto()


class _PooledInbox:
    """An inbox that puts its owner into the pool's queues once, however many messages arrive.

    ``lane`` is the queue in which the owner waits: that of its most urgent message.
    """

    def __init__(self) -> None:
        self.lane = 0
        self._urgent: deque[Envelope[Any]] = deque()
        self._others: deque[Envelope[Any]] = deque()
        self._lock = threading.Lock()
        self._owner: PooledActor | None = None
        self._state = _State.NEW

    def put(self, envelope: Envelope[Any], /) -> None:
        urgency = _urgency(envelope)
        with self._lock:
            (self._urgent if urgency else self._others).append(envelope)
            # An owner that waits in a slower queue is put into the faster one as well; its first turn is what counts.
            schedules = self._state is _State.IDLE or (self._state is _State.QUEUED and urgency > self.lane)
            if schedules:
                self._state, self.lane = _State.QUEUED, urgency
            owner = self._owner if schedules else None
        if owner is not None:
            owner.pool.schedule(owner)

    def get(self) -> Envelope[Any]:
        return self._urgent.popleft() if self._urgent else self._others.popleft()

    def empty(self) -> bool:
        return not self._urgent and not self._others

    def open(self, owner: "PooledActor") -> None:
        """Schedule the owner for the first time."""
        with self._lock:
            self._owner = owner
            self._queue_up()
        owner.pool.schedule(owner)

    def close(self) -> None:
        """Let go of the owner, which holds this inbox: then it is freed at once, without the garbage collector."""
        with self._lock:
            self._owner = None

    def claim(self) -> bool:
        """Take the owner's turn; false where another thread has it, or had it already."""
        with self._lock:
            waits = self._state is _State.QUEUED
            if waits:
                self._state = _State.RUNNING
            return waits

    def rest(self) -> bool:
        """Let the owner off the pool's queues if there is nothing more to do; tell whether it was let off."""
        with self._lock:
            if self.empty():
                self._state = _State.IDLE
                return True
            self._queue_up()
            return False

    def _queue_up(self) -> None:
        self._state = _State.QUEUED
        self.lane = max((_urgency(envelope) for envelope in self._urgent), default=0)


def _urgency(envelope: Envelope[Any]) -> int:
    return int(getattr(envelope.message, "urgency", 0))


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
        """Handle the messages that have arrived, if it is the actor's turn; called by the threads of the pool."""
        if not self.actor_inbox.claim():
            return
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
