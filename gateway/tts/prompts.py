"""The fixed sentences of calls, rendered ahead."""

from collections.abc import Mapping
from pathlib import Path

from gateway.model.languages import speakable
from gateway.ports.phone import Prompt
from gateway.ports.speech import AudioFormat, Speech
from gateway.wording import phrases


def render_prompts(speech: Speech, language: str) -> Mapping[Prompt, Path]:
    """Return the file of every prompt in a language, rendered where it is not in the cache. Raises ``SpeechError``."""
    return {
        prompt: speech.render(
            phrases.prompt(language, prompt.value), language=speakable(language), audio_format=AudioFormat.PHONE
        ).path
        for prompt in Prompt
    }
