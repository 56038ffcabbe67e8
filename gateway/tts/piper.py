"""The engine piper: natural voices that are small enough for a processor, in a process of their own."""

import sys
from collections.abc import Sequence
from datetime import timedelta

from gateway.config.tts import PiperConfig
from gateway.tts.engine import Voice
from gateway.tts.kept import KeptEngine, fingerprint
from gateway.tts.piper_voices import SET_UP, PiperModel, VoiceRefusedError, check_model, models, piper_version
from gateway.tts.worker_process import WorkerProcess

_COMMAND = (sys.executable, "-m", "gateway.tts.piper_worker")
# Alerts are heard on a telephone, by people who were asleep: the bundled voice comes to some 160 words a minute.
_SLOWER = 1.15
_LOAD_LIMIT = timedelta(minutes=1)
_BYTES_AT_REST, _BYTES_A_VOICE = 400_000_000, 300_000_000


class PiperEngine(KeptEngine):
    """Piper's voices, each for a language: the bundled English one, and those of ``config``. Implements ``SlowEngine``.

    A voice whose files are not there is left out, with the reason in the log and in ``refusals``.
    """

    def __init__(self, config: PiperConfig, *, may_load: bool = True, command: Sequence[str] = _COMMAND) -> None:
        installed = piper_version()
        known = models(config)
        refusals = _refusals(known) if installed is not None else {}
        usable = {tag: model for tag, model in known.items() if tag not in refusals}
        self._version = f"{installed or 'absent'} {_fingerprint(usable)}"
        super().__init__(
            {tag: self._voice(tag, model) for tag, model in usable.items()},
            {
                tag: {
                    "model_path": str(model.model_path),
                    "config_path": str(model.config_path),
                    "speaker": model.speaker,
                    "slower": _SLOWER,
                }
                for tag, model in usable.items()
            },
            worker=WorkerProcess(
                command, name=self.name, memory_limit=_BYTES_AT_REST + _BYTES_A_VOICE * max(len(usable), 1)
            ),
            load_limit=_LOAD_LIMIT,
            refused=[self._voice(tag, known[tag]) for tag in refusals],
            refusals=refusals,
            problem=_problem(installed, known),
            may_load=may_load,
        )

    @property
    def name(self) -> str:
        """The engine's name in the configuration."""
        return "piper"

    @property
    def version(self) -> str:
        """The package's version, and what changes with the voices' files."""
        return self._version

    def _voice(self, tag: str, model: PiperModel) -> Voice:
        return Voice(self.name, tag, model.name, model.license)


def _problem(installed: str | None, known: dict[str, PiperModel]) -> str | None:
    if installed is None:
        return f"the extra piper is not installed: {SET_UP}"
    return None if known else f"there is no voice: {SET_UP}, or configure tts.piper.voices"


def _refusals(known: dict[str, PiperModel]) -> dict[str, str]:
    """Return why voices cannot be used, by language."""
    refusals: dict[str, str] = {}
    for tag, model in known.items():
        try:
            check_model(model)
        except VoiceRefusedError as error:
            refusals[tag] = str(error)
    return refusals


def _fingerprint(usable: dict[str, PiperModel]) -> str:
    """Return what changes whenever a voice is another one, in short."""
    files = [path for model in usable.values() for path in (model.model_path, model.config_path)]
    return fingerprint([_SLOWER, {tag: [model.name, model.speaker] for tag, model in usable.items()}], files)
