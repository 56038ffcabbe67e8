"""Every sentence of a call can be spoken, in every language, by the voice that needs no download."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.model.languages import LANGUAGES
from gateway.ports.phone import Prompt
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.espeak import EspeakEngine
from gateway.wording import phrases


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CachedSpeech]:
    directory: Path = tmp_path_factory.mktemp("spoken")
    speech = CachedSpeech([EspeakEngine()], directory, time_limit=timedelta(seconds=20))
    yield speech
    speech.stop()


@pytest.mark.parametrize("language", [language.tag for language in LANGUAGES])
def test_every_sentence_of_a_call_can_be_spoken(speech: CachedSpeech, language: str) -> None:
    several = phrases.announcement_of_several(language, license_name="Acme", titles=["A"] * 7)
    sentences = [
        *(phrases.prompt(language, prompt.value) for prompt in Prompt),
        phrases.acknowledged(language),
        phrases.already_acknowledged(language, by="Ana"),
        phrases.already_acknowledged(language, by=""),
        phrases.over(language),
        phrases.whisper(language, name="Ana", announcement=several),
        phrases.voice_note(language, announcement=several),
    ]
    rendered = [speech.render(text, language=language, audio_format=AudioFormat.PHONE) for text in sentences]
    # A voice that cannot read its language's characters says next to nothing, or spells each at length.
    pace = [len(text) / audio.duration.total_seconds() for text, audio in zip(sentences, rendered, strict=True)]
    assert [audio.engine for audio in rendered] == ["espeak"] * len(sentences)
    assert min(pace) > 2, (language, pace)
    assert max(pace) < 25, (language, pace)
    assert rendered[0].duration < timedelta(seconds=8), "the menu is said after every round of the message"
