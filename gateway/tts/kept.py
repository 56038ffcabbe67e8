"""What the engines have in common whose voices a ``WorkerKeeper`` keeps loaded."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.tts.engine import EngineNotReadyError, Pcm, UnknownLanguageError, Voice
from gateway.tts.framing import Header
from gateway.tts.keeper import WorkerKeeper
from gateway.tts.tags import best_match
from gateway.tts.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

SPEAK_LIMIT = timedelta(seconds=30)  # then it hangs, and no text of an alert takes that long


class KeptEngine(ABC):
    """Neural voices, one a language, in a process of their own. Implements ``Engine`` and ``SlowEngine``.

    ``voices`` can be used, and ``load_requests`` load them. ``refused`` are configured and must not or
    cannot be used, for the reasons in ``refusals``: their language is spoken by the next engine. ``problem`` says why
    none can be used. With ``may_load`` false nothing is ever loaded: such a process uses what others rendered.
    """

    def __init__(
        self,
        voices: Mapping[str, Voice],
        load_requests: Mapping[str, Header],
        *,
        worker: WorkerProcess,
        load_limit: timedelta,
        refused: Sequence[Voice] = (),
        refusals: Mapping[str, str] | None = None,
        problem: str | None = None,
        may_load: bool = True,
        warm: bool = True,
    ) -> None:
        self.problem = problem
        self.refusals = dict(refusals or {})
        self._voices = dict(voices)
        self._refused = tuple(refused)
        self._worker = worker
        self._keeper = WorkerKeeper(
            worker, load_requests, name=self.name, load_limit=load_limit, speak_limit=SPEAK_LIMIT
        )
        self._may_load = may_load
        self._warm = warm
        if problem is None:
            for tag, reason in self.refusals.items():
                log.error("speech_voice_refused", engine=self.name, language=tag, reason=reason)

    @property
    @abstractmethod
    def name(self) -> str:
        """The engine's name in the configuration."""

    @property
    @abstractmethod
    def version(self) -> str:
        """What changes whenever the same text would sound different."""

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker; ``None`` where none runs."""
        return self._worker.pid

    def voices(self) -> Sequence[Voice]:
        """Return the voices that can be used."""
        return list(self._voices.values())

    def refused_voices(self) -> Sequence[Voice]:
        """Return the voices that are configured and cannot be used, for the reasons in ``refusals``."""
        return self._refused

    def voice_for(self, language: str) -> Voice:
        """Return the voice for a language tag. Raises ``UnknownLanguageError``, ``EngineNotReadyError``."""
        if not self._voices and self.problem is not None:
            raise EngineNotReadyError(self.problem)
        tag = best_match(language, self._voices)
        if tag is None:
            known = ", ".join(sorted(self._voices)) or "nothing"
            raise UnknownLanguageError(f"{self.name} has no voice for the language {language!r}; it speaks {known}")
        return self._voices[tag]

    def synthesize(self, text: str, *, voice: Voice, time_limit: timedelta) -> Pcm:
        """Speak. Raises ``EngineNotReadyError`` at once while the voice is being loaded, or else as ``Engine`` does."""
        self._see_that_it_may_load()
        return self._keeper.speak(text, voice.language, time_limit)

    def speak_later(self, text: str, *, voice: Voice) -> "Future[Pcm] | None":
        """Have the text spoken when nothing is urgent; ``None`` also where no text has loaded the voices yet."""
        awake = self._may_load and self.problem is None and (self._warm or self._keeper.is_begun)
        return self._keeper.speak_later(text, voice.language) if awake else None

    def warm(self) -> None:
        """Begin to load the voices, where that is configured; returns at once."""
        if self._warm and self._may_load and self.problem is None:
            self._keeper.warm()

    def load(self, voice: Voice, *, time_limit: timedelta) -> None:
        """Load a voice and wait for it. Raises ``EngineNotReadyError`` with the reason."""
        self._see_that_it_may_load()
        self._keeper.load(voice.language, time_limit)

    def state(self) -> str:
        """Return ``ok`` and more, or what is wrong."""
        if self.problem is not None:
            return self.problem
        if self.refusals:
            return "; ".join(f"{tag}: {reason}" for tag, reason in self.refusals.items())
        return self._keeper.state()

    def stop(self) -> None:
        """End the worker process, whatever it does."""
        self._keeper.stop()

    def _see_that_it_may_load(self) -> None:
        if self.problem is not None:
            raise EngineNotReadyError(self.problem)
        if not self._may_load:
            raise EngineNotReadyError("this process only uses what the engine process has rendered")


def fingerprint(settings: object, files: Iterable[Path]) -> str:
    """Return what changes whenever the settings (as JSON) or one of the files are others, in short."""
    stats = [path.stat() for path in files if path.exists()]
    parts = [settings, [(stat.st_size, stat.st_mtime_ns) for stat in stats]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
