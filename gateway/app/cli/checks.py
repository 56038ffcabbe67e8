"""What a check of the installation is, and running many of them at once, each within its time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

log = structlog.get_logger(__name__)

TIME_LIMIT = timedelta(seconds=15)
_LOOK_CLOSER = "TOCSIN_LOG_LEVEL=DEBUG tocsin doctor shows where it came from"


class CheckState(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"  # it works, and could be attacked or is not quite as it should be
    FAILED = "failed"
    OFF = "off"  # not configured


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do about it where it failed or is weak. Holds no secret."""

    state: CheckState
    detail: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. ``look`` may block and may raise: both end as a failure of this check alone."""

    name: str
    look: Callable[[], Finding]


def ok(detail: str) -> Finding:
    """Return that it works."""
    return Finding(CheckState.OK, detail)


def off(detail: str) -> Finding:
    """Return that it is not configured."""
    return Finding(CheckState.OFF, detail)


def warn(detail: str, advice: str) -> Finding:
    """Return that it works and is weak, and what to do."""
    return Finding(CheckState.WARNING, detail, advice)


def failed(detail: str, advice: str) -> Finding:
    """Return that it does not work, and what to do."""
    return Finding(CheckState.FAILED, detail, advice)


def run_checks(checks: Sequence[Check], *, time_limit: timedelta = TIME_LIMIT) -> list[tuple[Check, Finding]]:
    """Return every check with what it found, in their order; all run at the same time.

    A check that does not end in time is left behind: its thread does not keep the process alive.
    """
    running = [(check, _begin(check)) for check in checks]
    return [(check, _result(future, time_limit)) for check, future in running]


def _begin(check: Check) -> "Future[Finding]":
    future: Future[Finding] = Future()

    def run() -> None:
        try:
            future.set_result(check.look())
        except Exception as error:
            log.debug("check_raised", check=check.name, exc_info=True)
            reason = str(error) or type(error).__name__
            future.set_result(failed(f"{type(error).__name__}: {reason}", _LOOK_CLOSER))

    threading.Thread(target=run, name=f"check-{check.name}", daemon=True).start()
    return future


def _result(future: "Future[Finding]", time_limit: timedelta) -> Finding:
    try:
        return future.result(time_limit.total_seconds())
    except TimeoutError:
        seconds = time_limit.total_seconds()
        return failed(f"no answer within {seconds:g} s", "check that the other side runs, and the network to it")
