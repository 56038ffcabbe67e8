"""Speech from the cache, and from the first engine that can."""

import hashlib
import json
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.ports.speech import Audio, AudioFormat, SpeechError
from gateway.tts import audio
from gateway.tts.audio_files import AudioFiles
from gateway.tts.engine import Engine, EngineFailedError, EngineTimeoutError, UnknownLanguageError, Voice

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SUFFIXES = {AudioFormat.PHONE: ".wav", AudioFormat.VOICE_NOTE: ".ogg"}
_RECIPE = 1  # raised whenever gateway.tts.audio makes other files of the same samples
_LARGEST_RESERVE = timedelta(seconds=2)
_LONGEST_TEXT = 10_000


class CachedSpeech:
    """Speaks with the first of ``engines`` that can; the last one is the default engine. Implements ``Speech``.

    ``time_limit`` bounds one ``render`` as a whole. An engine before the last gets
    what the default one does not need of it (half, but all but two seconds at most), and
    after a failure rests for ``rest``, so that a hanging engine delays one call and not every one.
    Audio of an engine that rests is still used where it is in the cache.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        directory: Path,
        *,
        time_limit: timedelta,
        rest: timedelta = timedelta(seconds=30),
    ) -> None:
        if not engines:
            raise ValueError("at least one engine is needed")
        self._engines = tuple(engines)
        self._files = AudioFiles(directory)
        self._time_limit = time_limit
        self._rest = rest
        self._rests_until: dict[str, float] = {}

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        """Return the text as audio. Raises ``SpeechError`` with the reason of every engine that failed."""
        normalised = _normalised(text)
        end = time.monotonic() + self._time_limit.total_seconds()
        failures: list[SpeechError] = []
        for engine in self._engines:
            try:
                return self._render_with(engine, normalised, language, audio_format, end)
            except UnknownLanguageError as error:
                failures.append(error)
            except EngineFailedError as error:
                self._rests_until[engine.name] = time.monotonic() + self._rest.total_seconds()
                failures.append(error)
                log.warning("speech_engine_failed", engine=engine.name, language=language, reason=str(error))
            except _RestingError as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        reasons = "; ".join(f"{engine.name}: {error}" for engine, error in zip(self._engines, failures, strict=True))
        raise SpeechError(f"no engine could speak the text: {reasons}") from failures[-1]

    def voices(self) -> Sequence[Voice]:
        """Return the voices of all engines."""
        return [voice for engine in self._engines for voice in engine.voices()]

    def prune(self, unused_for: timedelta) -> int:
        """Delete audio that was not used for that long; return the number of files."""
        return self._files.prune(unused_for)

    def stop(self) -> None:
        """Stop the engines."""
        for engine in self._engines:
            engine.stop()

    def _render_with(self, engine: Engine, text: str, language: str, audio_format: AudioFormat, end: float) -> Audio:
        voice = engine.voice_for(language)
        path = self._files.path(_digest(engine, voice, audio_format, text), _SUFFIXES[audio_format])
        duration = self._files.duration(path)
        if duration is None:
            if engine is not self._engines[-1] and time.monotonic() < self._rests_until.get(engine.name, 0):
                raise _RestingError("it failed a moment ago and is not asked again yet")
            limit = self._limit(engine, end)
            content, seconds = _within(limit, engine.name, lambda: _speak(engine, text, voice, audio_format, limit))
            try:
                self._files.write(path, content)
            except OSError as error:
                raise SpeechError(f"the audio could not be written to {path.parent}: {error}") from error
            duration = timedelta(seconds=seconds)
            log.info("speech_rendered", engine=engine.name, voice=voice.name, format=audio_format, seconds=seconds)
        return Audio(path=path, duration=duration, engine=engine.name)

    def _limit(self, engine: Engine, end: float) -> timedelta:
        left = timedelta(seconds=max(end - time.monotonic(), 0))
        return left if engine is self._engines[-1] else left - min(left / 2, _LARGEST_RESERVE)


class _RestingError(SpeechError):
    """The engine was not asked."""


def _normalised(text: str) -> str:
    """Return the text as it is hashed and spoken: composed, without control characters, with single spaces."""
    characters = (" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)
    normalised = " ".join(unicodedata.normalize("NFC", "".join(characters)).split())
    if not normalised:
        raise SpeechError("there is nothing to say: the text is empty")
    if len(normalised) > _LONGEST_TEXT:
        raise SpeechError(f"a text of {len(normalised)} characters is too long: shorten it to {_LONGEST_TEXT}")
    return normalised


def _digest(engine: Engine, voice: Voice, audio_format: AudioFormat, text: str) -> str:
    parts = [_RECIPE, engine.name, engine.version, voice.name, voice.language, audio_format.value, text]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _speak(
    engine: Engine, text: str, voice: Voice, audio_format: AudioFormat, time_limit: timedelta
) -> tuple[bytes, float]:
    return audio.encode(engine.synthesize(text, voice=voice, time_limit=time_limit), audio_format)


def _within(limit: timedelta, engine: str, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, done on a thread of its own that is left behind when it takes too long.

    An engine holds to its time limit by itself; this holds also where one does not, and
    while the audio is encoded. Whatever an engine raises becomes a ``SpeechError``.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  it is raised again below, on the thread that waits
            done.set_exception(error)

    threading.Thread(target=run, name=f"speech-{engine}", daemon=True).start()
    try:
        return done.result(limit.total_seconds())
    except TimeoutError as error:
        raise EngineTimeoutError(f"{engine} did not speak within {limit}") from error
    except SpeechError:
        raise
    except Exception as error:
        raise EngineFailedError(f"{engine} failed with {type(error).__name__}: {error}") from error
