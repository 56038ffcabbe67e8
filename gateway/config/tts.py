"""The part of ``tocsin.yaml`` about speech."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from gateway.config.values import Length, Section, Whole, parse_language

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s?(?P<unit>KB|MB|GB)")
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_LARGEST_SIZE = 10**15


def parse_size(value: object) -> int:
    """Return the bytes that ``800KB``, ``500MB`` or ``1.5GB`` means, in powers of ten. Raises ``ValueError``."""
    match = _SIZE.fullmatch(value.strip().upper()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a size: write a number and a unit, as in 500MB or 4GB")
    size = int(float(match["number"]) * _UNITS[match["unit"]])
    if not 0 < size <= _LARGEST_SIZE:
        raise ValueError("not a size that this machine could have: write as in 500MB or 4GB")
    return size


def _any(voices: dict[str, "CoquiVoiceConfig"]) -> dict[str, "CoquiVoiceConfig"]:
    if not voices:
        raise ValueError("has no voice: write as in en: {model: tts_models/…}")
    return voices


Size = Annotated[int, BeforeValidator(parse_size)]
Language = Annotated[str, AfterValidator(parse_language)]
Text = Annotated[str, Field(min_length=1, max_length=255)]
EngineName = Literal["espeak", "piper", "coqui"]


class _ModelSection(Section):
    # pydantic's older releases reserve names that begin with "model_".
    model_config = ConfigDict(protected_namespaces=())


class PiperVoiceConfig(_ModelSection):
    """A voice of one's own: an ONNX model of Piper. Its settings are beside it in ``model_path`` + ``.json``."""

    model_path: Path
    config_path: Path | None = None
    speaker: Annotated[Whole, Field(ge=0)] | None = None
    license: Text | None = None


class PiperConfig(Section):
    """Voices of Piper by language. Languages that are not named have the bundled voice, where there is one."""

    voices: dict[Language, PiperVoiceConfig] = Field(default_factory=dict)


class CoquiVoiceConfig(_ModelSection):
    """One voice of Coqui: ``model`` by its name in Coqui's list, or the files of a model.

    ``language`` and ``speaker`` choose among those of a model that has several.
    """

    model: Annotated[str, Field(pattern=r"^tts_models/[\w-]+/[\w.-]+/[\w.-]+$")] | None = None
    model_path: Path | None = None
    config_path: Path | None = None
    vocoder_path: Path | None = None
    vocoder_config_path: Path | None = None
    speaker: Text | None = None
    language: Text | None = None
    license: Text | None = None

    @model_validator(mode="after")
    def _names_one_model(self) -> Self:
        if (self.model is None) == (self.model_path is None):
            raise ValueError("names no model, or two: write either model, or model_path and config_path")
        if (self.model_path is None) != (self.config_path is None):
            raise ValueError("a model of one's own has two files: write model_path and config_path")
        if (self.vocoder_path is None) != (self.vocoder_config_path is None):
            raise ValueError("a vocoder has two files: write vocoder_path and vocoder_config_path")
        return self


class CoquiConfig(Section):
    """Coqui: neural voices in a process of their own (the extra ``coqui``).

    ``models_dir`` is where downloaded models are; absent: ``models`` under ``var_dir``.
    """

    voices: Annotated[dict[Language, CoquiVoiceConfig], AfterValidator(_any)]
    device: Literal["auto", "cpu", "cuda"] = "auto"
    warm: bool = True
    threads: Annotated[Whole, Field(ge=1, le=256)] | None = None
    memory_limit: Size = 4 * 10**9
    load_limit: Length = timedelta(minutes=3)
    models_dir: Path | None = None
    accept_non_commercial: bool = False


class TtsConfig(Section):
    """Speech. ``espeak`` speaks whatever ``engine`` cannot; ``cache_size`` bounds the rendered audio on disk."""

    engine: EngineName = "espeak"
    piper: PiperConfig | None = None
    coqui: CoquiConfig | None = None
    time_limit: Length = timedelta(seconds=5)
    cache_size: Size = 10**9

    @model_validator(mode="after")
    def _engine_has_voices(self) -> Self:
        if self.engine == "coqui" and self.coqui is None:
            raise ValueError("the engine coqui has no voices: add coqui.voices, as in docs/speech.md")
        return self
