"""Text for the ear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.languages import LANGUAGES
from gateway.model.speech_text import sentence, spoken

_TAGS = [language.tag for language in LANGUAGES]
_MARKUP_ALPHABET = "<>/&;#abXY19 -_*`[]()!:.\n\0\u200d\ufe0f🔥éß你好1\u202e٣\ud800"


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Plate AB-1234-XY seen", "Plate A, B, 1, 2, 3, 4, X, Y, seen"),
        ("7KLM123", "7, K, L, M, 1, 2, 3"),
        ("ANPR lost", "A, N, P, R, lost"),
        ("ticket 4815162342", "ticket 4, 8, 1, 5, 1, 6, 2, 3, 4, 2"),
        ("Call +1 555 010 0199", "Call plus 1, 5, 5, 5, 0, 1, 0, 0, 1, 9, 9"),
        ("GATE3 open", "gate 3 open"),
        ("node-3 and gate3 and iPhone15", "node 3 and gate3 and iPhone15"),
        ("550e8400-e29b-41d4-a716-446655440000", "a code ending in 0, 0, 0, 0"),
    ],
)
def test_plates_and_codes_are_spelled(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("<b>Fire</b> in <i>zone&nbsp;2</i>", "Fire in zone 2"),
        ("<script>alert(1)</script>Door", "Door"),
        ("&lt;b&gt;Fire&lt;/b&gt;", "Fire"),
        ("<GATE> open", "GATE open"),
        ("**bold** _it_ `code` # head", "bold it code head"),
        ("[camera 2](http://x.example/z) lost", "camera 2 lost"),
        ("Fire \U0001f525\U0001f469\U0001f3fd\u200d\U0001f692 now\x07", "Fire now"),
        ("Forced!!! Now", "Forced! Now"),
        ("one\ntwo\n- three", "one. two. three"),
        ("\u202eabc\u202c", "abc"),
    ],
)
def test_what_only_the_eye_can_use_is_dropped(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


@pytest.mark.parametrize(
    ("text", "language", "heard"),
    [
        ("85°C, 95 % full", "en", "85 degrees Celsius, 95 percent full"),
        ("95%", "es", "95 por ciento"),
        ("95%", "zh", "百分之95"),
        ("at 14:05", "en", "at 14 oh 5"),
        ("at 14:00", "en", "at 14 hours"),
        ("14:35", "de", "14 Uhr 35"),
        ("190/200 and/or", "en", "190/200 and or"),
        ("See https://alerts.example.com/a?b=1.", "en", "See link to alerts dot example dot com."),
        ("https://[", "fr", "lien"),
        ("a@b.example", "de", "a ät b Punkt example"),
        ("cats & dogs", "pt-BR", "cats e dogs"),
        ("3.14159265 left", "en", "3.14159265 left"),
        ("2026-11-22", "en", "2026-11-22"),
    ],
)
def test_signs_become_words_of_the_language(text: str, language: str, heard: str) -> None:
    assert spoken(text, language) == heard


def test_a_long_text_ends_at_a_word_with_and_more() -> None:
    heard = spoken("barrier open " * 400, "en", limit=100)
    assert len(heard) <= 100
    assert heard.endswith(("open, and more", "barrier, and more"))


def test_a_long_text_without_spaces_is_cut_too() -> None:
    assert len(spoken("警" * 5000, "zh")) == 600


def test_a_text_that_is_all_markup_is_said_by_its_words() -> None:
    assert spoken("<b>", "en") == "b"


def test_a_huge_character_reference_is_no_trouble() -> None:
    assert spoken("&#" + "9" * 9000 + ";", "en")


@pytest.mark.parametrize("text", ["", " ", "🔥🔥", "\0", "<>", "***"])
def test_nothing_to_say_is_empty(text: str) -> None:
    assert spoken(text, "en") == ""


@pytest.mark.parametrize(
    ("text", "closed"),
    [("Open", "Open."), ("Open!", "Open!"), ("Open, ", "Open."), ("", "")],
)
def test_a_sentence_is_closed_once(text: str, closed: str) -> None:
    assert sentence(text, "en") == closed


@given(
    st.one_of(st.text(), st.text(st.characters()), st.text(_MARKUP_ALPHABET, max_size=80)),
    st.sampled_from([*_TAGS, "xx", ""]),
)
def test_any_text_can_be_spoken(text: str, language: str) -> None:
    heard = spoken(text, language)
    assert len(heard) <= 600
    assert not set(heard) & set("<>*_`#[]{}|\0\n")
    heard.encode()
    if any(c.isalpha() or c.isdigit() for c in text):
        assert any(c.isalpha() or c.isdigit() for c in heard)
