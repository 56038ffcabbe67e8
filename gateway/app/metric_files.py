"""The files through which the processes of one installation add up what they count.

Each process counts into files of its own, and ``/metrics`` adds all of them up, those of processes that have ended
included: what is counted never goes back while one process is restarted. (prometheus_client's multiprocess mode,
https://prometheus.github.io/client_python/multiprocess/.)
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gateway.config.schema import Config

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Of so many files of processes that have ended the newest are kept; a process has two.
_ENDED_KEPT = 200


def directory(config: Config) -> Path:
    """Return where the files are."""
    return config.var_dir.absolute() / "metrics"


def begin(config: Config, *, afresh: bool = False) -> None:
    """Have this process and its children count into files. ``afresh``: all processes start with this one, from zero.

    To be called before ``gateway.metrics`` is imported, which is when the client decides where it counts. Raises
    ``RuntimeError`` where it is too late. Where the directory cannot be made, each process counts for itself: alerts
    are worth more than figures.
    """
    if "prometheus_client" in sys.modules and os.environ.get(_VARIABLE) is None:
        raise RuntimeError("the metrics client was imported before it was told where to count")
    where = directory(config)
    try:
        where.mkdir(parents=True, exist_ok=True)
        # Oldest first; those of live processes are written to, and so are the newest.
        files = sorted(where.glob("*.db"), key=lambda file: file.stat().st_mtime)
    except OSError:
        return
    _remove(files if afresh else files[:-_ENDED_KEPT])
    os.environ[_VARIABLE] = str(where)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()
