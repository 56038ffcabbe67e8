"""Speech that is always the same: a minute of silence."""

import wave
from datetime import timedelta
from pathlib import Path

from gateway.ports.speech import Audio, AudioFormat


class Tone:
    """A ``Speech`` that notes what it was to say."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "said.wav"
        self.said: list[str] = []

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        """Note the words, write the file, return it."""
        del language, audio_format
        self.said.append(text)
        with wave.open(str(self.file), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(bytes(16000 * 60))
        return Audio(path=self.file, duration=timedelta(seconds=60), engine="espeak")
