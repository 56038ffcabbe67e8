"""What people and machines say when they answer, as sound: espeak's voice, silence, a tone."""

import math
from pathlib import Path

import numpy as np

from gateway.app.bootstrap import build_speech
from gateway.config.schema import Config
from gateway.ports.speech import AudioFormat
from tests.telephony.carrier_audio import RATE, Samples, read, write

_GREETING = (
    "Hello, you have reached the voicemail of Ana. I cannot take your call right now, as I am out of the office. "
    "Please leave a message after the tone."
)


def says(directory: Path, text: str) -> Samples:
    """Return a sentence as espeak speaks it."""
    speech = build_speech(Config(var_dir=directory))
    try:
        return read(speech.render(text, language="en", audio_format=AudioFormat.PHONE).path)
    finally:
        speech.stop()


def silence(seconds: float) -> Samples:
    """Return silence, which is sent like any sound: a phone that hears nothing goes on sending."""
    return np.zeros(int(seconds * RATE))


def hello(directory: Path) -> Path:
    """Write somebody who answers: a moment, a word, and then listening."""
    return write(directory / "hello.wav", np.concatenate([silence(0.4), says(directory, "Hello?"), silence(30)]))


def listener(directory: Path) -> Path:
    """Write somebody who answers and says nothing."""
    return write(directory / "listener.wav", silence(30))


def voicemail(directory: Path) -> tuple[Path, float]:
    """Write a voicemail: a greeting, a pause, a tone, and its recording; also return when the tone ends."""
    tone = np.sin(2 * math.pi * 1000 * np.arange(RATE // 2) / RATE) * 8000
    before = np.concatenate([silence(0.6), says(directory, _GREETING), silence(0.8), tone])
    return write(directory / "voicemail.wav", np.concatenate([before, silence(40)])), len(before) / RATE
