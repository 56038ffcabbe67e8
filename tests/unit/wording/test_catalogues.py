"""The message catalogues are complete: every sentence of the code, in every language, in that language's words."""

import re
import string
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from gateway.model.languages import FALLBACK, LANGUAGES
from gateway.model.speech_text import spoken
from gateway.wording.catalogues import first_translated, marked, read_catalogue, words_of

_ROOT = Path(__file__).parents[3]
_TRANSLATED = [language.tag for language in LANGUAGES if language is not FALLBACK]
# What is the same word in several languages, and what has no words.
_SAME = {
    "information",
    "2",
    "{minutes} {seconds}",
    ", ",
    "{name} ({phone}): {results}",
    "Alert {number}: {title}",
    "✅ {title}: {by}",
}

_Key = tuple[str | None, str]


@cache
def _sentences_of_the_code() -> dict[_Key, tuple[str, ...]]:
    """Return what `make messages` finds in the code."""
    found: dict[_Key, tuple[str, ...]] = {}
    with (_ROOT / "gateway/wording/babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {**DEFAULT_KEYWORDS, "marked": None}
    for _, _, text, _, context in extract_from_dir(_ROOT, methods, options, keywords):
        forms = text if isinstance(text, tuple) else (text,)
        found[context, forms[0]] = forms
    return found


def _messages(tag: str) -> Iterator[Message]:
    return (message for message in read_catalogue(tag) if message.id)


def _forms(text: object) -> tuple[str, ...]:
    return tuple(str(form) for form in text) if isinstance(text, list | tuple) else (str(text),)


def _key(message: Message) -> _Key:
    return message.context, _forms(message.id)[0]


def _places(text: str) -> set[str]:
    """Return what is filled in: by us, as in {title}, or by WhatsApp, as in {{1}}."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name} | set(re.findall(r"\{\{\d\}\}", text))


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_a_catalogue_has_every_sentence_of_the_code_and_no_other(tag: str) -> None:
    catalogue: Catalog = read_catalogue(tag)
    assert {_key(message) for message in _messages(tag)} == set(_sentences_of_the_code())
    assert not catalogue.obsolete
    assert catalogue.locale_identifier == tag


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_every_sentence_is_translated_with_the_same_places_to_fill(tag: str) -> None:
    plurals = read_catalogue(tag).num_plurals
    for message in _messages(tag):
        forms = _forms(message.string)
        assert not message.fuzzy, message.id
        assert len(forms) == (plurals if message.pluralizable else 1), message.id
        for form in forms:
            assert form.strip() or form == message.id, message.id
            assert _places(form) == _places(_forms(message.id)[0]), message.id
            # A line break or a sign at an end that is missing would run two parts of a message into one.
            assert form.count("\n") == _forms(message.id)[0].count("\n"), message.id


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_no_english_is_left(tag: str) -> None:
    left = {_key(message)[1] for message in _messages(tag) if set(_forms(message.string)) & set(_forms(message.id))}
    assert left <= _SAME


@pytest.mark.parametrize(("tag", "script"), [("zh", "simplified"), ("yue", "traditional")])
def test_chinese_is_written_in_its_characters(tag: str, script: str) -> None:
    simplified, traditional = (
        set("确认请线语时间键这个发级严电话为无从没听转关"),
        set("確認請線語時間鍵這個發級嚴電話為無從沒聽轉關"),
    )
    text = "".join("".join(_forms(message.string)) for message in _messages(tag))
    wrong = (traditional - simplified) if script == "simplified" else (simplified - traditional)
    assert not set(text) & wrong
    # Names, figures and WhatsApp's own name are all that is not Chinese.
    words = "".join(c if c.isascii() and c.isalpha() else " " for c in _without_places(text)).split()
    assert set(words) <= {"WhatsApp", "START"}


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_what_is_spoken_has_nothing_that_only_the_eye_can_use(tag: str) -> None:
    spoken_keys = {_key(message) for message in _messages(tag) if message.context == "spoken"}
    assert spoken_keys
    for message in _messages(tag):
        if _key(message) not in spoken_keys:
            continue
        for form in _forms(message.string):
            said = _without_places(form)
            assert not [c for c in said if unicodedata.category(c) in {"So", "Sk", "Sm", "Cc", "Cf"}], said
            assert spoken(said, tag), said


def test_a_sentence_that_is_only_marked_stays_as_it_is() -> None:
    assert marked("Goodbye.") == "Goodbye."
    assert words_of("en").gettext("Goodbye.") == "Goodbye."
    assert words_of("pt-BR").gettext("Goodbye.") == "Até logo."
    assert words_of("it").gettext("Goodbye.") == "Goodbye."


@pytest.mark.parametrize(
    ("tags", "first"),
    [
        (["it", "pt-BR", "en"], "pt-BR"),
        (["zh-HK", "en"], "zh-HK"),
        (["it"], "en"),
        ([], "en"),
        (["*"], "en"),
    ],
)
def test_a_reader_gets_the_first_of_their_languages_that_there_is(tags: list[str], first: str) -> None:
    assert first_translated(tags) == first


def _without_places(text: str) -> str:
    return "".join(literal for literal, _, _, _ in string.Formatter().parse(text))
