"""What holds for any text that is made for the ear."""

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.languages import LANGUAGES, language_for
from gateway.model.speech_text import spoken

_TAGS = [language.tag for language in LANGUAGES]
_MARKUP_ALPHABET = "<>/&;#abXY19 -_*`[]()!:.,+%=\"'\\{}|\n\0\u200d\ufe0f🔥éß你好1\u202e٣\ud800粤Ж½²º°€"
_ANY_TEXT = st.one_of(st.text(), st.text(st.characters()), st.text(_MARKUP_ALPHABET, max_size=80))
_NEGATION = re.compile(r"\b(?:not|no)\b", re.IGNORECASE)
# What the texts of alerts are made of. Only digits from 2 on: "1 h" is said as "one hour".
_NUMBER = st.text("23456789", min_size=1, max_size=5)
_PIECE = st.one_of(
    st.sampled_from(
        ["plate", "Gate", "zone", "NOT", "not", "no", "CPU", "门", "ß", "é", "-", "->", "(", ")", ",", ".", ":", "% "]
    ),
    st.builds("{}{}{}".format, st.text("ABKXY", max_size=3), _NUMBER, st.text("BMXYZ", max_size=3)),
    st.builds("-{}".format, _NUMBER),
    st.builds("{}.{}".format, _NUMBER, _NUMBER),
    st.builds("{},{}".format, _NUMBER, _NUMBER),
    st.builds("{}/{}".format, _NUMBER, _NUMBER),
    st.builds("{}-{}".format, _NUMBER, _NUMBER),
    st.builds("{}{}".format, _NUMBER, st.sampled_from(["°C", "%", " km/h", "m", "s", " MB", "€", "th", "x"])),
)
_ALERT = st.lists(_PIECE, max_size=12).map(" ".join)


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) for c in text if c.isdigit())


@given(_ANY_TEXT, st.sampled_from([*_TAGS, "xx", ""]), st.integers(40, 600))
@example("{", "en", 40)
def test_any_text_can_be_spoken(text: str, language: str, limit: int) -> None:
    heard = spoken(text, language, limit=limit)
    assert len(heard) <= limit
    heard.encode()
    if any(c.isalpha() or c.isdigit() for c in text):
        assert any(c.isalpha() or c.isdigit() for c in heard)


@given(_ANY_TEXT, st.sampled_from(LANGUAGES))
def test_only_what_a_voice_of_the_language_can_say_is_left(text: str, language: object) -> None:
    tag = getattr(language, "tag", "")
    ear = language_for(tag).ear
    for character in spoken(text, tag):
        if character.isalpha() and character not in ear.signs:
            script = unicodedata.name(character).split()[0]
            assert script == "LATIN" or (not ear.spaced and script in {"CJK", "IDEOGRAPHIC"})
        else:
            assert character in " .,:;!?'-0123456789" or character in ear.signs


@given(_ALERT, st.sampled_from(_TAGS))
def test_every_digit_is_said_in_its_order(text: str, language: str) -> None:
    heard = spoken(text, language, limit=10_000)
    if language_for(language).ear.spaced or "/" not in text:  # Chinese names the whole before its part
        assert _digits(heard) == _digits(text), heard


@given(_ALERT, st.sampled_from(_TAGS))
def test_minus_signs_and_decimal_points_are_said(text: str, language: str) -> None:
    ear = language_for(language).ear
    heard = spoken(text, language, limit=10_000)
    assert heard.count(ear.minus) >= len(re.findall(r"(?<!\S)-[0-9]", text))
    assert heard.count(ear.point) >= len(re.findall(r"(?<!\S)[0-9]+\.[0-9]+(?!\S)", text))
    assert len(re.findall(r"\b(?:not|no)\b", heard, re.IGNORECASE)) >= len(
        re.findall(r"\b(?:not|no)\b", text, re.IGNORECASE)
    )


@given(_ALERT, st.sampled_from(_TAGS))
def test_what_was_said_says_the_same_digits_when_it_is_read_again(text: str, language: str) -> None:
    heard = spoken(text, language, limit=10_000)
    assert _digits(spoken(heard, language, limit=20_000)) == _digits(heard)


# Parted by "¦", which no pattern looks for.
_REPEATED_LISTED = (
    "a¦1¦A¦-¦.¦:¦/¦<¦>¦&¦+¦_¦(¦[¦![¦[](¦<b ¦<!--¦<script>¦&#¦://¦a.¦a-¦a_¦1.¦1,¦1:¦1/¦1-¦-1¦+1 ¦1 ¦A1¦a1¦"
    "aB¦ABc¦1m¦1h¦a@a.¦w.¦AB 12 ¦plate ¦plate: A ¦fe:¦::¦00:¦0-¦2026-¦é¦門¦粤A¦\n¦\n- ¦| ¦\u200b¦1\u00a0¦%¦"
    "{¦{'a':¦€1 ¦ -¦- ¦,¦ ,¦\ue000"
)
_REPEATED = _REPEATED_LISTED.split("¦")


@pytest.mark.parametrize("repeated", _REPEATED)
def test_a_long_text_takes_no_longer_than_its_length(repeated: str) -> None:
    text = (repeated * 5000)[:5000]
    started = time.process_time()
    for language in ("en", "zh"):
        spoken(text, language)
        spoken(text[:-1] + "!", language)
    assert time.process_time() - started < 1
