"""Whatever an engine makes, what is played is as loud as it should be and never clipped."""

import io

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ports.speech import AudioFormat, SpeechError
from gateway.tts import audio
from gateway.tts.engine import Pcm

Samples = npt.NDArray[np.float32]

_CEILING = 10 ** (audio.PEAK_CEILING / 20)
_RATES = st.sampled_from([8000, 16000, 22050, 24000, 48000])
# Lossy: the codec's own peaks may pass the ceiling a little, and never the full scale.
_SLACK = {AudioFormat.PHONE: 1.001, AudioFormat.VOICE_NOTE: 10 ** (0.9 / 20)}


@st.composite
def _sounds(draw: st.DrawFn) -> Pcm:
    """Draw noise and tones of any level, with pauses, clicks, an offset, and things that are no numbers."""
    rate = draw(_RATES)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = []
    for _ in range(draw(st.integers(1, 5))):
        length = int(draw(st.floats(0, 0.8)) * rate)
        level = 10 ** (draw(st.floats(-60, 20)) / 20)
        kind = draw(st.sampled_from(["noise", "tone", "silence", "square"]))
        tone = np.sin(2 * np.pi * draw(st.floats(60, rate / 2.2)) * np.arange(length) / rate)
        made = {"noise": random.normal(size=length), "tone": tone, "silence": 0 * tone, "square": np.sign(tone)}[kind]
        parts.append(level * made)
    samples = np.concatenate(parts) + draw(st.floats(-0.5, 0.5))
    for _ in range(draw(st.integers(0, 3)) if samples.size else 0):
        odd = draw(st.sampled_from([1.0, -1.0, 50.0, np.nan, np.inf, -np.inf]))
        samples[random.integers(samples.size)] = odd
    return Pcm(samples.astype(np.float32), rate)


def _decoded(content: bytes) -> tuple[Samples, int]:
    return soundfile.read(io.BytesIO(content), dtype="float32")  # type: ignore[no-any-return]


@settings(max_examples=60, deadline=None)
@given(pcm=_sounds(), audio_format=st.sampled_from(AudioFormat))
def test_no_sound_is_clipped_too_loud_or_empty(pcm: Pcm, audio_format: AudioFormat) -> None:
    try:
        content, seconds = audio.encode(pcm, audio_format)
    except SpeechError:
        # There was nothing to hear.
        assert np.abs(audio.clean(pcm).samples).max(initial=0) <= 1e-4 or pcm.samples.size < pcm.rate / 50
        return
    samples, rate = _decoded(content)
    assert samples.size > 0
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= _CEILING * _SLACK[audio_format]
    assert seconds == pytest.approx(samples.size / rate, abs=0.03)
    assert seconds <= pcm.samples.size / pcm.rate + 0.01
    assert audio.active_level(samples, rate) <= audio.ACTIVE_LEVEL + 1.5


@settings(max_examples=60, deadline=None)
@given(pcm=_sounds())
def test_the_file_of_16_khz_is_the_same_as_that_of_8(pcm: Pcm) -> None:
    try:
        _, seconds = audio.encode(pcm, AudioFormat.PHONE)
    except SpeechError:
        return
    wide, rate = _decoded(audio.encode_wideband(pcm))
    assert rate == audio.WIDEBAND_RATE
    # The dialplan goes on in the one where it left off in the other.
    assert wide.size / rate == pytest.approx(seconds, abs=0.001)
    assert np.abs(wide).max() <= _CEILING * 1.001


@settings(max_examples=40, deadline=None)
@given(
    level=st.floats(-55, 6),
    offset=st.floats(-0.9, 0.9),
    click=st.floats(0, 30),
    before=st.floats(0, 2),
    seed=st.integers(0, 1000),
)
def test_speech_comes_out_equally_loud_with_its_silence_trimmed(
    level: float, offset: float, click: float, before: float, seed: int
) -> None:
    rate = 16000
    times = np.arange(3 * rate) / rate
    voice = np.random.default_rng(seed).normal(size=times.size) * (0.3 + np.sin(2 * np.pi * 4 * times) ** 2)
    voice *= 10 ** (level / 20) / np.sqrt(np.mean(voice**2))
    silence = np.zeros(int(before * rate))
    samples = np.concatenate([silence, voice, silence]) + offset
    samples[silence.size + 5000] += click * 10 ** (level / 20)
    content, seconds = audio.encode(Pcm(samples.astype(np.float32), rate), AudioFormat.PHONE)
    heard, _ = _decoded(content)
    assert audio.active_level(heard, audio.PHONE_RATE) == pytest.approx(audio.ACTIVE_LEVEL, abs=1.0)
    assert np.abs(heard).max() <= _CEILING * 1.001
    assert seconds == pytest.approx(3.0, abs=0.15)


def test_a_click_does_not_make_what_is_said_too_low_to_be_heard() -> None:
    rate = 8000
    speech = 0.01 * np.sin(2 * np.pi * 300 * np.arange(2 * rate) / rate)
    speech[rate] = 1.0
    content, _ = audio.encode(Pcm(speech.astype(np.float32), rate), AudioFormat.PHONE)
    heard, _ = _decoded(content)
    assert audio.active_level(heard[: rate // 2], rate) == pytest.approx(audio.ACTIVE_LEVEL, abs=1.0)


@pytest.mark.parametrize("size", [0, 1, 2, 7])
@pytest.mark.parametrize("audio_format", AudioFormat)
def test_next_to_nothing_is_sound_or_an_error_and_never_an_empty_file(size: int, audio_format: AudioFormat) -> None:
    samples = np.array([0.5, -0.5] * 4, dtype=np.float32)[:size]
    try:
        content, seconds = audio.encode(Pcm(samples, 22050), audio_format)
    except SpeechError:
        return
    assert seconds > 0
    assert _decoded(content)[0].size > 0


def test_two_minutes_are_as_good_as_two_seconds() -> None:
    rate = 16000
    times = np.arange(120 * rate) / rate
    samples = (0.2 * np.sin(2 * np.pi * 220 * times) * np.sin(2 * np.pi * 2 * times)).astype(np.float32)
    content, seconds = audio.encode(Pcm(samples, rate), AudioFormat.PHONE)
    assert seconds == pytest.approx(120, abs=1)
    assert len(content) == pytest.approx(120 * 16000, rel=0.01)
