"""The process that speaks with Coqui: ``python -m gateway.tts.coqui_worker``.

It is one of ``gateway.tts.serving``. Nothing is downloaded here.
"""

import contextlib
import importlib
import importlib.machinery
import logging
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gateway.tts.coqui_models import find_model, model_directory
from gateway.tts.serving import CannotSpeakError, run

_TRIAL_TEXT = "One."


class CoquiVoice:
    """A loaded voice. Raises ``CannotSpeakError``, and what the library raises."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        torch = importlib.import_module("torch")
        api = importlib.import_module("TTS.api")
        settings = request["settings"]
        torch.set_num_threads(settings["threads"] or max((os.cpu_count() or 1) - 1, 1))
        self._torch = torch
        self._tts = api.TTS(progress_bar=False, **_files(request)).to(_device(torch, settings["device"]))
        self._speaker, self._language = request["speaker"], request["language"]
        self._choose("speaker", self._speaker, self._tts.speakers)
        self._choose("language", self._language, self._tts.languages)
        # The first utterance is slow, as much is set up with it: it is not left to a call. Some models
        # cannot speak this text, which does not matter.
        with contextlib.suppress(Exception):
            self.speak(_TRIAL_TEXT)

    @staticmethod
    def _choose(what: str, chosen: str | None, offered: list[str] | None) -> None:
        several = offered or []
        if chosen is None and len(several) > 1:
            raise CannotSpeakError(f"the model has several: write {what}: one of {', '.join(several)}")
        if chosen is not None and chosen not in several:
            has = f"has {', '.join(several)}" if several else f"has no choice of a {what}"
            raise CannotSpeakError(f"{what} {chosen!r} is none of the model's: it {has}")

    def speak(self, text: str) -> tuple[int, bytes]:
        """Return the rate and the samples, 32-bit numbers in the machine's byte order."""
        if unreadable := self._unreadable(text):
            raise CannotSpeakError(f"the voice would leave out {' '.join(unreadable)}")
        # Neural voices draw random numbers: the same text is to sound the same.
        self._torch.manual_seed(0)
        with self._torch.inference_mode():
            samples = self._tts.tts(text, speaker=self._speaker, language=self._language, split_sentences=True)
        rate = int(self._tts.synthesizer.output_sample_rate)
        return rate, np.asarray(samples, dtype=np.float32).tobytes()

    def _unreadable(self, text: str) -> list[str]:
        """Return the letters and digits that the model does not know and would pass over in silence.

        Of an alert from "gate 3", a model whose alphabet has no digits says "gate". Those that read phonemes know all.
        """
        tokenizer = getattr(self._tts.synthesizer.tts_model, "tokenizer", None)
        if tokenizer is None or getattr(tokenizer, "use_phonemes", True) or tokenizer.text_cleaner is None:
            return []
        known = tokenizer.characters.vocab
        return sorted({letter for letter in tokenizer.text_cleaner(text) if letter.isalnum() and letter not in known})


def _device(torch: Any, wanted: str) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise CannotSpeakError("there is no GPU that torch can use: write device: auto, or install torch for CUDA")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _files(request: Mapping[str, Any]) -> Mapping[str, str | None]:
    """Return the paths of a voice's files, as the library's constructor names them."""
    if request["model"] is None:
        names = ("model_path", "config_path", "vocoder_path", "vocoder_config_path")
        return {name: request[name] for name in names}
    models_dir = Path(request["settings"]["models_dir"])
    manage = importlib.import_module("TTS.utils.manage")
    manager = manage.ModelManager(output_prefix=models_dir, progress_bar=False)
    model, vocoder = request["model"], find_model(request["model"]).vocoder
    for name in filter(None, (model, vocoder)):
        # Coqui's manager would download what is not there: a call at night is no time for that.
        if not model_directory(name, models_dir).is_dir():
            raise CannotSpeakError(f"{name} is not on this machine: run tocsin tts download")
    model_path, config_path, _ = manager.download_model(model)
    files = {"model_path": str(model_path), "config_path": str(config_path)}
    if vocoder is None:
        return files
    vocoder_path, vocoder_config_path, _ = manager.download_model(vocoder)
    return files | {"vocoder_path": str(vocoder_path), "vocoder_config_path": str(vocoder_config_path)}


def prepare(request: Mapping[str, Any]) -> None:
    """Set up what the libraries look at when they are imported."""
    settings = request.get("settings") or {}
    models_dir = settings.get("models_dir", "")
    os.environ |= {
        "TTS_HOME": models_dir,
        "HF_HOME": str(Path(models_dir) / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "MPLBACKEND": "Agg",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if settings.get("accept_non_commercial"):
        # The library asks for this on the terminal otherwise; the configuration has answered.
        os.environ["COQUI_TOS_AGREED"] = "1"
    # What the libraries warn of would put the alerts' texts into the log, a line for each.
    logging.disable(logging.WARNING)
    make_importable()


def make_importable() -> None:
    """Stand in for torchaudio and torchcodec where they are absent, or made for another machine.

    coqui-tts refuses to be imported without them and needs them to train and to read sound files, not to speak.
    The builds on PyPI are linked against CUDA and do not load beside a torch without it.
    """
    for name in ("torchaudio", "torchcodec"):
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001  their loaders raise OSError, RuntimeError and more
            module = types.ModuleType(name, f"Stands in for {name}, which speaking does not need.")
            module.__spec__ = importlib.machinery.ModuleSpec(name, None)
            sys.modules[name] = module


def main() -> None:
    """Serve on standard input and output."""
    run(CoquiVoice, prepare)


if __name__ == "__main__":
    main()
