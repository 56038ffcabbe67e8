"""The files through which the processes of one installation add up what they count.

Each process counts into files of its own, and ``/metrics`` adds all of them up, those of processes that have ended
included: what is counted does not go back while one process is restarted. (prometheus_client's multiprocess mode,
https://prometheus.github.io/client_python/multiprocess/.)

The files are mapped into memory. A page of a mapped file for which the disk has no room kills the process that writes
to it (SIGBUS, mmap(2)), so their room is taken before anything is counted; where there is none, a process counts for
itself. Alerts are worth more than figures.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gateway.config.schema import Config

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# A figure takes some 300 bytes, and each of its buckets as much: room for a thousand counts and two thousand buckets.
_ROOM = {"counter": 256 * 1024, "histogram": 768 * 1024}
# Of so many files of processes that have ended the newest are kept.
_ENDED_KEPT = 8
_NOWHERE = "/nonexistent"


def directory(config: Config) -> Path:
    """Return where the files are."""
    return config.var_dir.absolute() / "metrics"


def begin(config: Config, *, afresh: bool = False) -> None:
    """Have this process and its children count into files. ``afresh``: all processes start with this one, from zero.

    To be called before ``gateway.metrics`` is imported, which is when the client decides where it counts. Raises
    ``RuntimeError`` where it is too late. Where the files cannot be made each process counts for itself.
    """
    if "prometheus_client" in sys.modules and os.environ.get(_VARIABLE) is None:
        raise RuntimeError("the metrics client was imported before it was told where to count")
    where = directory(config)
    try:
        where.mkdir(parents=True, exist_ok=True)
        files = list(where.glob("*.db"))
        _remove(files if afresh else _superfluous(files))
        _take_room(where)
    except OSError:
        os.environ.pop(_VARIABLE, None)
        return
    os.environ[_VARIABLE] = str(where)


def begin_in_fork() -> None:
    """Have a process that was forked count into files of its own; into none where there is no room for them."""
    where = os.environ.get(_VARIABLE)
    if where is not None:
        try:
            _take_room(Path(where))
        except OSError:
            # What it would count then is lost: the client has decided for files, and finds none here.
            os.environ[_VARIABLE] = _NOWHERE


def _take_room(where: Path) -> None:
    for kind, size in _ROOM.items():
        file = where / f"{kind}_{os.getpid()}.db"
        try:
            with file.open("ab") as opened:
                os.posix_fallocate(opened.fileno(), 0, size)
        except OSError:
            file.unlink(missing_ok=True)
            raise


def _superfluous(files: Iterable[Path]) -> list[Path]:
    """Return all but the newest of the files whose processes have ended."""
    ended = [file for file in files if not _is_alive(file)]
    return sorted(ended, key=lambda file: file.stat().st_mtime)[:-_ENDED_KEPT]


def _is_alive(file: Path) -> bool:
    _, _, pid = file.stem.rpartition("_")
    return pid.isdecimal() and Path(f"/proc/{int(pid)}").exists()


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()
