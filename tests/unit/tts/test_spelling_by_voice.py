"""What is made for the ear, as the default voices really say it: by their phonemes."""

import string

import pytest

from gateway.model.ear.spelling import JOINT, initialism, spelled
from gateway.model.languages import LANGUAGES, language_for
from gateway.model.speech_text import spoken
from gateway.tts.espeak_voices import VOICES
from tests.phonemes import phonemes

_TAGS = ["en", "en-US", "es", "es-419", "pt", "pt-BR", "zh", "yue", "fr", "fr-BE", "fr-CH", "de"]
_CHINESE = {"zh", "yue"}
_STRESS = str.maketrans("", "", "ˈˌ")
_PLATES = {
    "en": "plate AB-1234-XY",
    "es": "matrícula 1234 BVY",
    "pt": "placa ABC1D23",
    "zh": "车牌粤B12345",
    "yue": "車牌AB 1234",
    "fr": "plaque AA-123-BB",
    "de": "Kennzeichen B-MW 1234",
}


def _said(tag: str, *texts: str) -> list[list[str]]:
    said = phonemes([(VOICES[tag], text.replace(JOINT, " ")) for text in texts])
    return [[clause.translate(_STRESS) for clause in clauses] for clauses in said]


@pytest.mark.parametrize("tag", _TAGS)
def test_each_letter_is_said_by_a_name_of_its_own(tag: str) -> None:
    ear = language_for(tag).ear
    [names] = _said(tag, spelled(string.ascii_uppercase, ear))
    assert len(names) == len(set(names)) == 26
    if tag in _CHINESE:
        # Letters of plates have English names in Chinese, too.
        [english] = _said("en", spelled(string.ascii_uppercase, language_for("en").ear))
        assert names == [f"(en){name}({VOICES[tag]})" for name in english]
    else:
        assert not any("(" in name for name in names)


@pytest.mark.parametrize("tag", _TAGS)
def test_each_digit_of_a_group_is_said_by_its_own_name(tag: str) -> None:
    ear = language_for(tag).ear
    [together], *alone = _said(tag, spelled("90817", ear), *"90817")
    assert len({name for [name] in alone}) == 5
    assert "(" not in together
    # Voices tie words together ("trois" before a vowel): the names are there, one after the other.
    assert len(together.split()) == 5
    for heard, [name] in zip(together.split(), alone, strict=True):
        assert heard[:2] == name[:2]


@pytest.mark.parametrize("tag", _TAGS)
def test_a_term_of_letters_is_said_letter_by_letter(tag: str) -> None:
    ear = language_for(tag).ear
    terms = ["ANPR", "CPU", "UPS", "IP", "AC", "ID"]
    for term, [joined] in zip(terms, _said(tag, *(f"{initialism(term, ear)} 5" for term in terms)), strict=True):
        names = [clause.split("(")[1][3:] if clause.startswith("(") else clause for [clause] in _said(tag, *term)]
        # A voice may shorten a letter within a word, but leaves out none: its consonants are there.
        for name in names:
            assert any(sound in joined for sound in (name, name[:2], name[-1:])), (term, joined)


@pytest.mark.parametrize("tag", list(_PLATES))
def test_a_plate_has_a_clause_for_each_letter_and_each_group_of_digits(tag: str) -> None:
    text = _PLATES[tag]
    [clauses] = _said(tag, spoken(text, tag))
    code = text.partition(" ")[2] if tag not in _CHINESE else text[2:]
    runs = sum(1 for c in code if c.isalpha()) + sum(
        1 for before, c in zip(" " + code, code, strict=False) if c.isdigit() and not before.isdigit()
    )
    # The first letter ends the clause of the word before it; the sign of a Chinese province is a letter by itself.
    assert len(clauses) == runs, clauses


@pytest.mark.parametrize("tag", _TAGS)
def test_the_words_for_signs_are_of_the_voices_language(tag: str) -> None:
    ear = language_for(tag).ear
    texts = [
        spoken(text, tag)
        for text in (
            "-5",
            "3.5 °C",
            "3,5 %",
            "190/200",
            "10-20 min",
            "> 90",
            "≤ 4",
            "14:05",
            "2026-11-01",
            "12 €",
            "1 h",
            "#7",
        )
    ]
    words = [word for word in (ear.and_more, ear.link, ear.ending_in.partition("{")[0], ear.other_script) if word]
    for text, clauses in zip([*texts, *words], _said(tag, *texts, *words), strict=True):
        assert clauses
        assert not any("(" in clause for clause in clauses), (text, clauses)
    [minus], [five] = _said(tag, spoken("-5", tag), "5")
    assert minus != five
    assert minus.endswith(five)


def test_the_words_of_the_alphabets_are_said_by_the_voices_themselves() -> None:
    for language in LANGUAGES:
        ear = language.ear
        texts = [ear.letter_as.format(letter=ear.letters.get(a, a), word=word) for a, word in ear.alphabet.items()]
        for text, clauses in zip(texts, _said(language.tag, *texts), strict=True):
            assert len(clauses) == 1
            assert "(" not in clauses[0], text
