"""What the processes of neural voices share: they answer ``gateway.tts.keeper`` until their standard input closes.

They make way for everything else on the machine: for the processor by their niceness, and for memory as the first that
the kernel ends (``proc_pid_oom_score_adj(5)``). This module imports nothing heavy: a worker starts with it.
"""

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from gateway.tts.framing import Header, encode, read_frame

_NICENESS = 5
_FATAL = ("CUDA", "out of memory", "can't allocate memory")


class CannotSpeakError(Exception):
    """The voice cannot be loaded as it is configured, or not speak a text; the message says why."""


class LoadedVoice(Protocol):
    """A voice that is in memory."""

    def speak(self, text: str) -> tuple[int, bytes]:
        """Return the rate and the samples, 32-bit numbers in the machine's byte order. May raise anything."""
        ...


def answer(voices: dict[str, LoadedVoice], request: Header, load: Callable[[Header], LoadedVoice]) -> bytes:
    """Return the frame that answers a request."""
    name = str(request.get("voice"))
    try:
        if request.get("do") == "load":
            voices[name] = load(request)
            return encode({"loaded": True})
        rate, samples = voices[name].speak(str(request["text"]))
    except Exception as error:  # noqa: BLE001  whatever a library raises is an answer, and not the end of the process
        reason = str(error) if isinstance(error, CannotSpeakError) else f"{type(error).__name__}: {error}"
        # After some errors nothing works any more.
        fatal = isinstance(error, MemoryError) or any(sign in reason for sign in _FATAL)
        return encode({"error": reason, "fatal": fatal})
    return encode({"rate": rate}, samples)


def serve(
    requests: BinaryIO,
    answers: BinaryIO,
    load: Callable[[Header], LoadedVoice],
    prepare: Callable[[Header], None] | None = None,
) -> None:
    """Answer requests until they end. ``prepare`` has the first one before anything is loaded."""
    voices: dict[str, LoadedVoice] = {}
    while (frame := read_frame(requests)) is not None:
        if prepare is not None and not voices:
            prepare(frame[0])
        answers.write(answer(voices, frame[0], load))
        answers.flush()


def make_way() -> None:
    """Let everything else on the machine go first."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def end_with_parent(descriptor: int) -> None:
    """End this process as soon as nobody can write to the pipe any more, whatever it does then."""
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is always told

    def wait() -> None:
        poll.poll()
        os._exit(0)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()


def run(load: Callable[[Header], LoadedVoice], prepare: Callable[[Header], None] | None = None) -> None:
    """Serve on standard input and output. Whatever a library prints goes to standard error instead."""
    make_way()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        end_with_parent(sys.stdin.fileno())
        try:
            serve(sys.stdin.buffer, answers, load, prepare)
        except BrokenPipeError:
            # The parent went away while it was answered.
            os._exit(0)
