"""What is known of Coqui's models without loading them: names, licences, and which are on this machine."""

import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from gateway.config.tts import CoquiConfig, CoquiVoiceConfig

UNKNOWN_LICENSE = "unknown"
SET_UP = "run vagrant/setup.sh coqui, or: pip install 'tocsin[coqui]'"

# Creative Commons' NC licences, Coqui's own (CPML, of the XTTS models), and whoever says so in words.
_NON_COMMERCIAL = re.compile(r"\b(cpml|coqui public model|nc|non-?commercial|research only)\b", re.IGNORECASE)
# Meta's MMS voices are in no list; Coqui fetches them by name. Their licence is that of the MMS release.
_FAIRSEQ, _FAIRSEQ_LICENSE = "fairseq", "CC BY-NC 4.0"
_XTTS_LICENSE = "CPML"


class ModelRefusedError(Exception):
    """The voice must not or cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model of Coqui's list: its licence as stated there, and the vocoder that it needs."""

    name: str
    license: str
    vocoder: str | None = None
    terms_to_accept: bool = False


def coqui_version() -> str | None:
    """Return the version of the installed coqui-tts; ``None`` where the extra is not installed."""
    if importlib.util.find_spec("TTS") is None or importlib.util.find_spec("torch") is None:
        return None
    try:
        return metadata.version("coqui-tts")
    except metadata.PackageNotFoundError:
        return None


def find_model(name: str) -> ModelInfo:
    """Return what Coqui's list says of a model. Raises ``ModelRefusedError`` for one that is not in it."""
    _, language, dataset, model = name.split("/")
    if dataset == _FAIRSEQ:
        return ModelInfo(name, _FAIRSEQ_LICENSE)
    item = _catalogue().get("tts_models", {}).get(language, {}).get(dataset, {}).get(model)
    if item is None:
        raise ModelRefusedError(f"Coqui has no model {name}: {SET_UP if coqui_version() is None else _similar(name)}")
    return ModelInfo(
        name,
        str(item.get("license") or UNKNOWN_LICENSE).strip(),
        vocoder=str(item["default_vocoder"]) if item.get("default_vocoder") else None,
        terms_to_accept=bool(item.get("tos_required")),
    )


def is_non_commercial(license_name: str) -> bool:
    """Tell whether a licence forbids commercial use."""
    return _NON_COMMERCIAL.search(license_name) is not None


def license_of(voice: CoquiVoiceConfig) -> str:
    """Return the licence of a voice. Raises ``ModelRefusedError`` for a name that Coqui does not know."""
    if voice.model is not None:
        return find_model(voice.model).license
    if voice.license is not None:
        return voice.license
    return _XTTS_LICENSE if _architecture(voice.config_path) == "xtts" else UNKNOWN_LICENSE


def check_voice(voice: CoquiVoiceConfig, config: CoquiConfig, models_dir: Path) -> None:
    """See that a voice may be used and that its files are there. Raises ``ModelRefusedError``."""
    check_license(str(voice.model or voice.model_path), license_of(voice), config)
    if voice.model is not None and not is_downloaded(voice.model, models_dir):
        raise ModelRefusedError(
            f"{voice.model} is not on this machine: run tocsin tts download, or give model_path and config_path"
        )
    for path in (voice.model_path, voice.config_path, voice.vocoder_path, voice.vocoder_config_path):
        if path is not None and not path.exists():
            raise ModelRefusedError(f"{path} does not exist: check the paths of the voice")


def check_license(name: str, license_name: str, config: CoquiConfig) -> None:
    """See that a licence permits what the gateway does. Raises ``ModelRefusedError``."""
    if is_non_commercial(license_name) and not config.accept_non_commercial:
        raise ModelRefusedError(
            f"{name} may not be used commercially (licence {license_name}): choose another voice, or state with "
            "tts.coqui.accept_non_commercial: true that you may use it"
        )


def is_downloaded(name: str, models_dir: Path) -> bool:
    """Tell whether a model and its vocoder are in ``models_dir``."""
    model = find_model(name)
    names = [name] if model.vocoder is None else [name, model.vocoder]
    return all(model_directory(each, models_dir).is_dir() for each in names)


def model_directory(name: str, models_dir: Path) -> Path:
    """Return where Coqui's model manager keeps a model."""
    return models_dir / "tts" / name.replace("/", "--")


@functools.cache
def _catalogue() -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, dict[str, object]]]]]:
    """Return the list that comes with the package, read without importing it: that takes seconds."""
    spec = importlib.util.find_spec("TTS")
    if spec is None or spec.origin is None:
        return {}
    try:
        catalogue: dict[str, dict[str, dict[str, dict[str, dict[str, object]]]]] = json.loads(
            (Path(spec.origin).parent / ".models.json").read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return {}
    return catalogue


def _similar(name: str) -> str:
    language = name.split("/")[1]
    datasets = _catalogue().get("tts_models", {}).get(language, {})
    names = [f"tts_models/{language}/{dataset}/{model}" for dataset, models in datasets.items() for model in models]
    return f"for {language} it has {', '.join(names)}" if names else f"it has no model for {language}"


def _architecture(config_path: Path | None) -> str | None:
    if config_path is None:
        return None
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    model = config.get("model") if isinstance(config, dict) else None
    return model.lower() if isinstance(model, str) else None
