"""Speech from the cache, and from the first engine that can."""

import hashlib
import json
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.ports.speech import Audio, AudioFormat, SpeechError
from gateway.tts import audio
from gateway.tts.audio_files import AudioFiles
from gateway.tts.counts import SpeechCounts, SpeechFigures, SpeechObserver
from gateway.tts.engine import (
    Engine,
    EngineError,
    EngineFailedError,
    EngineNotReadyError,
    EngineTimeoutError,
    FallbackReason,
    Pcm,
    SlowEngine,
    TextRefusedError,
    Voice,
)
from gateway.tts.pruning import Pruner
from gateway.tts.wideband import WidebandFiles

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SUFFIXES = {AudioFormat.PHONE: ".wav", AudioFormat.VOICE_NOTE: ".ogg"}
_RECIPE = 2  # raised whenever gateway.tts.audio makes other files of the same samples
_LARGEST_RESERVE = timedelta(seconds=2)
_LONGEST_TEXT = 10_000


class CachedSpeech:
    """Speaks with the first of ``engines`` that can; the last one is the default engine. Implements ``Speech``.

    ``time_limit`` bounds one ``render`` as a whole. An engine before the last gets
    what the default one does not need of it (half, but all but two seconds at most), and
    after a failure rests for ``rest``, so that a hanging engine delays one call and not every one.
    Audio of an engine that rests is still used where it is in the cache. What a slow engine
    finishes too late goes into the cache, for the next call.

    With ``wideband`` the audio of calls is written at 16 kHz as well, without being spoken twice. Whenever so much was
    written that the cache may have outgrown ``size`` bytes, it is pruned. ``observer`` is told of each utterance.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        directory: Path,
        *,
        time_limit: timedelta,
        rest: timedelta = timedelta(seconds=30),
        wideband: bool = False,
        size: int | None = None,
        observer: SpeechObserver | None = None,
    ) -> None:
        if not engines:
            raise ValueError("at least one engine is needed")
        self._engines = tuple(engines)
        self._files = AudioFiles(directory)
        self._wideband = WidebandFiles(self._files) if wideband else None
        self._pruner = Pruner(self._files, size)
        self._time_limit = time_limit
        self._rest = rest
        self._rests_until: dict[str, float] = {}
        self._counts = SpeechCounts(observer)
        self._awaited: set[Path] = set()  # late speech that is on its way to the cache
        self._awaited_lock = threading.Lock()

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        """Return the text as audio. Raises ``SpeechError`` with the reason of every engine that failed."""
        return self._render(text, language, audio_format, hurried=False)

    @property
    def hurried(self) -> "HurriedSpeech":
        """The same speech, waiting for no slow engine: for sentences that the next call has again."""
        return HurriedSpeech(self._render)

    def warm(self) -> None:
        """Have slow engines load their voices; returns at once."""
        for engine in self._engines:
            if isinstance(engine, SlowEngine):
                engine.warm()

    def figures(self) -> SpeechFigures:
        """Return how often each engine spoke, and why another one had to."""
        return self._counts.figures()

    def states(self) -> dict[str, str]:
        """Return how the slow engines are, each ``ok`` or what is wrong with it."""
        return {engine.name: engine.state() for engine in self._engines if isinstance(engine, SlowEngine)}

    def _render(self, text: str, language: str, audio_format: AudioFormat, *, hurried: bool) -> Audio:
        normalised = _normalised(text)
        end = time.monotonic() + self._time_limit.total_seconds()
        failures: list[EngineError] = []
        for engine in self._engines:
            try:
                return self._render_with(engine, normalised, language, audio_format, end, hurried=hurried)
            except EngineError as error:
                failures.append(error)
                self._note(error, engine, language)
        if len(failures) == 1:
            raise failures[0]
        reasons = "; ".join(f"{engine.name}: {error}" for engine, error in zip(self._engines, failures, strict=True))
        raise SpeechError(f"no engine could speak the text: {reasons}") from failures[-1]

    def voices(self) -> Sequence[Voice]:
        """Return the voices of all engines."""
        return [voice for engine in self._engines for voice in engine.voices()]

    def prune(self, unused_for: timedelta) -> int:
        """Delete audio that was not used for that long, or is too much; return the number of files."""
        return self._pruner.prune(unused_for)

    def stop(self) -> None:
        """Stop the engines."""
        if self._wideband is not None:
            self._wideband.stop()
        for engine in self._engines:
            engine.stop()

    def _note(self, error: EngineError, engine: Engine, language: str) -> None:
        """Log and count that an engine did not speak, and let it rest where it failed."""
        self._counts.fell_back(engine.name, error.reason)
        if isinstance(error, EngineFailedError):
            self._rests_until[engine.name] = time.monotonic() + self._rest.total_seconds()
        if error.reason is FallbackReason.NO_VOICE:
            return  # It is meant to be so.
        level = log.warning if isinstance(error, EngineFailedError | TextRefusedError) else log.info
        level("speech_fell_back", engine=engine.name, language=language, kind=error.reason, reason=str(error))

    def _render_with(
        self, engine: Engine, text: str, language: str, audio_format: AudioFormat, end: float, *, hurried: bool
    ) -> Audio:
        voice = engine.voice_for(language)
        path = self._files.path(_digest(engine, voice, audio_format, text), _SUFFIXES[audio_format])
        duration = self._files.duration(path)
        if duration is None:
            if engine is not self._engines[-1] and time.monotonic() < self._rests_until.get(engine.name, 0):
                raise _RestingError("it failed a moment ago and is not asked again yet")
            limit = self._limit(engine, end)
            try:
                if hurried and isinstance(engine, SlowEngine):
                    later = engine.speak_later(text, voice=voice)
                    raise EngineNotReadyError("it is spoken for the next call", late=later)
                content, seconds, pcm = _within(
                    limit, engine.name, lambda: _speak(engine, text, voice, audio_format, limit)
                )
            except EngineError as error:
                if error.late is not None:
                    self._keep_late(error.late, path, engine, audio_format)
                raise
            try:
                self._files.write(path, content)
            except OSError as error:
                raise SpeechError(f"the audio could not be written to {path.parent}: {error}") from error
            self._pruner.written(len(content))
            if self._wideband is not None and audio_format is AudioFormat.PHONE:
                self._pruner.written(2 * len(content))
                self._wideband.beside(path, pcm, timedelta(seconds=max(end - time.monotonic(), 0)))
            duration = timedelta(seconds=seconds)
            log.info("speech_rendered", engine=engine.name, voice=voice.name, format=audio_format, seconds=seconds)
            self._counts.spoke(engine.name)
        else:
            self._counts.found(engine.name)
            if self._wideband is not None and audio_format is AudioFormat.PHONE:
                self._wideband.later(path, text, engine=engine, voice=voice)
        return Audio(path=path, duration=duration, engine=engine.name)

    def _keep_late(self, late: "Future[Pcm]", path: Path, engine: Engine, audio_format: AudioFormat) -> None:
        with self._awaited_lock:
            if path in self._awaited:
                return
            self._awaited.add(path)

        def keep(done: "Future[Pcm]") -> None:
            with self._awaited_lock:
                self._awaited.discard(path)
            try:
                pcm = done.result()
                content, seconds = audio.encode(pcm, audio_format)
                self._files.write(path, content)
            except (SpeechError, CancelledError, OSError) as error:
                # Nobody waits for it, and whoever asks again is told.
                log.info("late_speech_dropped", engine=engine.name, reason=str(error))
            else:
                self._pruner.written(len(content))
                if self._wideband is not None and audio_format is AudioFormat.PHONE:
                    self._wideband.beside(path, pcm, timedelta())
                self._counts.was_late(engine.name)
                log.info("late_speech_kept", engine=engine.name, format=audio_format, seconds=seconds)

        late.add_done_callback(keep)

    def _limit(self, engine: Engine, end: float) -> timedelta:
        left = timedelta(seconds=max(end - time.monotonic(), 0))
        return left if engine is self._engines[-1] else left - min(left / 2, _LARGEST_RESERVE)


class HurriedSpeech:
    """Speech that waits for no slow engine. Implements ``Speech``."""

    def __init__(self, render: Callable[..., Audio]) -> None:
        self._render = render

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        """Return the text as a slow engine spoke it before, or else as the next one speaks it now."""
        return self._render(text, language, audio_format, hurried=True)


class _RestingError(EngineError):
    """The engine was not asked."""

    reason = FallbackReason.RESTING


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
) -> tuple[bytes, float, Pcm]:
    pcm = engine.synthesize(text, voice=voice, time_limit=time_limit)
    try:
        return *audio.encode(pcm, audio_format), pcm
    except SpeechError as error:
        # Silence, or more sound than fits: another engine's may do.
        raise TextRefusedError(str(error)) from error


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
    except EngineError:
        raise
    except Exception as error:
        raise EngineFailedError(f"{engine} failed with {type(error).__name__}: {error}") from error
