"""The port of everything that speaks."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class AudioFormat(StrEnum):
    """What a rendered utterance is for."""

    PHONE = "phone"  # WAV, 8 kHz, mono, 16 bit
    VOICE_NOTE = "voice_note"  # OGG/Opus, mono


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A rendered utterance: a file that stays where it is until the cache is cleared."""

    path: Path
    duration: timedelta
    engine: str


class SpeechError(Exception):
    """No engine could speak the text. ``tocsin tts say`` shows the same error at length."""


class Speech(Protocol):
    """Something that speaks. Blocks, for its time limit at most."""

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        """Return the text as audio, from the cache where it was spoken before. Raises ``SpeechError``."""
        ...
