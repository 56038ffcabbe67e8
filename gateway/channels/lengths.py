"""Fitting a text into a provider's limit without losing what it is for."""

import re
import unicodedata

ELLIPSIS = "…"

_LINK = re.compile(r"https?://\S+")
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_BEYOND_BMP = 0x10000


def shortened(text: str, limit: int) -> str:
    """Return the text, cut to ``limit`` UTF-16 code units where it is longer.

    UTF-16 is the strictest of the ways in which the providers count. What is cut ends in
    an ellipsis, never within a character as people see it. The line with the last link,
    and what follows it, is kept whole if it takes no more than half of the room:
    it is where the recipient acknowledges.
    """
    if width(text) <= limit:
        return text
    tail = _last_link(text, limit // 2)
    room = limit - width(tail) - 1
    return _head(text, room).rstrip() + ELLIPSIS + tail


def width(text: str) -> int:
    """Return the length of a text in UTF-16 code units."""
    return len(text) + sum(ord(character) >= _BEYOND_BMP for character in text)


def _last_link(text: str, room: int) -> str:
    links = list(_LINK.finditer(text))
    if not links:
        return ""
    link = links[-1]
    line = text.rfind("\n", 0, link.start()) + 1
    for tail in (text[line:], text[link.start() :], link.group()):
        if width(tail) < room:
            return "\n" + tail
    return ""


def _head(text: str, room: int) -> str:
    end = used = 0
    for character in text:
        used += width(character)
        if used > room:
            break
        end += 1
    while 0 < end < len(text) and _belong_together(text[end - 1], text[end]):
        end -= 1
    return text[:end]


def _belong_together(left: str, right: str) -> bool:
    return _JOINER in {left, right} or unicodedata.category(right) in {"Mn", "Mc", "Me"} or ord(right) in _SKIN_TONES
