"""The processor time that this process and all that it has started spend meanwhile, by what they are."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_KINDS = {
    "engine": re.compile(rb"gateway\.app\0(?s:.*)engine|tocsin\0(?s:.*)engine"),
    "web": re.compile(rb"gateway\.app\0(?s:.*)web|tocsin\0(?s:.*)web|gunicorn"),
    "asterisk": re.compile(rb"asterisk"),
}


class ProcessorTime:
    """A context manager; ``by_process`` tells the seconds of engine, web, asterisk, bench and other.

    What ends meanwhile is not counted.
    """

    def __init__(self) -> None:
        self._before: Mapping[int, float] = {}
        self._spent: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._before = _seconds()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        for pid, seconds in _seconds().items():
            self._spent[_kind_of(pid)] += seconds - self._before.get(pid, 0.0)

    def by_process(self) -> Mapping[str, float]:
        """Return the seconds, of the user and of the system together."""
        return self._spent


def _seconds() -> Mapping[int, float]:
    """Return what this process and its descendants have spent so far, by process id."""
    spent: dict[int, float] = {}
    parents: dict[int, int] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            stat = (directory / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended just now.
        # State, parent, and from the twelfth on the ticks of user and system (Linux, proc_pid_stat(5)); the name before
        # them is in parentheses and may hold anything.
        fields = stat.rpartition(")")[2].split()
        parents[int(directory.name)] = int(fields[1])
        spent[int(directory.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return {pid: seconds for pid, seconds in spent.items() if _descends(pid, parents)}


def _descends(pid: int, parents: Mapping[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return pid != 0


def _kind_of(pid: int) -> str:
    if pid == os.getpid():
        return "bench"
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return "other"
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(command)), "other")
