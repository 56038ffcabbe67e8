"""A stand-in for the process of a neural voice: ``python -m tests.neural_double``.

It answers as ``gateway.tts.keeper`` wants it, and misbehaves as it is told: by what stands in a voice's model file when
that is loaded, and by the first word of a text. A word says how, one more is a file that it waits for.
"""

import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from gateway.tts.framing import Header, encode, read_frame
from gateway.tts.serving import end_with_parent
from tests.waiting import until

RATE = 16000


def answer(loaded: set[str], request: Header) -> bytes:
    name = str(request["voice"])
    if request["do"] == "load":
        error = misbehave(Path(str(request["model_path"])).read_text(encoding="utf-8"))
        if error is None:
            loaded.add(name)
        return encode({"loaded": True} if error is None else {"error": error})
    assert name in loaded, "a voice is loaded before it speaks"
    text = str(request["text"])
    error = misbehave(text)
    if error is not None:
        return encode({"error": error, "fatal": text.startswith("fatal")})
    return encode({"rate": RATE}, sound(text).tobytes())


def misbehave(order: str) -> str | None:
    """Do as the order says; return the error to answer with."""
    how, *rest = order.split()
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        signal.pause()
    if how == "wait":
        until(Path(rest[0]).exists, 60, "the test lets the voice go on")
    if how == "eat":
        eaten = np.ones(int(rest[0]) * 1_000_000 // 8)
        signal.pause()
        return f"ate {eaten.size}"
    return " ".join(rest) if how in {"refuse", "fatal"} else None


def sound(text: str) -> np.ndarray:
    times = np.arange(RATE * (1000 if text.startswith("babble") else 1) // 2) / RATE
    samples = (np.sin(2 * np.pi * 300 * times) * 0.1).astype(np.float32)
    if text.startswith("nan"):
        samples[100] = np.nan
    return samples


def main() -> None:
    threading.current_thread().name = "double"
    end_with_parent(sys.stdin.fileno())
    loaded: set[str] = set()
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        sys.stdout.buffer.write(answer(loaded, frame[0]))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
