"""The 16 kHz file beside each 8 kHz one, which nobody waits for for long."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.ports.speech import WIDEBAND_SUFFIX, SpeechError
from gateway.tts import audio
from gateway.tts.audio_files import AudioFiles
from gateway.tts.engine import Engine, Pcm, SlowEngine, Voice

log = structlog.get_logger(__name__)

_THREADS = 2
# Encoding takes some milliseconds. A call on a busy machine goes without rather than wait for longer.
PATIENCE = timedelta(milliseconds=300)
_LIMIT = timedelta(seconds=30)


class WidebandFiles:
    """Writes the files of 16 kHz, from the samples that the file of 8 kHz was made of. Used from several threads."""

    def __init__(self, files: AudioFiles) -> None:
        self._files = files
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="speech-wideband")
        self._lock = threading.Lock()
        self._under_way: set[Path] = set()

    def beside(self, path: Path, pcm: Pcm, patience: timedelta) -> None:
        """Write the file beside ``path``; return when it stands there, or when ``patience`` is over."""
        done = self._start(path, lambda: pcm)
        if done is not None:
            try:
                done.result(min(patience, PATIENCE).total_seconds())
            except TimeoutError:
                log.info("wideband_late", file=path.name)

    def later(self, path: Path, text: str, *, engine: Engine, voice: Voice) -> None:
        """See to it that the file stands beside ``path``, for the next call; returns at once."""
        if self._files.duration(path.with_suffix(WIDEBAND_SUFFIX)) is not None:
            return
        if not isinstance(engine, SlowEngine):
            self._start(path, lambda: engine.synthesize(text, voice=voice, time_limit=_LIMIT))
            return
        with self._lock:
            if path in self._under_way:
                return
        if (speech := engine.speak_later(text, voice=voice)) is not None:
            speech.add_done_callback(lambda spoken: self._start(path, spoken.result))

    def stop(self) -> None:
        """Drop what is not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, path: Path, speak: Callable[[], Pcm]) -> Future[None] | None:
        with self._lock:
            if path in self._under_way:
                return None
            self._under_way.add(path)
        try:
            return self._pool.submit(self._make, path, speak)
        except RuntimeError:
            # It was stopped meanwhile.
            self._under_way.discard(path)
            return None

    def _make(self, path: Path, speak: Callable[[], Pcm]) -> None:
        try:
            self._files.write(path.with_suffix(WIDEBAND_SUFFIX), audio.encode_wideband(speak()))
        except (SpeechError, OSError, CancelledError) as error:
            # The call has its 8 kHz.
            log.warning("wideband_not_made", file=path.name, reason=str(error))
        finally:
            with self._lock:
                self._under_way.discard(path)
