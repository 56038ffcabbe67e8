"""One pass over a text that finds what a voice must not be left to guess, and has it said.

What was said is not looked at again, so that no rule undoes another. At each place the first pattern counts: the
order is from the most telling form to the least. Every pattern is bounded in its repetitions or cannot match a text in
two ways, so that the time grows with the text's length alone.
"""

import functools
import re
from collections.abc import Callable

from gateway.model.ear import addresses, codes, moments, plates, quantities
from gateway.model.ear.spelling import JOINT, LETTER
from gateway.model.languages.form import Ear

_Say = Callable[[re.Match[str], Ear], str | None]

_LONE_LETTER_AT_END = re.compile(rf"(?<![{LETTER}'-])[{LETTER}]$")

_SAYS: dict[str, tuple[str, _Say]] = {
    "url": (addresses.URL, addresses.url),
    "email": (addresses.EMAIL, addresses.email),
    "iso": (moments.ISO, moments.iso),
    "year_first": (moments.YEAR_FIRST, moments.year_first),
    "day_first": (moments.DAY_FIRST, moments.day_first),
    "mac": (addresses.MAC, addresses.mac),
    "time": (moments.TIME, moments.time_of_day),
    "ipv6": (addresses.IPV6, addresses.ipv6),
    "ipv4": (addresses.IPV4, addresses.ipv4),
    "phone": (addresses.PHONE, addresses.phone),
    "plate_named": (plates.AFTER_WORD, plates.after_word),
    "plate_chinese": (plates.CHINESE, plates.chinese),
    "plate_form": (plates.BY_FORM, plates.by_form),
    "span": (moments.SPAN, moments.span),
    "price": (quantities.PRICE, quantities.price),
    "cost": (quantities.COST, quantities.cost),
    "range_": (quantities.RANGE, quantities.range_),
    "measured": (quantities.MEASURED, quantities.measured),
    "fraction": (quantities.FRACTION, quantities.fraction),
    "numbered": (quantities.NUMBERED, quantities.numbered),
    "version": (quantities.VERSION, quantities.version),
    "number": (quantities.NUMBER, quantities.plain_number),
    "host": (addresses.HOST, addresses.host),
    "arrow": (quantities.ARROW, quantities.arrow),
    "compared": (quantities.COMPARED, quantities.compared),
    "sign": (quantities.SIGN, quantities.sign),
    "word": (codes.WORD, codes.said),
}


def read(text: str, ear: Ear) -> str:
    """Return ``text`` with everything in words that needs them. What is to be heard whole has ``JOINT`` for spaces."""
    first, without_plates = _pattern(ear, plates_too=True), _pattern(ear, plates_too=False)
    said, place = [], 0
    while match := first.search(text, place):
        said.append(text[place : match.start()])
        words = _say(match, ear)
        if words is None and (other := without_plates.match(text, match.start())):
            match = other
            words = _say(match, ear)
        said.append(match[0] if words is None else _with_pause(words, match, ear))
        place = match.end()
    said.append(text[place:])
    return "".join(said)


def _say(match: re.Match[str], ear: Ear) -> str | None:
    return _SAYS[str(match.lastgroup)][1](match, ear)


def _with_pause(said: str, match: re.Match[str], ear: Ear) -> str:
    """Return what was said with a pause after it, where it is spelled and something follows."""
    after = match.string[match.end() : match.end() + 2]
    if not (after[:1].isalnum() or (after[:1].isspace() and after[1:].isalnum())):
        return said
    spelled_out = (
        ear.pause.rstrip() in said or _LONE_LETTER_AT_END.search(said) or (JOINT in said and after.strip().isdigit())
    )
    if said == match[0] or not spelled_out:
        return said
    return said + (ear.pause.rstrip() if after[:1].isspace() else ear.pause)


def _pattern(ear: Ear, *, plates_too: bool) -> re.Pattern[str]:
    return _compiled(tuple(ear.units), tuple(ear.currencies), plates_too=plates_too)


@functools.lru_cache(maxsize=32)
def _compiled(units: tuple[str, ...], currencies: tuple[str, ...], *, plates_too: bool) -> re.Pattern[str]:
    places = {"@UNITS@": _any_of(units), "@CURRENCIES@": _any_of(currencies)}
    alternatives = []
    for name, (pattern, _) in _SAYS.items():
        if plates_too or not name.startswith("plate_"):
            for place, choice in places.items():
                pattern = pattern.replace(place, choice)  # noqa: PLW2901 (filled in place by place)
            alternatives.append(f"(?P<{name}>{pattern})")
    # Chinese is written without spaces: only Latin letters, digits and "_" make what stands beside them one word.
    return re.compile("|".join(alternatives), re.ASCII)


def _any_of(signs: tuple[str, ...]) -> str:
    return "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))
