"""The engine coqui: neural voices, in a process of their own."""

import hashlib
import json
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.config.tts import CoquiConfig, CoquiVoiceConfig
from gateway.tts.coqui_models import SET_UP, UNKNOWN_LICENSE, ModelRefusedError, check_voice, coqui_version, license_of
from gateway.tts.engine import EngineNotReadyError, Pcm, UnknownLanguageError, Voice
from gateway.tts.framing import Header
from gateway.tts.keeper import WorkerKeeper
from gateway.tts.tags import best_match
from gateway.tts.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

_COMMAND = (sys.executable, "-W", "ignore", "-m", "gateway.tts.coqui_worker")
_SPEAK_LIMIT = timedelta(seconds=30)  # then it hangs, and no text of an alert takes that long


class CoquiEngine:
    """Coqui's voices, each for a language. Implements ``Engine`` and ``SlowEngine``.

    A voice that must not or cannot be used is left out, with the reason in the log and in ``refusals``: its language
    is then spoken by the next engine. With ``may_load`` false nothing is ever loaded: such a process uses
    what others rendered.
    """

    def __init__(
        self, config: CoquiConfig, *, models_dir: Path, may_load: bool = True, command: Sequence[str] = _COMMAND
    ) -> None:
        self._config = config
        self._models_dir = models_dir
        self._may_load = may_load
        self._installed = coqui_version()
        self.refusals: dict[str, str] = {}
        self._voices = {tag: voice for tag, voice in config.voices.items() if self._is_usable(tag, voice)}
        self._licenses = {tag: _stated_license(voice) for tag, voice in self._voices.items()}
        self._version = f"{self._installed or 'absent'} {self._fingerprint()}"
        self._worker = WorkerProcess(command, name=self.name, memory_limit=config.memory_limit)
        self._keeper = WorkerKeeper(
            self._worker,
            {tag: self._load_request(voice) for tag, voice in self._voices.items()},
            name=self.name,
            load_limit=config.load_limit,
            speak_limit=_SPEAK_LIMIT,
        )

    @property
    def name(self) -> str:
        """The engine's name in the configuration."""
        return "coqui"

    @property
    def version(self) -> str:
        """The package's version, and what changes with the voices' settings and files."""
        return self._version

    @property
    def worker_pid(self) -> int | None:
        """The process id of the worker; ``None`` where none runs."""
        return self._worker.pid

    def voices(self) -> Sequence[Voice]:
        """Return the voices that can be used."""
        return [self._voice(tag) for tag in self._voices]

    def voice_for(self, language: str) -> Voice:
        """Return the voice for a language tag. Raises ``UnknownLanguageError``."""
        tag = best_match(language, self._voices)
        if tag is None:
            known = ", ".join(sorted(self._voices)) or "nothing"
            raise UnknownLanguageError(f"coqui has no voice for the language {language!r}; it speaks {known}")
        return self._voice(tag)

    def synthesize(self, text: str, *, voice: Voice, time_limit: timedelta) -> Pcm:
        """Speak. Raises ``EngineNotReadyError`` at once while the voice is being loaded, or else as ``Engine`` does."""
        self._see_that_it_may_load()
        return self._keeper.speak(text, voice.language, time_limit)

    def speak_later(self, text: str, *, voice: Voice) -> "Future[Pcm] | None":
        """Have the text spoken when nothing is urgent; ``None`` also where no text has loaded the voices yet."""
        awake = self._may_load and self._installed is not None and (self._config.warm or self._keeper.is_begun)
        return self._keeper.speak_later(text, voice.language) if awake else None

    def warm(self) -> None:
        """Begin to load the voices, where that is configured; returns at once."""
        if self._config.warm and self._may_load and self._installed:
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

    @property
    def problem(self) -> str | None:
        """Why none of the voices can be used; ``None`` where that is not so."""
        return None if self._installed is not None else f"the extra coqui is not installed: {SET_UP}"

    def refused_voices(self) -> Sequence[Voice]:
        """Return the voices that are configured and cannot be used, for the reasons in ``refusals``."""
        return [
            Voice(self.name, tag, str(voice.model or voice.model_path), _stated_license(voice))
            for tag, voice in self._config.voices.items()
            if tag in self.refusals
        ]

    def stop(self) -> None:
        """End the worker process, whatever it does."""
        self._keeper.stop()

    def _is_usable(self, tag: str, voice: CoquiVoiceConfig) -> bool:
        if self._installed is None:
            return True  # That is said once, for all of them.
        try:
            check_voice(voice, self._config, self._models_dir)
        except ModelRefusedError as error:
            self.refusals[tag] = str(error)
        else:
            return True
        log.error("speech_voice_refused", engine=self.name, language=tag, reason=self.refusals[tag])
        return False

    def _see_that_it_may_load(self) -> None:
        if self.problem is not None:
            raise EngineNotReadyError(self.problem)
        if not self._may_load:
            raise EngineNotReadyError("this process only uses what the engine process has rendered")

    def _voice(self, tag: str) -> Voice:
        voice = self._voices[tag]
        parts = [voice.model or str(voice.model_path), voice.speaker, voice.language]
        return Voice(self.name, tag, " ".join(part for part in parts if part), self._licenses[tag])

    def _load_request(self, voice: CoquiVoiceConfig) -> Header:
        settings = self._config.model_dump(mode="json", include={"device", "threads", "accept_non_commercial"})
        return {**voice.model_dump(mode="json"), "settings": {**settings, "models_dir": str(self._models_dir)}}

    def _fingerprint(self) -> str:
        """Return what changes whenever a voice is another one, in short."""
        files = [path for voice in self._voices.values() for path in (voice.model_path, voice.config_path) if path]
        stats = [path.stat() for path in files if path.exists()]
        settings = {tag: voice.model_dump(mode="json") for tag, voice in self._voices.items()}
        parts = [settings, [(stat.st_size, stat.st_mtime_ns) for stat in stats]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _stated_license(voice: CoquiVoiceConfig) -> str:
    try:
        return license_of(voice)
    except ModelRefusedError:
        return UNKNOWN_LICENSE
