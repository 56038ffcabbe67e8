"""What an engine is: something that turns text into samples.

To add one: implement ``Engine``, hold to ``time_limit`` (a library that may hang or crash belongs
into a ``WorkerProcess``), and name it among the engines of ``CachedSpeech`` in
``gateway.app.bootstrap``, before the default one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.ports.speech import SpeechError

Samples = npt.NDArray[np.float32]


class UnknownLanguageError(SpeechError):
    """The engine has no voice for the language. The message lists what it speaks; give the contact one of these."""


class EngineFailedError(SpeechError):
    """The engine crashed, or made no sound. It is tried anew with the next text; look at the reason in the log."""


class EngineTimeoutError(EngineFailedError):
    """The engine did not answer within its time limit. Raise ``tts.time_limit`` if its voices are that slow."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine, for one language: a BCP 47 tag (RFC 5646)."""

    engine: str
    language: str
    name: str


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono samples from -1 to 1, ``rate`` of them a second."""

    samples: Samples
    rate: int


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
