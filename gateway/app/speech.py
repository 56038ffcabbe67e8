"""Building the speech of this installation from its configuration: one small factory an engine."""

from pathlib import Path

from gateway.config.schema import Config
from gateway.config.tts import EngineName, PiperConfig
from gateway.tts.cache import CachedSpeech
from gateway.tts.coqui import CoquiEngine
from gateway.tts.counts import SpeechObserver
from gateway.tts.engine import Engine
from gateway.tts.espeak import EspeakEngine
from gateway.tts.piper import PiperEngine


class NoEngineError(Exception):
    """The configured engine cannot be built; the message says what to do."""


def audio_dir(config: Config) -> Path:
    """Return where rendered speech is kept."""
    return config.var_dir.absolute() / "audio"


def models_dir(config: Config) -> Path:
    """Return where Coqui's models are downloaded to."""
    own = config.tts.coqui.models_dir if config.tts.coqui is not None else None
    return (own or config.var_dir / "models").absolute()


def build_speech(
    config: Config, *, directory: Path | None = None, may_load: bool = True, meter: SpeechObserver | None = None
) -> CachedSpeech:
    """Return the speech of this installation, with its audio in ``directory`` (default: the installation's own).

    With ``may_load`` false, engines whose voices take much memory are used only for what is in the cache.
    ``meter`` is told of each utterance.
    """
    return CachedSpeech(
        build_engines(config, may_load=may_load),
        directory or audio_dir(config),
        time_limit=config.tts.time_limit,
        wideband=config.asterisk is not None and config.asterisk.wideband,
        size=config.tts.cache_size,
        observer=meter,
    )


def build_engines(config: Config, *, may_load: bool = True) -> list[Engine]:
    """Return the engines in the order in which they are asked."""
    return [build_engine(name, config, may_load=may_load) for name in engine_names(config)]


def build_engine(name: EngineName, config: Config, *, may_load: bool = True) -> Engine:
    """Return the engine of that name. Raises ``NoEngineError``."""
    match name:
        case "espeak":
            return EspeakEngine()
        case "piper":
            return _piper(config, may_load=may_load)
        case "coqui":
            return _coqui(config, may_load=may_load)


def engine_names(config: Config) -> list[EngineName]:
    """Return the names of the engines in the order in which they are asked.

    The configured one comes first; piper stands in for coqui where it has a section of its own. The last one is espeak.
    """
    names: list[EngineName] = ["espeak"]
    if config.tts.engine == "piper" or (config.tts.engine == "coqui" and config.tts.piper is not None):
        names.insert(0, "piper")
    if config.tts.engine == "coqui":
        names.insert(0, "coqui")
    return names


def _piper(config: Config, *, may_load: bool) -> Engine:
    return PiperEngine(config.tts.piper or PiperConfig(), may_load=may_load)


def _coqui(config: Config, *, may_load: bool) -> Engine:
    if config.tts.coqui is None:
        raise NoEngineError("the engine coqui has no voices: add tts.coqui.voices, as in docs/speech.md")
    return CoquiEngine(config.tts.coqui, models_dir=models_dir(config), may_load=may_load)
