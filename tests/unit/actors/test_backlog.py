"""The queue of what an outage has dammed up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.backlog import Backlog, CatchUp
from actors.messages import LookAtLadder
from gateway.model.urgency import Urgency

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NOBODY: Any = None


def look(event_id: int, rank: int = 1, waited: float = 60) -> LookAtLadder:
    since = NOW - timedelta(seconds=waited)
    return LookAtLadder(event_id=event_id, asker=NOBODY, seen={}, precedence=Urgency(rank, since), due_at=since)


def let_go(backlog: Backlog, at: datetime, most: int = 1000) -> list[int]:
    return [each.event_id for each in backlog.let_go(at, most)]


def test_the_gravest_go_first_and_of_equals_the_one_that_has_waited_longest() -> None:
    backlog = Backlog(CatchUp(at_once=10, per_second=1))
    for each in (look(1, 2, 600), look(2, 0, 10), look(3, 1, 60), look(4, 0, 90), look(5, 1, 61)):
        backlog.add(each, NOW)
    assert let_go(backlog, NOW) == [4, 2, 5, 3, 1]
    assert backlog.pause() is None


def test_after_the_first_the_rest_follows_at_the_rate() -> None:
    backlog = Backlog(CatchUp(at_once=2, per_second=4))
    for number in range(6):
        backlog.add(look(number), NOW)
    assert let_go(backlog, NOW) == [0, 1]
    assert backlog.pause() == timedelta(milliseconds=250)
    assert let_go(backlog, NOW + timedelta(milliseconds=249)) == []
    assert let_go(backlog, NOW + timedelta(milliseconds=250)) == [2]
    assert let_go(backlog, NOW + timedelta(seconds=1)) == [3, 4]
    assert len(backlog) == 1


def test_what_was_looked_at_meanwhile_is_left_out_and_takes_nobody_elses_turn() -> None:
    backlog = Backlog(CatchUp(at_once=2, per_second=1))
    for number in range(4):
        backlog.add(look(number), NOW)
    backlog.drop(0)
    assert let_go(backlog, NOW) == [1, 2]
    assert len(backlog) == 1


def test_an_event_that_comes_again_waits_once() -> None:
    backlog = Backlog(CatchUp(at_once=5, per_second=1))
    backlog.add(look(1, 2), NOW)
    backlog.add(look(1, 0), NOW)
    assert len(backlog) == 1
    assert let_go(backlog, NOW) == [1]


def test_it_says_when_a_look_will_be_let_go() -> None:
    backlog = Backlog(CatchUp(at_once=1, per_second=2))
    assert backlog.add(look(1), NOW) == NOW + timedelta(milliseconds=500)
    assert backlog.add(look(2), NOW) == NOW + timedelta(seconds=1)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 3600)), max_size=60),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 20)), max_size=40),
)
def test_nothing_is_lost_nor_let_go_faster_than_permitted(
    waiting: list[tuple[int, float]], rounds: list[tuple[float, int]]
) -> None:
    catch_up = CatchUp(at_once=5, per_second=3)
    backlog = Backlog(catch_up)
    for number, (rank, waited) in enumerate(waiting):
        backlog.add(look(number, rank, waited), NOW)
    at, gone = NOW, list[int]()
    for pause, most in rounds:
        at += timedelta(seconds=pause)
        some = let_go(backlog, at, most)
        assert len(some) <= most
        gone += some
        assert len(gone) <= catch_up.at_once + (at - NOW).total_seconds() * catch_up.per_second + 1e-6
    assert len(gone) == len(set(gone))
    while backlog.pause() is not None:
        at += timedelta(seconds=1)
        gone += let_go(backlog, at)
    assert sorted(gone) == list(range(len(waiting)))
