"""Disks that fill up and are cleared again: a small one of the test's own, and one that takes no more from a gateway.

Both are the system's own refusals, at the same calls and with the errors that programs meet in life: ENOSPC, and EFBIG
as where a quota or a limit is exceeded.
"""

import errno
import io
import os
import resource
import sqlite3
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol, Self

from tests.gateway import Gateway
from tests.waiting import until

# /readyz asks for 8 MiB, the rest is the gateway's own.
_SIZE = 32 * 1024 * 1024


class Disk(Protocol):
    """What a gateway's files are on."""

    def fill(self) -> None:
        """Let nothing more be written."""

    def clear(self) -> None:
        """Let everything be written again."""


class SmallDisk:
    """A small file system in memory, mounted while the context lasts. Root alone may mount one."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tocsin-disk-", dir="/tmp"))
        self._ballast = self.directory / "ballast"

    @staticmethod
    def permitted() -> bool:
        """Whether this process may mount one: not so without root's rights, and in some containers."""
        try:
            with SmallDisk():
                return True
        except OSError:
            return False

    def __enter__(self) -> Self:
        options = f"size={_SIZE},mode=700"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tocsin-test", self.directory],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode != 0:
            self.directory.rmdir()
            raise PermissionError(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.directory], check=True)
        self.directory.rmdir()

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            # Whole pieces first; the last pages may be given away bit by bit while others write.
            for size in (1 << 20, 1 << 12, 1):
                _write_all_that_fits(ballast, size)

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)


class LimitedFiles:
    """The limit on the size of files (RLIMIT_FSIZE) of every process of a gateway: what is written is refused.

    Whoever owns the processes may set it. What `tocsin serve` starts meanwhile inherits it.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def fill(self) -> None:
        self._limit(1)

    def clear(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        changed: set[int] = set()
        # A process may be started while the others are being limited: look until there is no new one.
        while fresh := processes_of(self._gateway) - changed:
            for pid in fresh:
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            changed |= fresh


def processes_of(gateway: Gateway) -> set[int]:
    """Return the process ids of `tocsin serve` and of everything that it has started."""
    engine = until(gateway.engine_pid, 20, "an engine runs")
    assert engine is not None
    group = os.getpgid(engine)
    found = set()
    for process in Path("/proc").iterdir():
        with suppress(ProcessLookupError, ValueError):
            if os.getpgid(int(process.name)) == group:
                found.add(int(process.name))
    return found


def empty_the_log(database: Path) -> None:
    """Have SQLite give back the space that its write-ahead log holds in reserve: the next write needs some anew."""

    def emptied() -> bool:
        with closing(sqlite3.connect(database)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    until(emptied, 10, "SQLite's write-ahead log is empty")


def _write_all_that_fits(file: io.RawIOBase, size: int) -> None:
    try:
        while True:
            file.write(bytes(size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
