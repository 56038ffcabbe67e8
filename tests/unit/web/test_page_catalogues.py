"""The pages' message catalogues: every sentence of the pages, in every language, with the same places to fill."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from web.admin.catalogues import SOURCE, read_catalogue, translations
from web.admin.languages import TAGS

_ROOT = Path(__file__).parents[3]
_TRANSLATED = [tag for tag in TAGS if tag != SOURCE]
_PLACE = re.compile(r"%\((\w+)\)[sd]|%%|%[sd]")
_MARKUP = re.compile(r"</?\w+[^>]*>|&\w+;")
_WORD = re.compile(r"[a-z]{4,}")


@cache
def _sentences() -> set[tuple[str | None, str]]:
    """Return what `make messages` finds in the pages."""
    with (_ROOT / "web/babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = set()
    keywords = {**DEFAULT_KEYWORDS, "marked": None, "lazy_gettext": None}
    for _, _, text, _, context in extract_from_dir(_ROOT, methods, options, keywords):
        found.add((context, text[0] if isinstance(text, tuple) else text))
    return found


def _messages(tag: str) -> Iterator[Message]:
    return (message for message in read_catalogue(tag) if message.id)


def _forms(text: object) -> tuple[str, ...]:
    return tuple(str(form) for form in text) if isinstance(text, list | tuple) else (str(text),)


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_a_catalogue_has_every_sentence_of_the_pages_and_no_other(tag: str) -> None:
    found = {(message.context, _forms(message.id)[0]) for message in _messages(tag)}
    assert found == _sentences(), "run `make messages`, then translate what is empty"
    assert not read_catalogue(tag).obsolete


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_every_sentence_is_translated_with_the_same_places_and_markup(tag: str) -> None:
    plurals = read_catalogue(tag).num_plurals
    for message in _messages(tag):
        forms, source = _forms(message.string), _forms(message.id)[-1]
        assert not message.fuzzy, message.id
        assert len(forms) == (plurals if message.pluralizable else 1), message.id
        for form in forms:
            assert form.strip(), f"{message.id!r} is not translated"
            assert sorted(_PLACE.findall(form)) == sorted(_PLACE.findall(source)), message.id
            assert sorted(_MARKUP.findall(form)) == sorted(_MARKUP.findall(source)), message.id
            assert form.count("\n") == source.count("\n"), message.id


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_hardly_a_sentence_is_the_same_as_in_english(tag: str) -> None:
    # Names of things and words that two languages share are; sentences are not.
    same = [message.id for message in _messages(tag) if _forms(message.string) == _forms(message.id)]
    assert not [text for text in same if len(_WORD.findall(str(text))) > 2]
    assert len(same) < 60


def test_english_says_what_stands_in_the_code() -> None:
    assert translations(SOURCE).gettext("Sign in") == "Sign in"
