"""Building the speech of this installation from its configuration: one small factory an engine."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.config.schema import Config
from gateway.config.tts import EngineName
from gateway.tts.cache import CachedSpeech
from gateway.tts.engine import Engine
from gateway.tts.espeak import EspeakEngine


class NoEngineError(Exception):
    """The configured engine cannot be built; the message says what to do."""


def audio_dir(config: Config) -> Path:
    """Return where rendered speech is kept."""
    return config.var_dir.absolute() / "audio"


def build_speech(config: Config, *, directory: Path | None = None) -> CachedSpeech:
    """Return the speech of this installation, with its audio in ``directory`` (default: the installation's own)."""
    return CachedSpeech(build_engines(config), directory or audio_dir(config), time_limit=config.tts.time_limit)


def build_engines(config: Config) -> list[Engine]:
    """Return the engines in the order in which they are asked. The last one is always espeak."""
    return [_FACTORIES[name](config) for name in engine_names(config)]


def engine_names(config: Config) -> list[EngineName]:
    """Return the names of the engines in the order in which they are asked.

    The configured one comes first; piper stands in for coqui where it has a section of its own.
    """
    names: list[EngineName] = ["espeak"]
    if config.tts.engine == "piper" or (config.tts.engine == "coqui" and config.tts.piper is not None):
        names.insert(0, "piper")
    if config.tts.engine == "coqui":
        names.insert(0, "coqui")
    return names


def _espeak(_config: Config) -> Engine:
    return EspeakEngine()


def _piper(_config: Config) -> Engine:
    raise NoEngineError("this version has no engine piper yet: write tts.engine: espeak")


def _coqui(_config: Config) -> Engine:
    raise NoEngineError("this version has no engine coqui yet: write tts.engine: espeak")


_FACTORIES: Mapping[EngineName, Callable[[Config], Engine]] = {"espeak": _espeak, "piper": _piper, "coqui": _coqui}
