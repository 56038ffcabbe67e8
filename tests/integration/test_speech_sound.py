"""How speech sounds on the phone and as a voice note, in every language: loud enough, never clipped, of a good pace."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from gateway.config.tts import PiperConfig
from gateway.model.languages import LANGUAGES
from gateway.ports.speech import AudioFormat
from gateway.tts import audio
from gateway.tts.cache import CachedSpeech
from gateway.tts.engine import Engine
from gateway.tts.espeak import EspeakEngine
from gateway.tts.piper import PiperEngine
from gateway.wording import phrases

_LIMIT = timedelta(seconds=60)
# Title and body of an alert as people of that language send it.
ALERTS = {
    "en": ("Water leak in the basement", "The pump has stopped."),
    "es": ("Fuga de agua en el sótano", "La bomba se ha parado."),
    "pt": ("Vazamento de água no porão", "A bomba parou de funcionar."),
    "zh": ("地下室漏水", "水泵已经停止工作。"),
    "yue": ("地庫漏水", "水泵已經停咗。"),
    "fr": ("Fuite d'eau au sous-sol", "La pompe s'est arrêtée."),
    "de": ("Wasserrohrbruch im Keller", "Die Pumpe steht still."),
}
# Seconds a syllable. Speakers of different languages take 0.13 to 0.20 of them (Pellegrino and others, Language 87:3,
# 2011); alerts are spoken more slowly, and the pauses between the sentences are in it.
_FASTEST, _SLOWEST = 0.16, 0.40
_VOWELS = re.compile(r"[aeiouyà-æè-ïò-öù-ýœ]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LONGEST_PAUSE = 1.0  # seconds within an announcement
_FLAT = 3  # samples in a row at the very top of a wave; more are clipped
_BEFORE = 0.12  # seconds of silence that are left at the beginning
# At the end a last consonant is too soft to count as heard here, and so is the closure before it: of 300 renderings
# by piper, which speaks anew each time, the longest had 0.2 s.
_AFTER = 0.3
# How far two renderings of one text by piper are apart, in seconds: of 200 the shortest took 5.7 and the longest 6.2.
_SPOKEN_ANEW = 0.7
_HEARD = 10 ** (-40 / 20)  # of the peak
_FRAME = 0.02  # seconds

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Voices:
    """The engines by name, with their voices loaded."""

    by_name: dict[str, Engine]


@pytest.fixture(scope="module")
def voices() -> Iterator[Voices]:
    piper, espeak = PiperEngine(PiperConfig()), EspeakEngine()
    piper.load(piper.voice_for("en"), time_limit=_LIMIT)
    yield Voices({"piper": piper, "espeak": espeak})
    piper.stop()
    espeak.stop()


def test_no_language_is_left_out_here() -> None:
    assert set(ALERTS) == {language.tag for language in LANGUAGES}


@pytest.mark.parametrize(("engine", "language"), [("piper", "en"), *(("espeak", tag) for tag in ALERTS)])
def test_an_alert_is_loud_unclipped_prompt_and_of_a_good_pace(
    voices: Voices, tmp_path: Path, engine: str, language: str
) -> None:
    speech = CachedSpeech([voices.by_name[engine]], tmp_path, time_limit=_LIMIT)
    title, body = ALERTS[language]
    text = phrases.announcement(language, license_name="Ana", severity="critical", title=title, body=body)
    lengths = []
    for audio_format, kind, rate, more in (
        (AudioFormat.PHONE, ("WAV", "PCM_16"), 8000, 0.0),
        (AudioFormat.VOICE_NOTE, ("OGG", "OPUS"), 48000, 0.9),
    ):
        rendered = speech.render(text, language=language, audio_format=audio_format)
        found = soundfile.info(str(rendered.path))
        assert ((found.format, found.subtype), found.samplerate, found.channels) == (kind, rate, 1)
        assert rendered.engine == engine
        samples, _ = soundfile.read(rendered.path, dtype="float32")
        assert audio.active_level(samples, rate) == pytest.approx(audio.ACTIVE_LEVEL, abs=1.5)
        # Opus is lossy: its peaks may pass the ceiling by this much, and never reach the full scale.
        assert np.abs(samples).max() <= 10 ** ((audio.PEAK_CEILING + more) / 20) + 1e-4
        assert _longest_plateau(samples) <= _FLAT, "the tops of the waves are cut off"
        before, pauses, after = _silences(samples, rate)
        assert before <= _BEFORE
        assert after <= _AFTER
        assert max(pauses, default=0) <= _LONGEST_PAUSE
        lengths.append(rendered.duration.total_seconds())
    syllables = _syllables(text)
    assert _FASTEST < lengths[0] / syllables < _SLOWEST, f"{lengths[0]:.2f} s for {syllables} syllables"
    assert lengths[0] == pytest.approx(lengths[1], abs=_SPOKEN_ANEW if engine == "piper" else 0.05)


def test_what_is_too_quiet_clipped_or_late_would_be_noticed() -> None:
    rate = 8000
    tone = np.sin(2 * np.pi * 300 * np.arange(rate) / rate).astype(np.float32)
    assert _longest_plateau(tone * 0.5) <= _FLAT
    assert _longest_plateau(np.clip(tone * 1.2, -0.9, 0.9)) > _FLAT
    quiet = np.zeros(rate // 2, dtype=np.float32)
    before, (pause,), after = _silences(np.concatenate([quiet, tone, quiet, quiet, tone, quiet]), rate)
    assert (before, pause, after) == pytest.approx((0.5, 1.0, 0.5), abs=0.05)
    assert _syllables("Water leak") == 3
    assert _syllables("地下室漏水") == 5


def _syllables(text: str) -> int:
    """Return how many syllables a text has: a Han character is one, elsewhere a group of vowels makes one."""
    return len(_HAN.findall(text)) + len(_VOWELS.findall(text.lower()))


def _longest_plateau(samples: Sound) -> int:
    """Return the longest run of samples at the largest value, which clipping makes."""
    at_top = np.abs(samples) >= np.abs(samples).max() * 0.9999
    return max((sum(1 for _ in run) for top, run in groupby(at_top) if top), default=0)


def _silences(samples: Sound, rate: int) -> tuple[float, list[float], float]:
    """Return the seconds of silence before the sound, each within it that counts as a pause, and after it."""
    frame = int(_FRAME * rate)
    count = samples.size // frame
    loud = np.abs(samples[: count * frame]).reshape(count, frame).max(axis=1) > np.abs(samples).max() * _HEARD
    runs = [(bool(heard), sum(1 for _ in run) * _FRAME) for heard, run in groupby(loud)]
    before = 0.0 if runs[0][0] else runs.pop(0)[1]
    after = 0.0 if runs[-1][0] else runs.pop()[1]
    return before, [seconds for heard, seconds in runs if not heard and seconds > 5 * _FRAME], after
