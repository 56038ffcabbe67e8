"""Text for the ear: what an alert says, without what only the eye can use.

Sources send HTML, Markdown, JSON, emoji, links, number plates, codes. A voice reads a tag aloud, "AB-1234-XY" as a
thousand and something and, in Spanish, "-5" as five; so plates and codes are spelled, signs become words, and the
rest is dropped. ``gateway.model.ear`` has the parts.
"""

# ruff: noqa: RUF001
# The signs of Chinese sentences look like ASCII ones and are meant.

import re

from gateway.model.ear.characters import plain
from gateway.model.ear.markup import without_markup
from gateway.model.ear.reading import read
from gateway.model.ear.scripts import can_be_said, speakable
from gateway.model.ear.spelling import JOINT
from gateway.model.languages import language_for
from gateway.model.languages.form import Ear

_LONGEST_INPUT = 6000  # no text of an alert is longer; more is cut before any work is done
_LONGEST_WORD = 40

_SIGNS = str.maketrans(dict.fromkeys("<>*_`#[]{}|~^\\=$", " "))
_SLASH = re.compile(r"(?<![0-9])/|/(?![0-9])")
_REPEATED_SIGN = re.compile(r"([^\w\s])(?:\s{0,9}\1)+")
_STRAY_SIGNS = re.compile(r"(?<!\S)[^\w\s\ue000]+(?=\s|$)")
_PAUSES = re.compile(r"[,;:]\s*(?=[,;:.!?])|(?<=[.!?;:])\s*,(?=\s|$)")
_DASH = re.compile(r"(?<=\w)\s{1,9}-{1,3}\s")
_DASH_IN_WORD = re.compile(r"(?<!\w)-|-(?!\w)")
_SPACE_BEFORE_STOP = re.compile(r"\s+([,.;:!?](?=\s|$)|[，。；：！？、])")
_SPACE_IN_CHINESE = re.compile(r"(?<=[，。；：！？、])\s+")
_END_SIGNS = ".!?。！？…;；:：,， "  # Chinese signs end a sentence as well


def spoken(text: str, language: str, *, limit: int = 600) -> str:
    """Return ``text`` as it should be read aloud in ``language`` (a BCP 47 tag), of at most ``limit`` characters.

    Tags, Markdown, emoji and control characters are dropped, links shortened to their host, plates and codes
    spelled, long numbers said digit by digit; signs, units, times and dates are put into words. A longer text ends at a
    word, never within a plate or a number, with "and more". Never raises; the result has no markup, and is not empty
    where the text has any letter or digit. ``limit`` is at least 40.
    """
    ear = language_for(language).ear
    cut = text[:_LONGEST_INPUT]
    said = _said(without_markup(cut), ear)
    if not can_be_said(said):
        # All there was stood inside markup, or is of a kind that is dropped: say its bare words.
        bare = " ".join(word.replace("_", " ").strip() for word in re.findall(r"\w+", cut) if can_be_said(word))
        said = _said(bare, ear) or (ear.other_script if can_be_said(cut) else "")
    return _bounded(said, ear, limit).replace(JOINT, " ")


def sentence(text: str, language: str) -> str:
    """Return ``text`` closed as a sentence of its language, so that the voice falls and pauses; empty stays empty."""
    bare = text.rstrip()
    if not bare or bare[-1] in ".!?。！？":  # Chinese signs end a sentence as well
        return bare
    return bare.rstrip(_END_SIGNS) + language_for(language).ear.full_stop.strip()


def _said(text: str, ear: Ear) -> str:
    read_out = read(plain(text), ear)
    return _tidy(speakable(_SLASH.sub(" ", read_out).translate(_SIGNS), ear))


def _tidy(text: str) -> str:
    text = _REPEATED_SIGN.sub(r"\1", _DASH_IN_WORD.sub(" ", _DASH.sub(", ", text)))
    text = _SPACE_BEFORE_STOP.sub(r"\1", " ".join(_STRAY_SIGNS.sub(_pause, text).split()))
    return _SPACE_IN_CHINESE.sub("", _PAUSES.sub("", text)).strip(" ,;-:，；：、" + JOINT)


def _pause(match: re.Match[str]) -> str:
    """Return what is left of signs that stand alone: a pause, where there is one among them."""
    return next((c for c in match[0] if c in ".!?;:,"), " ")


def _bounded(text: str, ear: Ear, limit: int) -> str:
    if len(text) <= limit:
        return text
    more = ear.pause + ear.and_more
    room = text[: limit - len(more)]
    at_word = room.rsplit(" ", 1)[0] if " " in room else room
    if JOINT in room[-_LONGEST_WORD:] and " " not in room:
        at_word = room.rstrip(JOINT)
    return at_word.rstrip(_END_SIGNS + JOINT) + more
