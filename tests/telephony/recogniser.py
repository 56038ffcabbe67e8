"""A speech recogniser that works offline: PocketSphinx, whose package brings its model of American English.

It was made for people at a microphone. A neural voice at a telephone's 8 kHz it writes down from an open vocabulary of
130,000 words; of espeak-ng it understands too little for that, and can tell which of some sentences was said.
"""

from collections.abc import Sequence

import numpy as np
import soxr
from pocketsphinx import Decoder

from tests.telephony.carrier_audio import RATE, Samples

_RATE = 16000  # what the model was made for
# The second pass picks worse words from speech without high frequencies. The limit keeps the first one short.
_OPEN = {"fwdflat": False, "maxhmmpf": 3000}
# A voice unlike those of the model falls out of narrower beams before the end of its sentence.
_CHOICE = {"lm": None, "beam": 1e-90, "wbeam": 1e-70, "pbeam": 1e-90, "maxhmmpf": -1, "bestpath": False}


def words_in(recording: Samples) -> list[str]:
    """Return the words that the recogniser writes down, whatever was said. Samples are of 8 kHz, up to 32767."""
    return _heard(Decoder(samprate=_RATE, loglevel="FATAL", **_OPEN), recording)


def which_of(sentences: Sequence[str], recording: Samples, *, before: str) -> str | None:
    """Return which of the sentences ends a recording, in which words out of ``before`` may come first.

    All words are lower case, without signs. ``None`` where the recogniser finds none of them.
    """
    decoder = Decoder(samprate=_RATE, loglevel="FATAL", **_CHOICE)
    first = " | ".join(sorted(set(before.split())))
    choice = f"#JSGF V1.0; grammar choice; public <said> = ( {first} )* ( {' | '.join(sentences)} );"
    decoder.add_jsgf_string("choice", choice)
    decoder.activate_search("choice")
    heard = " ".join(_heard(decoder, recording))
    return next((sentence for sentence in sentences if heard.endswith(sentence)), None)


def _heard(decoder: Decoder, recording: Samples) -> list[str]:
    wide = np.clip(soxr.resample(recording, RATE, _RATE), -32768, 32767).astype("<i2")
    decoder.start_utt()
    decoder.process_raw(wide.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return str(found.hypstr).split() if found is not None else []
