"""From samples to files."""

import io

import numpy as np
import pytest
import soundfile

from gateway.ports.speech import AudioFormat, SpeechError
from gateway.tts import audio
from gateway.tts.engine import Pcm

_RATE = 22050


def _tone(seconds: float, *, level: float = 0.1, before: float = 0.0, after: float = 0.0) -> Pcm:
    times = np.arange(int(seconds * _RATE)) / _RATE
    # Two tones that beat, so that the sound has peaks and pauses as speech has.
    sound = level * np.sin(2 * np.pi * 440 * times) * np.sin(2 * np.pi * 3 * times)
    parts = [np.zeros(int(before * _RATE)), sound, np.zeros(int(after * _RATE))]
    return Pcm(np.concatenate(parts).astype(np.float32), _RATE)


def test_the_phone_gets_mono_16_bit_wav_at_8_khz() -> None:
    content, seconds = audio.encode(_tone(2), AudioFormat.PHONE)
    found = soundfile.info(io.BytesIO(content))
    assert (found.format, found.subtype, found.channels, found.samplerate) == ("WAV", "PCM_16", 1, 8000)
    assert found.frames / 8000 == pytest.approx(seconds)
    assert seconds == pytest.approx(2, abs=0.1)


def test_a_voice_note_is_mono_opus_at_48_khz() -> None:
    content, seconds = audio.encode(_tone(2), AudioFormat.VOICE_NOTE)
    found = soundfile.info(io.BytesIO(content))
    assert (found.format, found.subtype, found.channels, found.samplerate) == ("OGG", "OPUS", 1, 48000)
    assert seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("level", [0.001, 0.05, 1.0])
@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_quiet_and_loud_voices_come_out_equally_loud_and_unclipped(level: float, audio_format: AudioFormat) -> None:
    content, _ = audio.encode(_tone(2, level=level), audio_format)
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    assert audio.active_level(samples, rate) == pytest.approx(audio.ACTIVE_LEVEL, abs=1.0)
    assert np.abs(samples).max() < 1.0


def test_a_voice_with_high_peaks_stays_below_the_ceiling() -> None:
    samples = _tone(2, level=0.01).samples.copy()
    samples[::4000] = 0.9
    normalised = audio.normalise(samples, _RATE)
    assert np.abs(normalised).max() == pytest.approx(10 ** (audio.PEAK_CEILING / 20), rel=1e-3)


def test_silence_before_and_after_is_trimmed() -> None:
    trimmed = audio.trim(_tone(1, before=0.7, after=1.3))
    assert trimmed.samples.size / _RATE == pytest.approx(1.1, abs=0.03)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(8000), np.full(8000, 1e-6)])
def test_silence_is_an_error(samples: np.ndarray) -> None:
    with pytest.raises(SpeechError, match="no sound"):
        audio.encode(Pcm(samples.astype(np.float32), 8000), AudioFormat.PHONE)


def test_two_minutes_of_noise_fit_into_a_voice_note() -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 120 * 16000).astype(np.float32)
    content, seconds = audio.encode(Pcm(noise, 16000), AudioFormat.VOICE_NOTE)
    assert seconds == pytest.approx(120, abs=0.2)
    assert len(content) <= audio.LARGEST_VOICE_NOTE < 512 * 1000


def test_speech_that_fits_at_no_quality_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "LARGEST_VOICE_NOTE", 500)
    with pytest.raises(audio.TooLongError, match="shorten the text"):
        audio.encode(_tone(2), AudioFormat.VOICE_NOTE)
