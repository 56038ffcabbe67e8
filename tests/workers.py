"""The processes of voices that a running gateway has, seen from outside."""

from contextlib import suppress
from pathlib import Path

from tests.gateway import Gateway


def voice_pid(gateway: Gateway, module: str) -> int | None:
    """Return the process id of the engine process's own worker (``gateway.tts.piper_worker``); ``None`` without one."""
    engine = gateway.engine_pid()
    for children in Path(f"/proc/{engine}/task").glob("*/children"):
        # Threads and processes may end while they are looked at.
        with suppress(OSError):
            for pid in map(int, children.read_text(encoding="ascii").split()):
                if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
    return None
