"""What is measured, counted, compared and paid. ``@UNITS@`` and ``@CURRENCIES@`` stand for the language's signs."""

# ruff: noqa: RUF001
# The dash of a range is not a hyphen.

import re

from gateway.model.ear import numbers
from gateway.model.ear.spelling import JOINT, LETTER, digits, initialism, long_code
from gateway.model.languages.form import Ear

_START = rf"(?<![{LETTER}0-9_.,])"
_END = rf"(?![{LETTER}0-9])"
_SHORT = r"[0-9]{1,6}(?:[.,][0-9]{1,3})?"

PRICE = rf"(?<![{LETTER}0-9])(?P<price_sign>@CURRENCIES@)[ ]?(?P<amount>{numbers.NUMBER}){_END}"
COST = rf"{_START}(?P<cost_amount>{numbers.SIGN}{numbers.NUMBER})[ ]?(?P<cost_sign>@CURRENCIES@){_END}"
# A dash between numbers is a range; a hyphen may be one, and is where a unit follows.
RANGE = (
    rf"{_START}(?<!-)(?P<low>{_SHORT})(?:[ ]?–[ ]?(?P<high>{_SHORT})(?![0-9–-])"
    rf"|-(?P<top>{_SHORT})(?=[ ]?(?:@UNITS@)(?![{LETTER}0-9/])))(?:[ ]?(?P<range_unit>@UNITS@)(?![{LETTER}0-9/]))?"
)
MEASURED = rf"{_START}(?P<measure>{numbers.SIGN}{numbers.NUMBER})(?P<gap>[ ]?)(?P<unit>@UNITS@)(?![{LETTER}0-9/])"
FRACTION = rf"{_START}(?<!/)[0-9]{{1,9}}(?:[ ]?/[ ]?[0-9]{{1,9}}){{1,4}}(?![{LETTER}0-9/])"
NUMBERED = rf"(?<![{LETTER}0-9&])#[ ]?(?P<count>[0-9]{{1,24}})(?![{LETTER}0-9]|[.,-][0-9])"
VERSION = rf"{_START}[vV](?P<version_number>[0-9]+(?:\.[0-9]+)+){_END}"
NUMBER = (
    rf"{_START}{numbers.SIGN}[0-9]+(?:[.,'][0-9]+)+(?![{LETTER}_]|-[{LETTER}0-9])"
    rf"|(?<![\w.,)%])(?:-|[+±][ ]?)[0-9]+(?![{LETTER}0-9_-]|[.,][0-9])"
)
ARROW = r"[ ]?(?:-{1,3}>|={1,3}>|→)[ ]?"
COMPARED = r"<=|>=|!=|≤|≥|≠|≈|(?<=[ ])(?:<>|[<>])(?=[ ])|(?<![<>])[<>~](?=[ ]?[-+]?[0-9])"
SIGN = r"[+&@%‰±]|(?<=[0-9])°"

# Words of alerts before a length of time: "for 5m" is minutes, which "a fence of 5m" is not.
_BEFORE_A_SPAN_LISTED = (
    "for over last past within since after every in than under above avg window timeout interval duration "
    "uptime durante desde hace últimos por há nos pendant depuis dans seit für während innerhalb letzten "
    "最近 过去 過去 持续 持續"
)
_BEFORE_A_SPAN = frozenset(_BEFORE_A_SPAN_LISTED.split())
_WORD_BEFORE = re.compile(r"([^\W\d_]{1,20})[ (=:]{0,2}$")
_SPAN_BEFORE = re.compile(r"[0-9](?:ms|d|h) $|\[$|[a-z_]\($")
_LONGEST_LOOK_BACK = 24
_LARGEST_OF_DATE = 31


def price(match: re.Match[str], ear: Ear) -> str:
    """Return an amount with the sign before it."""
    return numbers.amount(match["amount"], ear.currencies[match["price_sign"]], ear)


def cost(match: re.Match[str], ear: Ear) -> str:
    """Return an amount with the sign after it."""
    return numbers.amount(match["cost_amount"], ear.currencies[match["cost_sign"]], ear)


