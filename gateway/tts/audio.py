"""From an engine's samples to the files that are played and sent."""

import io

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from gateway.ports.speech import AudioFormat, SpeechError
from gateway.tts.engine import Pcm, Samples

PHONE_RATE = 8000
WIDEBAND_RATE = 16000  # what G.722 carries, and the highest rate at which Asterisk plays WAV
VOICE_NOTE_RATE = 48000  # Opus knows few rates; this is the one that it works at
LARGEST_VOICE_NOTE = 500_000  # bytes; WhatsApp shows a larger file as a document, not as a voice note

# Loudness. The active level is measured in the manner of ITU-T P.56: the RMS of the frames that hold speech.
ACTIVE_LEVEL = -20.0  # dBFS that speech is brought to
PEAK_CEILING = -1.0  # dBFS that no sample passes: what would pass is turned down for some milliseconds
_FRAME_SECONDS = 0.02
_ACTIVE_RANGE = 25.0  # dB below the loud frames that still count as speech
_LOUD = 95  # percentile of the frames' powers: a click is shorter than the twentieth part of what is said
_LIMITER_FRAME = 0.001  # seconds
_LIMITER_REACH = 5  # frames before and after a peak within which it is turned down, so that it does not crackle

_SILENCE = -45.0  # dB below the loudest sample
_NOTHING = -80.0  # dBFS: what is nowhere louder is no sound
_EDGE_SECONDS = 0.05  # kept before and after the sound, so that no consonant is cut

# libsndfile 1.2 gives Opus (1 - level) * 250 + 6 kbit/s a channel, and the OGG container adds about a tenth.
_OPUS_KBITS = (28, 20, 14, 10, 7)
_OPUS_RANGE, _OPUS_LEAST = 250, 6
_CONTAINER = 1.1


class TooLongError(SpeechError):
    """The speech does not fit into a voice note at any quality. Shorten the text."""


def encode(pcm: Pcm, audio_format: AudioFormat) -> tuple[bytes, float]:
    """Return the file's bytes and its length in seconds, trimmed and at a standard level.

    Raises ``SpeechError`` for silence, and ``TooLongError``.
    """
    rate = PHONE_RATE if audio_format is AudioFormat.PHONE else VOICE_NOTE_RATE
    samples = _standard(pcm, rate)
    encoded = _wav(samples, rate) if audio_format is AudioFormat.PHONE else _opus(samples)
    return encoded, samples.size / rate


def encode_wideband(pcm: Pcm) -> bytes:
    """Return what ``encode`` makes for the phone as a file of 16 kHz, of the same length and level.

    Asterisk calls such a file ``.wav16`` and takes it for calls that carry more than 8 kHz. Raises ``SpeechError``.
    """
    return _wav(_standard(pcm, WIDEBAND_RATE), WIDEBAND_RATE)


def clean(pcm: Pcm) -> Pcm:
    """Return the sound without a constant offset, in which silence would be loud; what is no number is silence."""
    samples = np.nan_to_num(pcm.samples, nan=0.0, posinf=0.0, neginf=0.0)
    return Pcm((samples - (samples.mean() if samples.size else 0)).astype(np.float32), pcm.rate)


def trim(pcm: Pcm) -> Pcm:
    """Return the sound without the silence before and after it; without any samples where all is silence."""
    loud = np.abs(pcm.samples)
    peak = float(loud.max(initial=0.0))
    heard = np.flatnonzero(loud > peak * _ratio(_SILENCE)) if peak > _ratio(_NOTHING) else np.empty(0, dtype=np.intp)
    if heard.size == 0:
        return Pcm(pcm.samples[:0], pcm.rate)
    edge = int(_EDGE_SECONDS * pcm.rate)
    return Pcm(pcm.samples[max(int(heard[0]) - edge, 0) : int(heard[-1]) + edge + 1], pcm.rate)


