"""What the languages tell for the ear."""

import dataclasses
import string

import pytest

from gateway.model.languages import FALLBACK, LANGUAGES, Language

_OWN_OPTIONS = {"full_stop", "spaced"}
_TAGS = [language.tag for language in LANGUAGES]


def _places(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


@pytest.mark.parametrize("language", LANGUAGES, ids=_TAGS)
def test_every_sign_has_its_words_with_the_same_places_to_fill(language: Language) -> None:
    for field in dataclasses.fields(language.ear):
        ours, english = getattr(language.ear, field.name), getattr(FALLBACK.ear, field.name)
        if field.name not in _OWN_OPTIONS | {"signs", "thousands"} and isinstance(ours, str):
            assert ours.strip(), field.name
            # "ein Uhr" and "erster" have their number in words.
            assert _places(ours) <= _places(english), field.name
    assert len(language.ear.months) == 12 == len(set(language.ear.months))


@pytest.mark.parametrize("language", LANGUAGES, ids=_TAGS)
def test_every_unit_is_known_in_every_language(language: Language) -> None:
    ear = language.ear
    assert FALLBACK.ear.units.keys() <= ear.units.keys()
    for words in [*ear.units.values(), *ear.currencies.values()]:
        single, _, many = words.rpartition("|")
        assert many.strip() == many != ""
        assert single.strip() == single != many
        assert _places(words) <= {"number"}
        # A unit is said after digits: a digit or a sign of its own would be taken for a part of the number.
        assert not set(words.replace("{number}", "")) & set(string.digits + "%°/²³")


@pytest.mark.parametrize("language", LANGUAGES, ids=_TAGS)
def test_the_words_for_letters_begin_with_them(language: Language) -> None:
    for letter, word in language.ear.alphabet.items():
        assert word[0].upper() == letter
    assert len(set(language.ear.letters.values())) == len(language.ear.letters)


def test_no_language_has_the_words_of_another() -> None:
    shared = {"months", "currencies", "letters", "thousands", "signs", "full_stop", "spaced"}
    for language in LANGUAGES:
        if language is not FALLBACK:
            same = [
                field.name
                for field in dataclasses.fields(language.ear)
                if field.name not in shared and getattr(language.ear, field.name) == getattr(FALLBACK.ear, field.name)
            ]
            assert len(same) <= 10, (language.tag, same)
