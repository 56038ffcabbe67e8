"""A call as the carrier saw it: one INVITE, what became of it, and what the subscriber heard."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from tests.telephony.carrier_audio import Heard, Samples, find, find_all, halved, read
from tests.waiting import patient


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE as it came: headers are empty where they were not sent; ``transport`` is UDP, TCP or TLS."""

    request_uri: str
    from_header: str
    asserted: str
    privacy: str
    transport: str


@dataclass(slots=True)
class CarrierCall:
    """One INVITE that the carrier saw, and what became of it. Times are seconds of the epoch; ``None``: not yet."""

    number: str
    from_number: str
    sip_call_id: str
    at: float
    leg: str
    recordings: Path
    changed: threading.Condition
    invite: Invite
    account: str = ""
    encrypted: bool | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: Literal["caller", "callee"] | None = None
    pressed: list[tuple[float, str]] = field(default_factory=list)
    claimed: bool = False

    @property
    def monotonic(self) -> float:
        """``at`` as ``time.monotonic`` would have told it."""
        return self.at - time.time() + time.monotonic()

    @property
    def cancelled(self) -> bool:
        """Whether the caller gave up before the answer."""
        return self.ended_by == "caller" and self.answered_at is None

    def wait_answered(self, timeout: float = 10) -> Self:
        """Return once the call is answered; ``AssertionError`` where it is not in time."""
        return self._wait(lambda: self.answered_at is not None, timeout, "answered")

    def wait_pressed(self, timeout: float = 10) -> Self:
        """Return once a key was pressed; ``AssertionError`` where none is in time."""
        return self._wait(lambda: bool(self.pressed), timeout, "followed by a key")

    def wait_ended(self, timeout: float = 30) -> Self:
        """Return once the call is over; ``AssertionError`` where it is not in time."""
        return self._wait(lambda: self.ended_at is not None, timeout, "over")

    def recording(self) -> Samples:
        """Return what the subscriber heard so far, or after the end, all of it. Samples at 8 kHz."""
        if (wide := self.recordings / f"{self.leg}.wav16").exists():
            return halved(read(wide))
        return read(self.recordings / f"{self.leg}.wav")

    def wide_recording(self) -> Samples:
        """Return the same at 16 kHz, of a carrier that is ``wideband``."""
        return read(self.recordings / f"{self.leg}.wav16")

    def hears(self, sound: Path) -> Heard:
        """Return where in what the subscriber heard that WAV file is, and how alike it is (1.0: the same)."""
        return find(read(sound), self.recording())

    def hears_all(self, sound: Path, at_least: float = 0.8) -> list[Heard]:
        """Return every place at which the subscriber heard that WAV file."""
        return [heard for heard in find_all(read(sound), self.recording(), at_least) if heard.likeness >= at_least]

    def _wait(self, condition: Callable[[], bool], timeout: float, word: str) -> Self:
        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(condition, timeout):
                raise AssertionError(f"waited {timeout} s: the call to {self.number} is not {word}")
        return self
