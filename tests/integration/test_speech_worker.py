"""Workers that misbehave."""

import os
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.tts.engine import EngineFailedError, EngineTimeoutError
from gateway.tts.framing import encode
from gateway.tts.worker_process import WorkerProcess
from tests.waiting import until

_LONG = timedelta(seconds=30)
_SHORT = timedelta(milliseconds=300)
Start = Callable[[str], WorkerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    workers: list[WorkerProcess] = []

    def worker(program: str) -> WorkerProcess:
        preface = "import os, signal, sys\nfrom gateway.tts.framing import encode, read_frame\n"
        source = preface + textwrap.dedent(program)
        workers.append(WorkerProcess([sys.executable, "-c", source], name="double"))
        return workers[-1]

    yield worker
    for one in workers:
        one.stop()


_ECHO = """
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        sys.stdout.buffer.write(encode({"said": frame[0]["text"]}, frame[1] + b"x" * frame[0].get("wanted", 0)))
        sys.stdout.buffer.flush()
"""


def test_an_answer_of_many_chunks_comes_whole(start: Start) -> None:
    worker = start(_ECHO)
    header, data = worker.request({"text": "hi", "wanted": 3_000_000}, time_limit=_LONG)
    assert header["said"] == "hi"
    assert len(data) == 3_000_000


def test_a_request_larger_than_the_pipe_is_sent_whole(start: Start) -> None:
    header, _ = start(_ECHO).request({"text": "y" * 500_000}, time_limit=_LONG)
    assert header["said"] == "y" * 500_000


def test_a_worker_that_never_answers_is_killed_at_the_time_limit(start: Start) -> None:
    worker = start("signal.pause()")
    with pytest.raises(EngineTimeoutError, match="double did not answer"):
        worker.request({"text": "hi"}, time_limit=_SHORT)
    assert worker.pid is None


def test_a_worker_that_never_reads_is_killed_at_the_time_limit(start: Start) -> None:
    worker = start("signal.pause()")
    with pytest.raises(EngineTimeoutError):
        worker.request({"text": "y" * 900_000}, time_limit=_SHORT)
    assert worker.pid is None


def test_waiting_for_another_text_counts_towards_the_time_limit(start: Start) -> None:
    worker = start("signal.pause()")
    first_limit = timedelta(seconds=60)
    ended: list[Exception] = []

    def first() -> None:
        try:
            worker.request({"text": "first"}, time_limit=first_limit)
        except EngineFailedError as error:
            ended.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    pid = until(lambda: worker.pid, 10, "the worker runs")
    with pytest.raises(EngineTimeoutError, match="busy"):
        worker.request({"text": "second"}, time_limit=_SHORT)
    os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert ended


def test_a_worker_killed_in_mid_answer_fails_that_text_alone(start: Start, tmp_path: Path) -> None:
    half = tmp_path / "half"
    worker = start(
        f"""
        import pathlib
        half = pathlib.Path({str(half)!r})
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            answer = encode({{}}, b"z" * 1000)
            if not half.exists():
                sys.stdout.buffer.write(answer[:500])
                sys.stdout.buffer.flush()
                half.touch()
                signal.pause()
            sys.stdout.buffer.write(answer)
            sys.stdout.buffer.flush()
        """
    )
    failed: list[Exception] = []

    def ask() -> None:
        try:
            worker.request({"text": "one"}, time_limit=_LONG)
        except EngineFailedError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(half.exists, 10, "half an answer was written")
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert "ended before it answered" in str(failed[0])
    assert worker.request({"text": "two"}, time_limit=_LONG)[1] == b"z" * 1000


@pytest.mark.parametrize(
    "answer", [b"\xff\xff\xff\xff", b"\0\0\0\4oops", b"\0\0\0\2[]", encode({"rate": 1}, b"abc")[:-1]]
)
def test_a_worker_that_answers_nonsense_and_ends_is_a_failure(start: Start, answer: bytes) -> None:
    worker = start(f"read_frame(sys.stdin.buffer)\nsys.stdout.buffer.write({answer!r})")
    with pytest.raises(EngineFailedError):
        worker.request({"text": "hi"}, time_limit=_LONG)
    assert worker.pid is None


def test_a_worker_that_ignores_the_end_of_its_input_is_killed(start: Start) -> None:
    worker = start(_ECHO + "\n    signal.pause()")
    worker.request({"text": "hi"}, time_limit=_LONG)
    pid = worker.pid
    worker.stop()
    assert not Path(f"/proc/{pid}").exists()
