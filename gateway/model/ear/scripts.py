"""Only what a voice of the language can say: its letters, digits, and the signs that make it pause.

espeak-ng reads "门" in English as "Chinese letter", and Cyrillic letter by letter; other engines drop both. So
Cyrillic and Greek are put into Latin letters, and of other scripts it is said that they are there.
"""

# ruff: noqa: RUF001
# The letters of other scripts are meant.

import functools
import re
import unicodedata

from gateway.model.ear.spelling import JOINT
from gateway.model.languages.form import Ear

_SIGNS = frozenset(" .,:;!?'-" + JOINT)
_PAUSES = str.maketrans({"(": ", ", ")": ", ", "–": ", ", "—": ", ", "·": " ", "•": ", "})
_CHINESE_PAUSES = str.maketrans({"（": "，", "）": "，", "·": "，", "「": "", "」": ""})
_OUTSIDE_CHINESE = str.maketrans(
    dict(zip("，。；：！？、（）", [", ", ". ", "; ", ": ", "! ", "? ", ", ", ", ", ", "], strict=True))
)
_FOREIGN = "\ue001"
_RUN_OF_FOREIGN = re.compile(f"{_FOREIGN}(?:[^\\w]{{0,3}}{_FOREIGN})*")
_ROMANISED = (
    "а:a б:b в:v г:g д:d е:e ё:yo ж:zh з:z и:i й:y к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch "
    "ш:sh щ:shch ъ: ы:y ь: э:e ю:yu я:ya і:i ї:yi є:ye ґ:g ў:u ј:j љ:lj њ:nj ћ:c ђ:dj џ:dz ѓ:g ќ:k ѕ:dz α:a "
    "β:v γ:g δ:d ε:e ζ:z η:i θ:th ι:i κ:k λ:l μ:m ν:n ξ:x ο:o π:p ρ:r σ:s ς:s τ:t υ:y φ:f χ:ch ψ:ps ω:o"
)
_LATIN = dict(pair.split(":") for pair in _ROMANISED.split())


def speakable(text: str, ear: Ear) -> str:
    """Return ``text`` in characters that a voice of the language can say. Pauses and digits stay."""
    text = text.translate(_PAUSES)
    text = text.translate(_OUTSIDE_CHINESE if ear.spaced else _CHINESE_PAUSES)
    kept = "".join(_speakable_character(c, ear.signs, chinese=not ear.spaced) for c in text)
    phrase = f" {ear.other_script} " if ear.spaced else ear.other_script
    return _RUN_OF_FOREIGN.sub(phrase, kept)


def can_be_said(text: str) -> bool:
    """Tell whether a text has any letter or digit."""
    return any(c.isalpha() or c.isdigit() for c in text)


@functools.lru_cache(maxsize=4096)
def _speakable_character(character: str, signs: str, *, chinese: bool) -> str:
    if character in _SIGNS or character in signs or (character.isascii() and character.isalnum()):
        return character
    if not character.isalpha():
        return " " if unicodedata.category(character)[0] != "M" else ""
    name = unicodedata.name(character, "")
    if name.startswith("LATIN"):
        return character
    if unicodedata.category(character) == "Lm" or character in "ºª":
        return " "  # it only modifies the letter or number before it
    if name.startswith(("CJK", "IDEOGRAPHIC")):
        return character if chinese else _FOREIGN
    latin = _transliterated(character)
    return _FOREIGN if latin is None else latin


def _transliterated(character: str) -> str | None:
    lower = character.lower()
    latin = _LATIN.get(lower)
    if latin is None:
        # Greek vowels with their accents.
        latin = _LATIN.get(unicodedata.normalize("NFD", lower)[0])
    if latin is None:
        return None
    return latin.capitalize() if character != lower else latin
