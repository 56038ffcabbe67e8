"""The default engine: espeak-ng, which speaks with no model download."""

import functools
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from importlib import metadata

import numpy as np

from gateway.tts import espeak_voices
from gateway.tts.engine import EngineFailedError, EngineTimeoutError, Pcm, UnknownLanguageError, Voice
from gateway.tts.framing import Header
from gateway.tts.worker_process import WorkerProcess

_COMMAND = (sys.executable, "-m", "gateway.tts.espeak_worker")
_SCALE = np.float32(1 / 32768)


class EspeakEngine:
    """espeak-ng, in a process of its own. Implements ``Engine``.

    ``words_per_minute`` is somewhat slower than the library's 175: alerts are heard on
    a telephone, by people who were asleep.
    """

    def __init__(self, *, words_per_minute: int = 155, command: Sequence[str] = _COMMAND) -> None:
        self._words_per_minute = words_per_minute
        self._worker = WorkerProcess(command, name=self.name)

    @property
    def name(self) -> str:
        """The engine's name in the configuration."""
        return "espeak"

    @property
    def version(self) -> str:
        """The wheel's version and the pace."""
        return f"{_wheel_version()} {self._words_per_minute} wpm"

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker; ``None`` before the first text and after ``stop``."""
        return self._worker.pid

    def voices(self) -> Sequence[Voice]:
        """Return all voices."""
        return [self._voice(language) for language in espeak_voices.VOICES]

    def voice_for(self, language: str) -> Voice:
        """Return the voice for a language tag. Raises ``UnknownLanguageError``, which lists what can be spoken."""
        tag = espeak_voices.match(language)
        if tag is None:
            known = ", ".join(sorted(espeak_voices.VOICES, key=str.lower))
            raise UnknownLanguageError(f"espeak has no voice for the language {language!r}; it speaks {known}")
        return self._voice(tag)

    def synthesize(self, text: str, *, voice: Voice, time_limit: timedelta) -> Pcm:
        """Speak. Raises ``EngineFailedError``, ``EngineTimeoutError``."""
        end = time.monotonic() + time_limit.total_seconds()
        try:
            header, data = self._ask(text, voice, time_limit)
        except EngineTimeoutError:
            raise
        except EngineFailedError:
            # The process died, perhaps for want of memory and not for the text: a fresh one gets what time is left.
            header, data = self._ask(text, voice, timedelta(seconds=max(end - time.monotonic(), 0)))
        rate = header.get("rate")
        if not isinstance(rate, int):
            raise EngineFailedError(str(header.get("error", "espeak answered with neither sound nor error")))
        return Pcm(np.frombuffer(data, dtype=np.int16).astype(np.float32) * _SCALE, rate)

    def _voice(self, tag: str) -> Voice:
        return Voice(self.name, tag, espeak_voices.VOICES[tag], espeak_voices.LICENSE)

    def _ask(self, text: str, voice: Voice, time_limit: timedelta) -> tuple[Header, bytes]:
        return self._worker.request(
            {
                "text": text,
                "voice": voice.name,
                "words_per_minute": self._words_per_minute,
                "time_limit": time_limit.total_seconds(),
            },
            time_limit=time_limit,
        )

    def stop(self) -> None:
        """End the worker process."""
        self._worker.stop()


@functools.cache
def _wheel_version() -> str:
    # Python reads it from a file each time, and it is asked for with every text.
    return metadata.version("espeakng-loader")
