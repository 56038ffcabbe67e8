"""Pykka actors on a shared pool: the promises of an actor hold."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pykka
import pytest

from actors.pool import ActorPool, PooledActor
from tests.waiting import until


class Collector(PooledActor):
    """Keeps what it is told, and notices when two threads are inside at once."""

    def __init__(self, *, pool: ActorPool, received: list[object], inside: threading.Lock) -> None:
        super().__init__(pool=pool)
        self.received = received
        self.inside = inside
        self.faults: list[BaseException] = []

    def on_start(self) -> None:
        self.received.append("started")

    def on_receive(self, message: object) -> object:
        assert self.inside.acquire(blocking=False), "two threads inside one actor"
        try:
            if message == "fail":
                raise ValueError("told to")
            self.received.append(message)
            return message
        finally:
            self.inside.release()

    def on_stop(self) -> None:
        self.received.append("stopped")

    def on_fault(self, error: BaseException) -> None:
        self.received.append(error)


@pytest.fixture
def pool() -> Iterator[ActorPool]:
    pool = ActorPool(threads=4)
    yield pool
    assert pool.stop(5)


def start(pool: ActorPool) -> "tuple[pykka.ActorRef[Collector], list[object]]":
    received: list[object] = []
    return Collector.start(pool=pool, received=received, inside=threading.Lock()), received


def test_messages_of_many_senders_are_handled_once_in_order_and_one_at_a_time(pool: ActorPool) -> None:
    actors = [start(pool) for _ in range(50)]

    def send(sender: int) -> None:
        for number in range(200):
            for ref, _ in actors:
                ref.tell((sender, number))

    senders = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    until(lambda: all(len(received) == 801 for _, received in actors), 20, "every message is handled")
    for _, received in actors:
        assert received[0] == "started"
        for sender in range(4):
            assert [m[1] for m in received[1:] if isinstance(m, tuple) and m[0] == sender] == list(range(200))


def test_an_actor_that_raises_stops_reports_and_leaves_the_others_alone(pool: ActorPool) -> None:
    (failing, failed), (healthy, fine) = start(pool), start(pool)
    failing.tell("fail")
    failing.tell("never handled")
    until(lambda: not failing.is_alive(), 5, "the actor stops")
    until(lambda: len(failed) == 2, 5, "the fault is reported")
    assert isinstance(failed[1], ValueError)
    with pytest.raises(pykka.ActorDeadError):
        failing.tell("too late")
    healthy.tell("still here")
    until(lambda: fine[-1] == "still here", 5, "the other actor works")


def test_an_ask_from_outside_is_answered(pool: ActorPool) -> None:
    ref, _ = start(pool)
    assert ref.ask("echo", timeout=5) == "echo"


def test_stop_is_handled_after_what_was_told_before_it(pool: ActorPool) -> None:
    ref, received = start(pool)
    for number in range(100):
        ref.tell(number)
    ref.stop(block=True, timeout=5)
    assert received == ["started", *range(100), "stopped"]


def test_pooled_actors_do_not_enter_pykkas_registry(pool: ActorPool) -> None:
    ref, _ = start(pool)
    assert ref not in pykka.ActorRegistry.get_all()


@pytest.mark.parametrize(
    "hook", ["_create_actor_inbox", "_create_future", "_start_actor_loop", "_handle_receive", "_actor_loop_teardown"]
)
def test_pykka_still_has_the_hooks_that_the_pool_relies_on(hook: str) -> None:
    assert callable(getattr(pykka.Actor, hook))


def test_pykkas_reference_does_not_keep_an_actor_but_its_inbox_does(pool: ActorPool) -> None:
    ref, received = start(pool)
    until(lambda: received == ["started"], 5, "the actor runs")
    ref.tell("alive")
    until(lambda: received[-1] == "alive", 5, "the actor was kept by its inbox")


@dataclass(frozen=True)
class Urgent:
    """A message that goes before others."""

    number: int = 0
    urgency: int = 1


def held_pool() -> tuple[ActorPool, threading.Event, "pykka.ActorRef[Collector]"]:
    """Return a pool whose only thread is busy until the event is set."""
    pool, go_on, busy = ActorPool(threads=1), threading.Event(), threading.Event()

    class Holder(PooledActor):
        def on_receive(self, message: object) -> None:
            busy.set()
            go_on.wait(60)

    holder = Holder.start(pool=pool)
    holder.tell("hold")
    assert busy.wait(60)
    return pool, go_on, holder  # type: ignore[return-value] # whoever it is, it must be kept


def test_an_urgent_message_goes_before_the_others_and_its_actor_before_other_actors() -> None:
    pool, go_on, _holder = held_pool()
    order: list[object] = []
    actors = [Collector.start(pool=pool, received=order, inside=threading.Lock()) for _ in range(3)]
    for ref in actors:
        ref.tell("other")
    for number in range(3):
        actors[2].tell(Urgent(number))
    go_on.set()
    until(lambda: len(order) == 9, 5, "every message is handled")
    assert order[:5] == ["started", Urgent(0), Urgent(1), Urgent(2), "other"]
    assert pool.stop(5)


def test_the_most_urgent_message_decides_which_actor_is_next() -> None:
    pool, go_on, _holder = held_pool()
    order: list[object] = []
    actors = [Collector.start(pool=pool, received=order, inside=threading.Lock()) for _ in range(3)]
    actors[1].tell(Urgent(1))
    actors[2].tell(Urgent(2))
    actors[2].tell(Urgent(3, urgency=2))
    go_on.set()
    until(lambda: len(order) == 6, 5, "every message is handled")
    assert order == ["started", Urgent(2), Urgent(3, urgency=2), "started", Urgent(1), "started"]
    assert pool.stop(5)


def test_messages_of_both_kinds_are_handled_once_each_in_their_order(pool: ActorPool) -> None:
    actors = [start(pool) for _ in range(20)]

    def send(sender: int) -> None:
        for number in range(200):
            for ref, _ in actors:
                ref.tell(Urgent(number) if sender % 2 else (sender, number))

    senders = [threading.Thread(target=send, args=(n,)) for n in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    until(lambda: all(len(received) == 401 for _, received in actors), 20, "every message is handled")
    for _, received in actors:
        assert [each.number for each in received if isinstance(each, Urgent)] == list(range(200))
        assert [each[1] for each in received if isinstance(each, tuple)] == list(range(200))
