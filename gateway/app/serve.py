"""Running the processes: the web workers, and both halves together."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication

from gateway.app import metric_files
from gateway.app.bootstrap import build_web_services, forget_source_tokens, prepare_record
from gateway.app.clock import WallClock
from gateway.app.first_sign_in import first_sign_in
from gateway.config.schema import Config
from gateway.metrics.committed import CommitMeter
from gateway.ports.record import RecordUnavailableError
from web import create_app

log = structlog.get_logger(__name__)

# Longer than the engine and gunicorn give their own work, so that neither is killed in mid-request.
_STOP_SECONDS = 45.0
_LIVED_LONG_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class _WebApplication(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn without a command line of its own: every worker builds the application after it is forked."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        web = self._config.web
        options: dict[str, Any] = {
            "bind": web.bind,
            "workers": web.workers,
            "threads": web.threads,
            "worker_class": "gthread",
            "timeout": 30,
            "graceful_timeout": 20,
            "accesslog": None,
            # Several gateways run side by side on one machine; their runtime control is a signal, not a shared socket.
            "control_socket_disable": True,
            "proc_name": "tocsin-web",
            "logger_class": "gateway.app.logs.GunicornLogger",
            "post_fork": lambda _arbiter, _worker: metric_files.begin_in_fork(),
        }
        for key, value in options.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        return create_app(build_web_services(self._config, observer=CommitMeter(WallClock().now)))


def run_web(config: Config) -> int:
    """Run the web processes until SIGTERM. Returns the exit status."""
    prepare_record(config)
    forget_source_tokens(config)
    try:
        _WebApplication(config).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def serve(config: Config, config_file: Path | None) -> int:
    """Run web and engine as two processes until SIGTERM or SIGINT; a half that ends by itself is started again.

    The children read the same configuration file (``None``: wherever this process found its own).
    """
    migrated = _migrated(config)
    if migrated:
        first_sign_in(config)
    arguments = [] if config_file is None else ["--config", str(config_file)]
    halves = [_Half(name, [sys.executable, "-m", "gateway.app", *arguments, name]) for name in ("engine", "web")]
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    for half in halves:
        half.start()
    log.info("gateway_started", bind=config.web.bind, public_url=config.web.public_url)
    while not stop.wait(0.2):
        for half in halves:
            if half.ended():
                migrated = migrated or _migrated(config)
            half.revive()
    ended_well = [half.stop() for half in halves[::-1]]
    log.info("gateway_stopped")
    return 0 if all(ended_well) else 1


def _migrated(config: Config) -> bool:
    """Bring the schema up to date; without the database both halves start, say so, and wait for it."""
    try:
        prepare_record(config, migrate_first=True)
    except RecordUnavailableError as error:
        log.error("database_unreachable_at_start", error=str(error))  # noqa: TRY400 - the operator needs no traceback
        return False
    return True


class _Half:
    """A child process that is kept alive."""

    def __init__(self, name: str, command: list[str]) -> None:
        self._name = name
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0
        self._failures = 0

    def start(self) -> None:
        self._started = time.monotonic()
        # The child ends with us even if we are killed: two engines would stand in each other's way.
        self._process = subprocess.Popen(self._command, preexec_fn=_die_with(os.getpid()))  # noqa: S603, PLW1509 - our own command, started from the main thread

    def ended(self) -> bool:
        """Tell whether the process has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def revive(self) -> None:
        """Start the process again if it has ended, at once or, where it keeps ending, after a pause."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            lived = now - self._started
            self._failures = 1 if lived > _LIVED_LONG_SECONDS else self._failures + 1
            pause = min(0.1 * 2**self._failures, _LONGEST_PAUSE_SECONDS)
            log.error("half_ended", half=self._name, status=self._process.returncode, again_in_seconds=pause)
            self._process = None
            self._start_at = now + pause
        if self._process is None and now >= self._start_at:
            self.start()

    def stop(self) -> bool:
        """End the process gracefully, then by force; tell whether it ended well."""
        if self._process is None:
            return True
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            log.exception("half_killed", half=self._name)
            self._process.kill()
            self._process.wait()
            return False


def _die_with(parent: int) -> Callable[[], None]:
    """Return what makes a new child end when its parent does (Linux, prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return arm
