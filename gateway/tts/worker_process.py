"""A process of our own that may crash or hang without harm.

It is started with the first request, answers one at a time, and is killed and
reaped when it does not answer in time; the next request starts a fresh one.
"""

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

import structlog

from gateway.tts.engine import EngineFailedError, EngineTimeoutError
from gateway.tts.framing import LENGTH, FrameError, Header, decode_header, encode, header_length

log = structlog.get_logger(__name__)

_CHUNK = 1 << 16
_STOP_PATIENCE = timedelta(seconds=2)


class WorkerProcess:
    """The parent's end of a worker that speaks ``gateway.tts.framing`` on its standard input and output.

    Safe to call from several threads: requests wait for each other, and the wait counts
    towards their time limit. After a fork, the child starts a worker of its own.
    """

    def __init__(self, command: Sequence[str], *, name: str) -> None:
        self._command = list(command)
        self._name = name
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner_pid = 0

    @property
    def pid(self) -> int | None:
        """The process id of the running worker; ``None`` where none runs."""
        process = self._process
        return process.pid if process is not None and self._owner_pid == os.getpid() else None

    def request(self, header: Header, *, time_limit: timedelta) -> tuple[Header, bytes]:
        """Return the worker's answer. Raises ``EngineTimeoutError``, or ``EngineFailedError`` where it crashed."""
        end = time.monotonic() + time_limit.total_seconds()
        if not self._lock.acquire(timeout=max(time_limit.total_seconds(), 0)):
            raise EngineTimeoutError(f"{self._name} was busy with other texts for {time_limit}")
        try:
            process = self._running()
            try:
                return _exchange(process, encode(header), end)
            except TimeoutError as error:
                self._discard("did not answer in time")
                raise EngineTimeoutError(f"{self._name} did not answer within {time_limit}") from error
            except (OSError, EOFError, FrameError) as error:
                self._discard(f"{type(error).__name__}: {error}")
                raise EngineFailedError(f"the process of {self._name} ended before it answered") from error
        finally:
            self._lock.release()

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

    def _discard(self, reason: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        _close(process)
        log.warning(
            "speech_worker_discarded", engine=self._name, pid=process.pid, reason=reason, status=process.returncode
        )


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _exchange(process: subprocess.Popen[bytes], request: bytes, end: float) -> tuple[Header, bytes]:
    """Write the request and read the answer. Raises ``TimeoutError`` when ``end`` (monotonic seconds) passes first."""
    assert process.stdin is not None
    assert process.stdout is not None
    _write(process.stdin.fileno(), request, end)
    answers = process.stdout.fileno()
    length = header_length(_read(answers, LENGTH.size, end))
    header, size = decode_header(_read(answers, length, end))
    return header, _read(answers, size, end)


def _write(descriptor: int, data: bytes, end: float) -> None:
    rest = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_WRITE)
        while rest:
            _wait(selector, end)
            rest = rest[os.write(descriptor, rest[:_CHUNK]) :]


def _read(descriptor: int, size: int, end: float) -> bytes:
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while len(data) < size:
            _wait(selector, end)
            chunk = os.read(descriptor, min(_CHUNK, size - len(data)))
            if not chunk:
                raise EOFError("its output was closed")
            data += chunk
    return bytes(data)


def _wait(selector: selectors.BaseSelector, end: float) -> None:
    left = end - time.monotonic()
    if left <= 0 or not selector.select(left):
        raise TimeoutError
