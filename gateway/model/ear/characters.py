"""One way to write each thing, whatever keyboard or program it came from."""

# ruff: noqa: RUF001
# The signs here look like ASCII ones and are meant.

import re
import unicodedata

# NFKC would make the sentence signs of Chinese into ASCII ones, after which speech makes no pause without a space;
# an ordinal sign would become a letter, "2º" be read as "2o".
_KEPT = frozenset("，：；！？（）…ºª")
_PLAIN = str.maketrans(
    {
        "−": "-",  # the minus sign
        "‐": "-",
        "‑": "-",
        "‒": "–",
        "―": "—",
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "′": "'",
        "µ": "μ",
        "Ω": "Ω",
        "⁄": "/",
        "∕": "/",
        "℃": "°C",
        "℉": "°F",
        "№": "#",
        "＃": "#",
        "〜": "–",
        "∼": "~",
        "≃": "≈",
        "⇒": "→",
        "…": ", ",
    }
)
_DEGREES = re.compile(r"(?<=[0-9])([ \u00a0]?)[º˚](?=[CF]\b)")
_NUMERO = re.compile(r"\b[Nn][º°]\.?\s?(?=[0-9])")
_GROUP_SPACE = re.compile(r"(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SQUARE = re.compile("(?<=m)[²³]")
_LIKE_LATIN = str.maketrans("АВЕКМНОРСТУХавекмнорстухΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXABEKMHOPCTYXABEZHIKMNOPTYX")
_MIXED_CODE = re.compile(r"(?<!\w)(?=[^\W\d_]{0,3}[0-9])[0-9A-ZА-Яа-яΑ-Ω]{5,10}(?!\w)")


def plain(text: str) -> str:
    """Return ``text`` in composed characters and ASCII digits, without what is invisible; line ends stay."""
    text = _GROUP_SPACE.sub("", _DEGREES.sub(r"\1°", text))
    text = _SQUARE.sub(lambda match: str(unicodedata.digit(match[0])), _NUMERO.sub("#", text))
    text = "".join(map(_plain_character, text.translate(_PLAIN)))
    text = unicodedata.normalize("NFC", text.translate(_PLAIN))
    return _MIXED_CODE.sub(_as_latin, text)


def _plain_character(character: str) -> str:
    if character.isascii():
        return character if character >= " " or character == "\n" else " "
    if character in _KEPT:
        return character
    if character.isdigit():
        # Digits of any script; a raised one ("10²") or a circled one stands apart, and does not prolong a number.
        digit = str(unicodedata.digit(character))
        return digit if unicodedata.category(character) == "Nd" else f" {digit} "
    category = unicodedata.category(character)
    if category in {"Cf", "Cs", "Co", "Cn"}:
        return ""
    composed = unicodedata.normalize("NFKC", character)
    return f" {composed} " if category == "No" else composed


def _as_latin(match: re.Match[str]) -> str:
    """Return a plate in Latin letters: several scripts have letters of the same form, and plates use those alone."""
    token = match[0]
    latin = token.translate(_LIKE_LATIN)
    return latin if latin.isascii() and any(c.isdigit() for c in latin) else token
