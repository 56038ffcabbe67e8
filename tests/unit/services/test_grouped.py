"""GroupedWriter: threads that share transactions."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.services.grouped import GroupedWriter


class Tape:
    """Keeps each group that it is given; closed, it makes its writer wait."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = threading.Event()
        self.entered = threading.Event()
        self.open.set()
        self.fault: Exception | None = None

    def write(self, items: Sequence[int]) -> None:
        self.entered.set()
        assert self.open.wait(60)
        if self.fault is not None:
            raise self.fault
        self.groups.append(list(items))


def test_a_lone_writer_waits_for_nobody() -> None:
    tape = Tape()
    GroupedWriter(tape.write).put(1)
    assert tape.groups == [[1]]


def test_who_comes_while_one_writes_goes_with_the_next() -> None:
    tape = Tape()
    tape.open.clear()
    writer = GroupedWriter(tape.write)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(writer.put, 0)
        assert tape.entered.wait(60)
        others = [threads.submit(writer.put, number) for number in range(1, 9)]
        while len(writer._waiting) < len(others):
            pass
        tape.open.set()
        for each in (first, *others):
            each.result(10)
    assert tape.groups[0] == [0]
    assert sorted(tape.groups[1]) == list(range(1, 9))


def test_no_group_is_larger_than_it_may_be() -> None:
    tape = Tape()
    writer = GroupedWriter(tape.write, most=3)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(writer.put, range(200)))
    assert sorted(number for group in tape.groups for number in group) == list(range(200))
    assert max(map(len, tape.groups)) <= 3


def test_each_of_a_group_is_told_that_it_was_not_written() -> None:
    tape = Tape()
    tape.fault = OSError("no space left on device")
    writer = GroupedWriter(tape.write)
    with ThreadPoolExecutor(4) as threads:
        tries = [threads.submit(writer.put, number) for number in range(4)]
        for each in tries:
            with pytest.raises(OSError, match="no space"):
                each.result(10)
    tape.fault = None
    writer.put(5)
    assert tape.groups == [[5]]
