"""The actors' pool beside Pykka's own actors, which have a thread each."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pykka

from actors.pool import ActorPool, PooledActor
from tests.bench.plan import Plan
from tests.bench.population import resident_mebibytes
from tests.bench.results import Result

_POOL_THREADS = 4
_RECEIVERS = 100
_LIMIT_SECONDS = 120.0
_TARGET_STARTS = 5_000.0
Ref = pykka.ActorRef[Any]


class _Countdown:
    """Reaches its end after that many steps, of whichever threads."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._lock = threading.Lock()
        self.done = threading.Event()

    def step(self) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self.done.set()


class _Pooled(PooledActor):
    def __init__(self, *, pool: ActorPool, started: _Countdown, received: _Countdown) -> None:
        super().__init__(pool=pool)
        self._started = started
        self._received = received

    def on_start(self) -> None:
        self._started.step()

    def on_receive(self, message: object) -> None:
        self._received.step()


class _Threaded(pykka.ThreadingActor):
    def __init__(self, *, started: _Countdown, received: _Countdown) -> None:
        super().__init__()
        self._started = started
        self._received = received

    def on_start(self) -> None:
        self._started.step()

    def on_receive(self, message: object) -> None:
        self._received.step()


def measure(plan: Plan) -> Iterator[Result]:
    """Start many actors, and tell a few of them many things."""
    count, messages = plan.count(10_000), plan.count(200_000)
    reference = "pykka.ThreadingActor"
    pool = ActorPool(threads=_POOL_THREADS)
    try:
        plan.say(f"{count} pooled actors")
        pooled = _figures(count, messages, lambda started, received: _pooled(pool, started, received))
        plan.say(f"{count} actors with a thread each")
        threaded = _figures(count, messages, _threaded)
    finally:
        pool.stop(10)
    for name, unit, value, reference_value, target in (
        (f"{count} actors started", "actors/s", pooled[0], threaded[0], _TARGET_STARTS),
        (f"{messages} messages told to {_RECEIVERS} actors", "messages/s", pooled[1], threaded[1], None),
    ):
        yield Result(
            name=name, unit=unit, value=value, reference=reference, reference_value=reference_value, target=target
        )


def _pooled(pool: ActorPool, started: _Countdown, received: _Countdown) -> Ref:
    return _Pooled.start(pool=pool, started=started, received=received)


def _threaded(started: _Countdown, received: _Countdown) -> Ref:
    return _Threaded.start(started=started, received=received)


def _figures(count: int, messages: int, start: Callable[[_Countdown, _Countdown], Ref]) -> tuple[float, float]:
    """Return starts and messages a second."""
    started, received = _Countdown(count), _Countdown(messages)
    began = time.monotonic()
    refs = [start(started, received) for _ in range(count)]
    assert started.done.wait(_LIMIT_SECONDS), "not all actors started"
    starts = count / (time.monotonic() - began)
    receivers = refs[:_RECEIVERS]
    began = time.monotonic()
    for number in range(messages):
        receivers[number % len(receivers)].tell(number)
    assert received.done.wait(_LIMIT_SECONDS), "not all messages were handled"
    told = messages / (time.monotonic() - began)
    _stop(refs)
    return starts, told


def threaded_memory(count: int) -> float:
    """Return the memory in KiB that one of so many idle actors with a thread each holds."""
    never = _Countdown(1)
    started = _Countdown(count)
    before = resident_mebibytes()
    refs = [_threaded(started, never) for _ in range(count)]
    assert started.done.wait(_LIMIT_SECONDS), "not all actors started"
    held = (resident_mebibytes() - before) * 1024 / count
    _stop(refs)
    return held


def _stop(refs: list[Ref]) -> None:
    for ref in refs:
        ref.stop(block=False)
    for ref in refs:
        ref.actor_stopped.wait(_LIMIT_SECONDS)
