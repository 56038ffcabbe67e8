"""What an engine is: something that turns text into samples.

To add one: implement ``Engine``, hold to ``time_limit`` (a library that may hang or crash belongs
into a ``WorkerProcess``), give it a name and a section in ``gateway.config.tts``, and a factory
in ``gateway.app.speech``. One that takes its time to start is a ``SlowEngine`` as well.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from gateway.ports.speech import SpeechError

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine, for one language: a BCP 47 tag (RFC 5646). ``license`` is that of its data."""

    engine: str
    language: str
    name: str
    license: str = "unknown"


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono samples from -1 to 1, ``rate`` of them a second."""

    samples: Samples
    rate: int


class FallbackReason(StrEnum):
    """Why an engine left an utterance to the next one, as it is logged and counted."""

    NO_VOICE = "no_voice"  # it does not speak the language
    NOT_READY = "not_ready"  # it is loading its voices, or busy, or pauses after a crash
    RESTING = "resting"  # it failed a moment ago and was not asked
    TIMEOUT = "timeout"
    FAILED = "failed"  # it crashed, was ended for its memory, or what it made was no speech
    REFUSED = "refused"  # it cannot speak this text


class EngineError(SpeechError):
    """An engine did not speak; the next one is asked.

    ``late`` is the speech that may still come of it, too late for whoever asked and in time for the next.
    """

    reason = FallbackReason.FAILED

    def __init__(self, message: str, *, late: "Future[Pcm] | None" = None) -> None:
        super().__init__(message)
        self.late = late


class UnknownLanguageError(EngineError):
    """The engine has no voice for the language. The message lists what it speaks; give the contact one of these."""

    reason = FallbackReason.NO_VOICE


class EngineNotReadyError(EngineError):
    """The engine loads its voices, is busy with other texts, or was not asked. The message says which."""

    reason = FallbackReason.NOT_READY


class TextRefusedError(EngineError):
    """The engine works, and cannot speak this text."""

    reason = FallbackReason.REFUSED


class EngineFailedError(EngineError):
    """The engine crashed, or made no sound. It is tried anew with the next text; look at the reason in the log."""


class EngineTimeoutError(EngineFailedError):
    """The engine did not answer within its time limit. Raise ``tts.time_limit`` if its voices are that slow."""

    reason = FallbackReason.TIMEOUT


class Engine(Protocol):
    """Something that speaks. Called from several threads at once."""

    @property
    def name(self) -> str:
        """The engine's name in the configuration."""
        ...

    @property
    def version(self) -> str:
        """What changes whenever the same text would sound different: the library's version and its settings."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Return all voices, one a language."""
        ...

    def voice_for(self, language: str) -> Voice:
        """Return the voice for a language tag. Raises ``UnknownLanguageError``."""
        ...

    def synthesize(self, text: str, *, voice: Voice, time_limit: timedelta) -> Pcm:
        """Speak. Returns or raises ``EngineFailedError`` within ``time_limit``."""
        ...

    def stop(self) -> None:
        """Give everything back. May be called twice; a later ``synthesize`` starts anew."""
        ...


@runtime_checkable
class SlowEngine(Protocol):
    """What an engine has besides whose voices take seconds to load, and who may speak more slowly than a call waits."""

    def warm(self) -> None:
        """Begin to load the voices, and return at once."""
        ...

    def load(self, voice: Voice, *, time_limit: timedelta) -> None:
        """Load a voice and wait for it, for whoever tries it out. Raises ``EngineNotReadyError`` with the reason."""
        ...

    def speak_later(self, text: str, *, voice: Voice) -> Future[Pcm] | None:
        """Have the text spoken when nothing else is to do; ``None`` where too much waits already."""
        ...

    def state(self) -> str:
        """Return ``ok`` and more, or what is wrong with it."""
        ...
