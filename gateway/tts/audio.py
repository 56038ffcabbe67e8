"""From an engine's samples to the files that are played and sent."""

import io

import numpy as np
import soundfile
import soxr

from gateway.ports.speech import AudioFormat, SpeechError
from gateway.tts.engine import Pcm, Samples

PHONE_RATE = 8000
VOICE_NOTE_RATE = 48000  # Opus knows few rates; this is the one that it works at
LARGEST_VOICE_NOTE = 500_000  # bytes; WhatsApp shows a larger file as a document, not as a voice note

# Loudness. The active level is measured in the manner of ITU-T P.56: the RMS of the frames that hold speech.
ACTIVE_LEVEL = -20.0  # dBFS that speech is brought to
PEAK_CEILING = -1.0  # dBFS that no sample passes; a voice with high peaks stays below the active level for it
_FRAME_SECONDS = 0.02
_ACTIVE_RANGE = 25.0  # dB below the loudest frame that still count as speech

_SILENCE = -45.0  # dB below the loudest sample
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
    trimmed = trim(pcm)
    if trimmed.samples.size == 0:
        raise SpeechError("the engine made no sound of this text")
    if audio_format is AudioFormat.PHONE:
        samples = normalise(resample(trimmed, PHONE_RATE), PHONE_RATE)
        return _wav(samples), samples.size / PHONE_RATE
    samples = normalise(resample(trimmed, VOICE_NOTE_RATE), VOICE_NOTE_RATE)
    return _opus(samples), samples.size / VOICE_NOTE_RATE


def trim(pcm: Pcm) -> Pcm:
    """Return the sound without the silence before and after it; without any samples where all is silence."""
    loud = np.abs(pcm.samples)
    peak = float(loud.max(initial=0.0))
    heard = np.flatnonzero(loud > peak * _ratio(_SILENCE)) if peak > _ratio(-80.0) else np.empty(0, dtype=np.intp)
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
    active = power[power >= power.max() * _ratio(-_ACTIVE_RANGE) ** 2]
    return float(10 * np.log10(max(float(active.mean()), 1e-12)))


def normalise(samples: Samples, rate: int) -> Samples:
    """Return the samples at ``ACTIVE_LEVEL``, or as near to it as ``PEAK_CEILING`` allows."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak <= 0:
        return samples
    gain = min(_ratio(ACTIVE_LEVEL - active_level(samples, rate)), _ratio(PEAK_CEILING) / peak)
    return (samples * np.float32(gain)).astype(np.float32)


def _ratio(decibels: float) -> float:
    return float(10.0 ** (decibels / 20))


def _wav(samples: Samples) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, PHONE_RATE, format="WAV", subtype="PCM_16")
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
