"""Numbers, with their signs, units and currencies.

A sign is said as it is written: "3.5" with the word for the point, "3,5" with the word for the comma. It is only
left out where it can do nothing but part thousands.
"""

import re

from gateway.model.ear.spelling import JOINT, digits
from gateway.model.languages.form import Ear

# A run of digits with points, commas and apostrophes between them, and what stands before it as a sign.
NUMBER = r"[0-9]+(?:[.,'][0-9]+)*"
SIGN = r"(?:(?<![\w.,)%])[-+±])?"

_SHORTEST_SPELLED = 6
_LONGEST_QUANTITY = 12
_WHOLE_OF_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,'])[0-9]{3})(?:\1[0-9]{3})*")
_GROUPED_WITH_PART = re.compile(r"[0-9]{1,3}(?:([.,'])[0-9]{3})+(?!\1)([.,])[0-9]+")


def number(text: str, ear: Ear, *, quantity: bool = False) -> str:
    """Return a number as it is said. ``quantity``: it counts or measures, so that it is never said digit by digit."""
    sign, body = (text[0], text[1:]) if text[0] in "-+±" else ("", text)
    said = _unsigned(body, ear, quantity=quantity or bool(sign))
    word = {"": "", "-": ear.minus, "+": ear.plus, "±": ear.plus_or_minus}[sign]
    return _joined([word, said], ear)


def with_unit(text: str, words: str, ear: Ear) -> str:
    """Return a number with the words of its unit or currency (the form of ``Ear.units``)."""
    single, _, many = words.rpartition("|")
    if single and text in {"1", "-1"}:
        return _joined([ear.minus if text[0] == "-" else "", single.replace(" ", JOINT)], ear)
    said = number(text, ear, quantity=True)
    if "{number}" in many:
        return many.format(number=said)
    return _joined([said, many.replace(" ", JOINT)], ear)


def amount(text: str, words: str, ear: Ear) -> str:
    """Return an amount of money. No price has three decimals: a group of three digits at its end is of thousands."""
    grouped = _WHOLE_OF_GROUPED.fullmatch(text)
    return with_unit(_bare(text) if grouped else text, words, ear)


def _unsigned(body: str, ear: Ear, *, quantity: bool) -> str:
    if body.isdigit():
        return _whole(body, ear, quantity=quantity)
    signs = set(body) - set("0123456789")
    grouped = _WHOLE_OF_GROUPED.fullmatch(body)
    if grouped and (grouped[1] == "'" or grouped[1] in ear.thousands or body.count(grouped[1]) > 1):
        # A single point or comma before three digits may be the decimal one, unless the language has another for that.
        return _whole(_bare(body), ear, quantity=True)
    if both := _GROUPED_WITH_PART.fullmatch(body):
        whole, _, part = body.rpartition(both[2])
        return _with_part(_bare(whole), both[2], part, ear)
    if len(signs) == 1 and sum(body.count(sign) for sign in signs) == 1 and signs <= {".", ","}:
        sign = signs.pop()
        whole, _, part = body.partition(sign)
        return _with_part(whole, sign, part, ear)
    return _listed(body, ear)


def _whole(body: str, ear: Ear, *, quantity: bool) -> str:
    if (len(body) > 1 and body[0] == "0") or len(body) >= (_LONGEST_QUANTITY if quantity else _SHORTEST_SPELLED):
        return digits(body, ear)
    return body


def _with_part(whole: str, sign: str, part: str, ear: Ear) -> str:
    said = whole if whole == "0" else _whole(whole, ear, quantity=True)
    return _joined([said, ear.point if sign == "." else ear.comma, JOINT.join(part)], ear)


def _listed(body: str, ear: Ear) -> str:
    """Return numbers that are parted by several signs: a version ("2.3.1"), or a list without spaces ("1,2,3")."""
    parts = re.split(r"([.,'])", body)
    said = [_whole(part, ear, quantity=False) if part.isdigit() else part for part in parts]
    if "." not in parts:
        return "".join(ear.pause if part in {",", "'"} else part for part in said)
    words = [{".": ear.dot, ",": ear.comma, "'": ""}.get(part, part) for part in said]
    return _joined(words, ear)


def _bare(body: str) -> str:
    return "".join(c for c in body if c.isdigit())


def _joined(parts: list[str], ear: Ear) -> str:
    # Between the digits that follow a point there is a joint already; Chinese needs none around words.
    return (JOINT if ear.spaced else "").join(part for part in parts if part)
