"""The engine coqui: neural voices, in a process of their own."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.config.tts import CoquiConfig, CoquiVoiceConfig
from gateway.tts.coqui_models import SET_UP, UNKNOWN_LICENSE, ModelRefusedError, check_voice, coqui_version, license_of
from gateway.tts.engine import Voice
from gateway.tts.kept import KeptEngine, fingerprint
from gateway.tts.worker_process import WorkerProcess

_COMMAND = (sys.executable, "-W", "ignore", "-m", "gateway.tts.coqui_worker")


class CoquiEngine(KeptEngine):
    """Coqui's voices, each for a language. Implements ``Engine`` and ``SlowEngine``.

    A voice that must not or cannot be used is left out, with the reason in the log and in ``refusals``.
    """

    def __init__(
        self, config: CoquiConfig, *, models_dir: Path, may_load: bool = True, command: Sequence[str] | None = None
    ) -> None:
        installed = coqui_version()
        # Without the package nothing is known of its models, and that is said once for all voices.
        refusals = _refusals(config, models_dir) if installed is not None else {}
        usable = {tag: voice for tag, voice in config.voices.items() if tag not in refusals}
        settings = config.model_dump(mode="json", include={"device", "threads", "accept_non_commercial"})
        settings["models_dir"] = str(models_dir)
        self._version = f"{installed or 'absent'} {_fingerprint(usable)}"
        super().__init__(
            {tag: self._voice(tag, voice) for tag, voice in usable.items()},
            {tag: {**voice.model_dump(mode="json"), "settings": settings} for tag, voice in usable.items()},
            worker=WorkerProcess(command or _COMMAND, name=self.name, memory_limit=config.memory_limit),
            load_limit=config.load_limit,
            refused=[
                Voice(self.name, tag, str(voice.model or voice.model_path), _stated_license(voice))
                for tag, voice in config.voices.items()
                if tag in refusals
            ],
            refusals=refusals,
            problem=None if installed is not None else f"the extra coqui is not installed: {SET_UP}",
            may_load=may_load,
            warm=config.warm,
        )

    @property
    def name(self) -> str:
        """The engine's name in the configuration."""
        return "coqui"

    @property
    def version(self) -> str:
        """The package's version, and what changes with the voices' settings and files."""
        return self._version

    def _voice(self, tag: str, voice: CoquiVoiceConfig) -> Voice:
        parts = [voice.model or str(voice.model_path), voice.speaker, voice.language]
        return Voice(self.name, tag, " ".join(part for part in parts if part), _stated_license(voice))


def _refusals(config: CoquiConfig, models_dir: Path) -> dict[str, str]:
    """Return why voices must not or cannot be used, by language."""
    refusals: dict[str, str] = {}
    for tag, voice in config.voices.items():
        try:
            check_voice(voice, config, models_dir)
        except ModelRefusedError as error:
            refusals[tag] = str(error)
    return refusals


def _fingerprint(voices: Mapping[str, CoquiVoiceConfig]) -> str:
    """Return what changes whenever a voice is another one, in short."""
    files = [path for voice in voices.values() for path in (voice.model_path, voice.config_path) if path]
    return fingerprint({tag: voice.model_dump(mode="json") for tag, voice in voices.items()}, files)


def _stated_license(voice: CoquiVoiceConfig) -> str:
    try:
        return license_of(voice)
    except ModelRefusedError:
        return UNKNOWN_LICENSE
