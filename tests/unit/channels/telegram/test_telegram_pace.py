"""The pace keeps Telegram's published limits, whatever is asked of it and when."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.telegram.pace import Pace

SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_chat_gets_one_turn_a_second() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert not pace.turn("1")
    wait = pace.turn("1")
    assert timedelta(milliseconds=900) < wait <= timedelta(milliseconds=1010)
    assert not pace.turn("2"), "another chat is not concerned"
    clock.at += wait.total_seconds()
    assert not pace.turn("1")


def test_a_group_gets_twenty_turns_a_minute() -> None:
    clock = Clock()
    pace = Pace(clock)
    turns = 0
    for _ in range(59):
        turns += not pace.turn("-100500")
        clock.at += 1.002
    assert turns == 20
    wait = pace.turn("-100500")
    assert wait
    clock.at += wait.total_seconds()
    assert not pace.turn("-100500")


def test_a_channel_by_name_is_paced_like_a_group() -> None:
    clock = Clock()
    pace = Pace(clock)
    turns = 0
    for _ in range(40):
        turns += not pace.turn("@owners")
        clock.at += 1.002
    assert turns == 20


def test_all_chats_together_get_thirty_turns_a_second() -> None:
    pace = Pace(Clock())
    assert sum(not pace.turn(str(chat)) for chat in range(1, 100)) == 30


def test_a_refused_chat_waits_as_long_as_it_was_told_and_the_others_go_on() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.refused("1", timedelta(seconds=35))
    assert pace.turn("1") == timedelta(seconds=35)
    assert not pace.turn("2")
    clock.at += 35
    assert not pace.turn("1")


def test_when_a_second_chat_is_refused_meanwhile_all_wait() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.refused("1", timedelta(seconds=35))
    clock.at += 5
    pace.refused("2", timedelta(seconds=20))
    assert pace.turn("3") == timedelta(seconds=20)
    clock.at += 20
    assert not pace.turn("3")
    assert pace.turn("1") == timedelta(seconds=10)


def test_chats_that_are_idle_are_forgotten() -> None:
    clock = Clock()
    pace = Pace(clock)
    for chat in range(1, 3000):
        pace.turn(str(chat))
        clock.at += 0.1
    assert len(pace._chats) <= 1001


@given(st.lists(st.tuples(st.sampled_from(["1", "2", "-3", "@c"]), st.floats(0, 20)), max_size=200))
def test_no_limit_is_ever_exceeded(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    pace = Pace(clock)
    granted: list[tuple[str, float]] = []
    for chat, pause in steps:
        clock.at += pause
        wait = pace.turn(chat)
        if not wait:
            granted.append((chat, clock.at))
        else:
            # Whoever comes back after the wait gets the turn.
            clock.at += wait.total_seconds()
            assert not pace.turn(chat)
            granted.append((chat, clock.at))
    for chat, at in granted:
        same = [other for name, other in granted if name == chat]
        assert sum(at <= other < at + 0.999 for other in same) == 1
        if chat in {"-3", "@c"}:
            assert sum(at <= other < at + 59.99 for other in same) <= 20