def range_(match: re.Match[str], ear: Ear) -> str:
    """Return two numbers as a range."""
    low, high = match["low"], match["high"] or match["top"]
    gap = JOINT if ear.spaced else ""
    words = ear.units.get(match["range_unit"] or "", "").rpartition("|")[2]
    if "{number}" in words:
        ends = [numbers.with_unit(end, words, ear) for end in (low, high)]
    else:
        ends = [numbers.number(low, ear, quantity=True), numbers.with_unit(high, words, ear)]
    return f"{gap}{ear.to}{gap}".join(ends)


def measured(match: re.Match[str], ear: Ear) -> str:
    """Return a number with its unit. "5m" is five minutes where time is spoken of, and else as it is written."""
    measure, unit = match["measure"], match["unit"]
    if unit == "m" and not match["gap"] and measure.isdigit():
        before = match.string[max(match.start() - _LONGEST_LOOK_BACK, 0) : match.start()]
        word = _WORD_BEFORE.search(before)
        if _SPAN_BEFORE.search(before) or (word and word[1].lower() in _BEFORE_A_SPAN):
            unit = "min"
        else:
            return f"{numbers.number(measure, ear, quantity=True)}{JOINT}{ear.letters.get('M', 'M')}"
    return numbers.with_unit(measure, ear.units[unit], ear)


def fraction(match: re.Match[str], ear: Ear) -> str:
    """Return numbers with strokes: "190/200" is so many out of so many, what may be a date is said as it is written."""
    parts = [numbers.number(part, ear, quantity=True) for part in re.findall("[0-9]+", match[0])]
    gap = JOINT if ear.spaced else ""
    counted = len(parts) == 2 and all(part.isdigit() for part in parts)  # noqa: PLR2004 (what is taken, what there is)
    if counted and int(parts[0]) <= int(parts[1]) > _LARGEST_OF_DATE:
        return ear.out_of.format(part=parts[0], whole=parts[1]).replace(" ", JOINT)
    return f"{gap}{ear.slash}{gap}".join(parts)


def numbered(match: re.Match[str], ear: Ear) -> str:
    """Return a number after its sign ("#5")."""
    count = match["count"]
    return ear.numbered.format(number=long_code(count, ear) if len(count) > 5 else _room(count, ear))  # noqa: PLR2004


def version(match: re.Match[str], ear: Ear) -> str:
    """Return a version with a word for its dots."""
    parts = [numbers.number(part, ear, quantity=True) for part in match["version_number"].split(".")]
    return f"{initialism('V', ear)} " + f" {ear.dot} ".join(parts).replace(" ", JOINT)


def plain_number(match: re.Match[str], ear: Ear) -> str:
    """Return a number that has a sign, a decimal part or thousands."""
    return numbers.number(match[0].replace(" ", ""), ear)


def arrow(_match: re.Match[str], ear: Ear) -> str:
    """Return the word for an arrow: a state became another."""
    return f" {ear.becomes} "


def compared(match: re.Match[str], ear: Ear) -> str:
    """Return the word for a comparison."""
    words = {
        "<": ear.less,
        ">": ear.greater,
        "<=": ear.at_most,
        "≤": ear.at_most,
        ">=": ear.at_least,
        "≥": ear.at_least,
        "!=": ear.not_equal,
        "<>": ear.not_equal,
        "≠": ear.not_equal,
        "≈": ear.about,
        "~": ear.about,
    }
    return f" {words[match[0]]} "


def sign(match: re.Match[str], ear: Ear) -> str:
    """Return the word for a sign that stands alone."""
    words = {"+": ear.plus, "&": ear.and_, "@": ear.at, "±": ear.plus_or_minus}
    unit = ear.units.get(match[0], "").rpartition("|")[2].replace("{number}", "")
    return f" {words.get(match[0], unit)} "


def _room(count: str, ear: Ear) -> str:
    return digits(count, ear) if count[0] == "0" else count
