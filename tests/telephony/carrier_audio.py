"""What a callee heard, measured: recordings against the sounds that should be in them."""

import math
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

RATE = 8000  # Hz
_SILENCE = 200  # of 32767: about -44 dB
_PIECE = RATE // 5  # samples of a sound that are compared as one
_DRIFT = RATE // 4  # samples by which a piece may be early or late
_WORTH_A_LOOK = 0.3
_ROWS = (697, 770, 852, 941)  # Hz
_COLUMNS = (1209, 1336, 1477, 1633)

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """Where in a recording a sound is, in seconds, and how alike it is there: 1.0 is the same."""

    at: float
    likeness: float


def read(path: Path) -> Samples:
    """Return the samples of a mono WAV file, also of one that is being written."""
    data = path.read_bytes()
    start = data.index(b"data") + 8
    usable = (len(data) - start) // 2 * 2
    return np.frombuffer(data[start : start + usable], dtype="<i2").astype(np.float64)


def halved(samples: Samples) -> Samples:
    """Return samples of 16 kHz as such of 8 kHz."""
    return np.asarray(soxr.resample(samples, 2 * RATE, RATE), dtype=np.float64)


def share_above(hertz: float, samples: Samples, rate: int) -> float:
    """Return which part of the sound's energy is above a frequency: from 0 to 1."""
    energy = np.abs(np.fft.rfft(samples)) ** 2
    return float(energy[np.fft.rfftfreq(len(samples), 1 / rate) > hertz].sum() / max(energy.sum(), 1e-9))


def write(path: Path, samples: Samples, rate: int = RATE) -> Path:
    """Write a mono WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())
    return path


def warble(path: Path, seconds: float, seed: int) -> Path:
    """Write a sound that is like no other seed's: a run of short tones, of speech's loudness and pitch."""
    random = np.random.default_rng(seed)
    length = int(0.05 * RATE)
    tones = [
        np.sin(2 * math.pi * random.uniform(200, 3000) * np.arange(length) / RATE) * 8000
        for _ in range(max(1, round(seconds / 0.05)))
    ]
    return write(path, np.concatenate(tones))


def dtmf(path: Path, digit: str, seconds: float = 0.3) -> Path:
    """Write the two tones of a key (ITU-T Q.23), with silence before them."""
    row, column = divmod("123A456B789C*0#D".index(digit), 4)
    time = np.arange(int(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * math.pi * hertz * time) for hertz in (_ROWS[row], _COLUMNS[column]))
    return write(path, np.concatenate([np.zeros(RATE // 2), 8000 * tones, np.zeros(RATE // 2)]))


def loud_seconds(samples: Samples) -> float:
    """Return for how long there is sound rather than silence, in steps of 20 ms."""
    frame = RATE // 50
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return float((np.abs(frames).max(axis=1) > _SILENCE).sum()) / 50 if len(frames) else 0.0


def find(sound: Samples, recording: Samples) -> Heard:
    """Return the place where the recording is most like the sound."""
    return find_all(sound, recording, at_least=2.0)[0]


def find_all(sound: Samples, recording: Samples, at_least: float = 0.8) -> list[Heard]:
    """Return every place where the recording is like the sound, by time; the best where none reaches ``at_least``.

    The sound is compared in pieces, each of which may be a little early or late: a packet that a
    busy machine lost must not make all that follows it unlike.
    """
    if len(recording) == 0:
        return [Heard(0.0, 0.0)]
    # The end of a sound after which the caller hung up at once may be cut off.
    recording = np.concatenate([recording, np.zeros(len(sound))])
    pieces = [(start, _likeness(sound[start : start + _PIECE], recording)) for start in _starts(len(sound))]
    whole = _likeness(sound, recording)
    found: list[Heard] = []
    while whole.max() > _WORTH_A_LOOK or not found:
        top = int(whole.argmax())
        scores = [
            likeness[max(0, top + start - _DRIFT) : top + start + _DRIFT].max(initial=0.0) for start, likeness in pieces
        ]
        found.append(Heard(top / RATE, float(np.mean(scores))))
        whole[max(0, top - len(sound) // 2) : top + len(sound) // 2 + 1] = -1.0
    good = sorted((heard for heard in found if heard.likeness >= at_least), key=lambda heard: heard.at)
    return good or [max(found, key=lambda heard: heard.likeness)]


def _starts(length: int) -> range:
    """Return where the pieces of a sound begin: all whole ones, or the beginning of a short sound."""
    return range(0, max(1, length - _PIECE + 1), _PIECE)


def _likeness(sound: Samples, recording: Samples) -> Samples:
    """Return the normalized cross-correlation at each place of the recording."""
    size = 1 << (len(recording) + len(sound)).bit_length()
    product = np.fft.irfft(np.fft.rfft(recording, size) * np.conj(np.fft.rfft(sound, size)), size)
    product = product[: len(recording) - len(sound) + 1]
    energy = np.concatenate([[0.0], np.cumsum(recording**2)])
    norms = np.sqrt(np.maximum(energy[len(sound) :] - energy[: -len(sound)], 0) * (sound**2).sum())
    likeness: Samples = np.where(norms > 1, product / np.maximum(norms, 1), 0.0)
    return likeness