def resample(pcm: Pcm, rate: int) -> Samples:
    """Return the samples at another rate, band-limited."""
    return np.asarray(soxr.resample(pcm.samples, pcm.rate, rate, quality="HQ"), dtype=np.float32)


def active_level(samples: Samples, rate: int) -> float:
    """Return the level of the speech, its pauses left out, in dBFS."""
    frame = max(int(_FRAME_SECONDS * rate), 1)
    count = max(samples.size // frame, 1)
    padded = np.zeros(count * frame, dtype=np.float64)
    padded[: min(samples.size, padded.size)] = samples[: padded.size]
    power = np.square(padded).reshape(count, frame).mean(axis=1)
    loud = np.percentile(power, _LOUD)
    active = np.minimum(power[power >= loud * _ratio(-_ACTIVE_RANGE) ** 2], loud)
    return float(10 * np.log10(max(float(active.mean()), 1e-12)))


def normalise(samples: Samples, rate: int) -> Samples:
    """Return the samples at ``ACTIVE_LEVEL``, with peaks turned down to ``PEAK_CEILING``.

    Peaks alone are turned down: a click must not make all that is said too low to be heard.
    """
    if not samples.any():
        return samples
    gain = _ratio(ACTIVE_LEVEL - active_level(samples, rate))
    return _limited(samples.astype(np.float64) * gain, rate)


def _limited(samples: npt.NDArray[np.float64], rate: int) -> Samples:
    """Return the samples with a gain that changes slowly and lets none of them pass the ceiling."""
    frame = max(round(_LIMITER_FRAME * rate), 1)
    count = -(-samples.size // frame)
    padded = np.zeros(count * frame)
    padded[: samples.size] = samples
    peaks = np.abs(padded).reshape(count, frame).max(axis=1)
    ceiling = _ratio(PEAK_CEILING)
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-12))
    if wanted.min() < 1.0:
        # The least over more frames than are averaged afterwards, and than are joined by straight
        # lines: no average is above what any of its frames may have.
        around = 2 * _LIMITER_REACH + 1
        least = sliding_window_view(np.pad(wanted, _LIMITER_REACH + 1, mode="edge"), around + 2).min(axis=1)
        smooth = np.convolve(np.pad(least, _LIMITER_REACH, mode="edge"), np.full(around, 1 / around), mode="valid")
        centres = np.arange(count) * frame + (frame - 1) / 2
        samples = samples * np.interp(np.arange(samples.size), centres, smooth)
    return np.clip(samples, -ceiling, ceiling).astype(np.float32)


def _standard(pcm: Pcm, rate: int) -> Samples:
    """Return the sound trimmed, at that rate and at the standard level. Raises ``SpeechError`` for silence."""
    trimmed = trim(clean(pcm))
    samples = normalise(resample(trimmed, rate), rate) if trimmed.samples.size else trimmed.samples
    if samples.size == 0:
        raise SpeechError("the engine made no sound of this text")
    return samples


def _ratio(decibels: float) -> float:
    return float(10.0 ** (decibels / 20))


def _wav(samples: Samples, rate: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _opus(samples: Samples) -> bytes:
    seconds = samples.size / VOICE_NOTE_RATE
    for kbits in _OPUS_KBITS:
        if kbits * _CONTAINER * 125 * seconds > LARGEST_VOICE_NOTE and kbits != _OPUS_KBITS[-1]:
            continue
        buffer = io.BytesIO()
        level = 1 - (kbits - _OPUS_LEAST) / _OPUS_RANGE
        soundfile.write(buffer, samples, VOICE_NOTE_RATE, format="OGG", subtype="OPUS", compression_level=level)
        if len(encoded := buffer.getvalue()) <= LARGEST_VOICE_NOTE:
            return encoded
    raise TooLongError(
        f"{seconds:.0f} seconds of speech do not fit into a voice note of {LARGEST_VOICE_NOTE} bytes: shorten the text"
    )
