"""The port of everything that speaks."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

# For so long a provider may fetch audio from its address: WhatsApp's servers fetch a voice note at once, and again when
# the recipient was offline for long.
MEDIA_FETCHED_FOR = timedelta(days=2)
WIDEBAND_SUFFIX = ".wav16"  # as Asterisk calls WAV of 16 kHz


class AudioFormat(StrEnum):
    """What a rendered utterance is for."""

    PHONE = "phone"  # WAV, 8 kHz, mono, 16 bit
    VOICE_NOTE = "voice_note"  # OGG/Opus, mono


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A rendered utterance: a file that stays where it is for an hour at least, a voice note for ``MEDIA_FETCHED_FOR``.

    Where a trunk carries more than 8 kHz, the same of 16 kHz stands beside that of a call, under ``WIDEBAND_SUFFIX``,
    unless it came too late for whoever asked.
    """

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
