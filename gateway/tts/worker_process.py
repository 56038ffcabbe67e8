"""A process of our own that may crash, hang or grow without harm.

It is started with the first request, answers one at a time, and is killed and
reaped when it does not answer in time or takes too much memory; the next request starts a fresh one.

What it takes is its resident memory, looked at ten times a second while it works. A limit of the kernel's on its
address space (``RLIMIT_AS``, ``RLIMIT_DATA``) would not do: machine learning libraries reserve many times of what
they use, and Linux ignores ``RLIMIT_RSS``. What a process takes between two looks is bounded by the
worker's making itself the first that the kernel ends when the machine's memory runs out.
"""

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.tts.engine import EngineFailedError, EngineTimeoutError
from gateway.tts.framing import LENGTH, FrameError, Header, decode_header, encode, header_length

log = structlog.get_logger(__name__)

_CHUNK = 1 << 16
_STOP_PATIENCE = timedelta(seconds=2)
_LOOK_SECONDS = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")


class WorkerTooLargeError(EngineFailedError):
    """The worker took more memory than it may. Raise ``memory_limit`` if the machine has more."""


class _TooLargeError(Exception):
    pass


class WorkerProcess:
    """The parent's end of a worker that speaks ``gateway.tts.framing`` on its standard input and output.

    ``memory_limit`` is in bytes. Safe to call from several threads: requests wait for each other, and the wait counts
    towards their time limit. After a fork, the child starts a worker of its own.
    """

    def __init__(self, command: Sequence[str], *, name: str, memory_limit: int | None = None) -> None:
        self._command = list(command)
        self._name = name
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner_pid = 0

    @property
    def pid(self) -> int | None:
        """The process id of the running worker; ``None`` where none runs."""
        process = self._process
        return process.pid if process is not None and self._owner_pid == os.getpid() else None

    @property
    def is_running(self) -> bool:
        """Tell whether the worker was started and has not ended since."""
        process = self._process
        return process is not None and self._owner_pid == os.getpid() and process.poll() is None

    def request(self, header: Header, *, time_limit: timedelta) -> tuple[Header, bytes]:
        """Return the worker's answer.

        Raises ``EngineTimeoutError``, ``WorkerTooLargeError``, or ``EngineFailedError`` where it crashed.
        """
        end = time.monotonic() + time_limit.total_seconds()
        if not self._lock.acquire(timeout=max(time_limit.total_seconds(), 0)):
            raise EngineTimeoutError(f"{self._name} was busy with other texts for {time_limit}")
        try:
            process = self._running()
            try:
                return _exchange(_Pipes(process, end, self._memory_limit), encode(header))
            except TimeoutError as error:
                self._discard("did not answer in time")
                raise EngineTimeoutError(f"{self._name} did not answer within {time_limit}") from error
            except _TooLargeError as error:
                self._discard(str(error))
                raise WorkerTooLargeError(f"the process of {self._name} was ended: {error}") from error
            except (OSError, EOFError, FrameError) as error:
                status = self._discard(f"{type(error).__name__}: {error}")
                raise EngineFailedError(
                    f"the process of {self._name} ended before it answered (status {status})"
                ) from error
        finally:
            self._lock.release()

    def abort(self) -> None:
        """Kill the worker, also while it works: the request fails. Waits for nothing."""
        process = self._process
        if process is not None and self._owner_pid == os.getpid():
            process.kill()

    def stop(self) -> None:
        """End the worker: it ends by itself when its input closes, and is killed where it does not."""
        with self._lock:
            process, self._process = self._process, None
            if process is None or self._owner_pid != os.getpid():
                return
            _close(process)
            try:
                process.wait(_STOP_PATIENCE.total_seconds())
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and self._owner_pid != os.getpid():
            # This process was forked: the worker belongs to the parent and its answers are not ours.
            _close(process)
            process.returncode = 0  # nothing here must wait for a child of another process
            process = self._process = None
        if process is not None and process.poll() is not None:
            self._discard(f"ended by itself with status {process.returncode}")
            process = None
        if process is None:
            try:
                # A session of its own keeps the terminal's Ctrl-C, meant for the gateway, from the worker.
                process = subprocess.Popen(  # noqa: S603  the command is the gateway's own
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, bufsize=0
                )
            except OSError as error:
                raise EngineFailedError(f"the process of {self._name} could not be started: {error}") from error
            assert process.stdin is not None
            assert process.stdout is not None
            os.set_blocking(process.stdin.fileno(), False)
            os.set_blocking(process.stdout.fileno(), False)
            self._process, self._owner_pid = process, os.getpid()
            log.info("speech_worker_started", engine=self._name, pid=process.pid)
        return process

    def _discard(self, reason: str) -> int | None:
        """Kill and reap the worker; return the status with which it ended, a signal's number negative."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        process.wait()
        _close(process)
        log.warning(
            "speech_worker_discarded", engine=self._name, pid=process.pid, reason=reason, status=process.returncode
        )
        return process.returncode


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has resident (``proc_pid_statm(5)``); 0 where there is no such process."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return 0


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


class _Pipes:
    """One exchange with a worker, which ends at ``end`` (monotonic seconds). Raises ``TimeoutError``."""

    def __init__(self, process: subprocess.Popen[bytes], end: float, memory_limit: int | None) -> None:
        self._process = process
        self._end = end
        self._memory_limit = memory_limit

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        rest = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_WRITE)
            while rest:
                self._wait(selector)
                rest = rest[os.write(descriptor, rest[:_CHUNK]) :]

    def read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        data = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(data) < size:
                self._wait(selector)
                chunk = os.read(descriptor, min(_CHUNK, size - len(data)))
                if not chunk:
                    raise EOFError("its output was closed")
                data += chunk
        return bytes(data)

    def _wait(self, selector: selectors.BaseSelector) -> None:
        while (left := self._end - time.monotonic()) > 0:
            if selector.select(left if self._memory_limit is None else min(left, _LOOK_SECONDS)):
                return
            self._look_at_memory()
        raise TimeoutError

    def _look_at_memory(self) -> None:
        if self._memory_limit is None:
            return
        resident = resident_bytes(self._process.pid)
        if resident > self._memory_limit:
            limit = self._memory_limit / 1e6
            raise _TooLargeError(f"it took {resident / 1e6:.0f} MB of memory, and may take {limit:.0f} MB")


def _exchange(pipes: _Pipes, request: bytes) -> tuple[Header, bytes]:
    """Write the request and read the answer."""
    pipes.write(request)
    length = header_length(pipes.read(LENGTH.size))
    header, size = decode_header(pipes.read(length))
    return header, pipes.read(size)
