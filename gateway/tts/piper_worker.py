"""The process that speaks with Piper: ``python -m gateway.tts.piper_worker``.

It is one of ``gateway.tts.serving``. The package ``piper-tts`` and the espeak-ng in it, by which it turns text into
sounds, are GPL-3.0-or-later: they are loaded here and nowhere else. Nothing is downloaded.
"""

import importlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gateway.tts.framing import Header
from gateway.tts.serving import CannotSpeakError, run

_TRIAL_TEXT = "One."
# Phonemes by espeak-ng, and letters as they are, need nothing else. Others would fetch models from the network.
_PHONEMES = ("espeak", "text")


class PiperVoice:
    """A loaded voice. Raises ``CannotSpeakError``, and what the libraries raise."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        piper = importlib.import_module("piper")
        onnxruntime = importlib.import_module("onnxruntime")
        settings = json.loads(Path(request["config_path"]).read_text(encoding="utf-8"))
        if (kind := settings.get("phoneme_type", _PHONEMES[0])) not in _PHONEMES:
            raise CannotSpeakError(f"its phonemes are of the kind {kind}, which needs more than is installed")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max((os.cpu_count() or 1) - 1, 1)
        # Threads that wait for the next step by spinning would take the processor from the calls' sound.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(request["model_path"]), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._voice = piper.PiperVoice(session=session, config=piper.PiperConfig.from_dict(settings))
        self._synthesis = piper.SynthesisConfig(
            speaker_id=request["speaker"], length_scale=self._voice.config.length_scale * request["slower"]
        )
        # The first utterance is slow, as much is set up with it: it is not left to a call.
        self.speak(_TRIAL_TEXT)

    def speak(self, text: str) -> tuple[int, bytes]:
        """Return the rate and the samples, 32-bit numbers in the machine's byte order."""
        # What stands in double brackets would be taken for phonemes.
        plain = text.replace("[", " ").replace("]", " ")
        known = self._voice.config.phoneme_id_map
        phonemes = self._voice.phonemize(plain)
        if missing := sorted({phoneme for sentence in phonemes for phoneme in sentence if phoneme not in known}):
            raise CannotSpeakError(f"the voice would leave out {' '.join(missing)}")
        sentences = [
            self._voice.phoneme_ids_to_audio(self._voice.phonemes_to_ids(sentence), self._synthesis)
            for sentence in phonemes
            if sentence
        ]
        if not sentences:
            raise CannotSpeakError("nothing of the text can be spoken")
        samples = np.concatenate([np.atleast_1d(sentence) for sentence in sentences]).astype(np.float32)
        return int(self._voice.config.sample_rate), samples.tobytes()


def prepare(_request: Header) -> None:
    """Keep what the libraries warn of, which has the alerts' texts in it, out of the log."""
    logging.disable(logging.WARNING)


def main() -> None:
    """Serve on standard input and output."""
    run(PiperVoice, prepare)


if __name__ == "__main__":
    main()
