"""Number plates: spelled, with words for the letters that a telephone makes alike.

A plate is known by the word before it, in any of our languages (cameras seldom write in that of the callee), or by
its form, as far as nothing else is written so.
"""

# ruff: noqa: RUF001
# The signs of Chinese text are meant.

import re

from gateway.model.ear.spelling import LETTER, spelled
from gateway.model.languages.form import Ear

_LONGEST_PLATE = 10
_SHORTEST_PLATE = 4
_SHORTEST_JOINED = 5
_VOWELS = frozenset("AEIOUÄÖÜ")
# Letters beside a number that are its unit, or a word of a text in capitals, and no part of a plate.
_NO_LETTERS_LISTED = (
    "KM KMH MPH KG KB MB GB TB DB HZ KHZ MHZ GHZ KW KWH MW KV MV CM MM MS RPM PPM SEC MIN AM PM TCP UDP SSL "
    "CPU RAM PID ALL AN AND ARE AS AT BAD BAY BOX BUS BY CAM CAR DO FOR GO HAS HOT IF IN IS IT KEY LOT LOW MAX "
    "NEW NO NOT NOW OF OFF OK OLD ON OR OUT ROW RUN THE TO UP US VAN WAS WE CON DAS DEL DER DES DIE DU EL EN "
    "ET LA LAS LE LES LOS MIT NON PAR POR QUE SIN SUR UN UND UNE VOM VON ZU ZUM"
)
_NO_LETTERS = frozenset(_NO_LETTERS_LISTED.split())

_WORD = (
    r"licen[cs]e[ _]?plate|number[ _]?plate|plate(?:[ _](?:number|no\.?|text|id))?|registration"
    r"|matr[iíÍ]cula|placa|patente"
    r"|kennzeichen|nummernschild|plaque(?:[ _]d['’]immatriculation)?|immatriculation|车牌号?码?|号牌|車牌號?碼?"
)
_CODE = r"[0-9A-ZÄÖÜ]{1,8}(?:[ ·-][0-9A-ZÄÖÜ]{1,5}){0,3}"
AFTER_WORD = (
    rf"(?P<plate_word>(?<![{LETTER}])(?i:{_WORD})s?)(?P<plate_gap>(?: (?:is|no|es|est|ist))?[ ]?[:#=：]?[ ]?)"
    rf"(?P<named_plate>{_CODE})(?![{LETTER}0-9]|[.,/][0-9])"
)
# Spain, Britain, Germany, France and the Netherlands, Brazil, the United States, Hong Kong, India and their like.
BY_FORM = (
    rf"(?<![{LETTER}0-9.,_-])(?P<plate>"
    r"[0-9]{4}[ -][A-Z]{3}"
    r"|[A-Z]{2}[0-9]{2}[ -][A-Z]{3}"
    r"|[A-ZÄÖÜ]{1,3}-[A-ZÄÖÜ]{1,2}[ -]?[0-9]{1,4}[EH]?"
    r"|[A-Z]{2}[ -][0-9]{3}[ -][A-Z]{2}"
    r"|[A-Z]{2}[ -][0-9]{1,2}[ -][A-Z]{1,3}[ -][0-9]{4}"
    r"|[A-Z]{1,3}[ -][0-9]{1,4}[ -][A-Z]{1,3}"
    r"|[A-Z]{3}[ -][0-9][A-Z][0-9]{2}"
    rf"|[A-Z]{{2,3}}[ -][0-9]{{3,4}})(?![{LETTER}0-9_-]|[.,][0-9])"
)
# Mainland plates begin with the sign of their province.
_PROVINCES = {
    "京": "Jing",
    "津": "Jin",
    "沪": "Hu",
    "渝": "Yu",
    "冀": "Ji",
    "豫": "Yu",
    "云": "Yun",
    "辽": "Liao",
    "黑": "Hei",
    "湘": "Xiang",
    "皖": "Wan",
    "鲁": "Lu",
    "新": "Xin",
    "苏": "Su",
    "浙": "Zhe",
    "赣": "Gan",
    "鄂": "E",
    "桂": "Gui",
    "甘": "Gan",
    "晋": "Jin",
    "蒙": "Meng",
    "陕": "Shan",
    "吉": "Ji",
    "闽": "Min",
    "贵": "Gui",
    "粤": "Yue",
    "粵": "Yue",
    "青": "Qing",
    "藏": "Zang",
    "川": "Chuan",
    "宁": "Ning",
    "琼": "Qiong",
}
_ENDS = {"港": "Gang", "澳": "Ao", "学": "Xue", "警": "Jing", "挂": "Gua", "领": "Ling"}
CHINESE = (
    rf"(?P<province>[{''.join(_PROVINCES)}])(?P<chinese_plate>[A-Z][ ·.-]?[A-Z0-9]{{4,6}}(?![A-Z0-9]))"
    rf"(?P<plate_end>[{''.join(_ENDS)}]?)"
)


def after_word(match: re.Match[str], ear: Ear) -> str | None:
    """Return a plate that is called so; ``None`` where what follows the word is none, or is spelled already."""
    code = match["named_plate"]
    length = sum(c.isalnum() for c in code)
    if not any(c.isdigit() for c in code) or not _SHORTEST_PLATE <= length <= _LONGEST_PLATE:
        return None
    if all(len(part) == 1 for part in re.split(r"[ ·-]", code)):
        return None
    gap = match["plate_gap"].replace("=", ": ").replace("#", " ")
    return f"{match['plate_word'].replace('_', ' ')}{gap}{spelled(code, ear, alphabet=True)}"


def by_form(match: re.Match[str], ear: Ear) -> str | None:
    """Return what is written as plates are; ``None`` where it may be words and numbers."""
    plate = match["plate"]
    groups = [run for run in re.findall(r"[^\W\d]+|[0-9]+", plate) if run.isalpha()]
    if any(group in _NO_LETTERS for group in groups):
        return None
    # Letters with a vowel can be any word ("GAS 400"); two groups of letters, or none with one, are a plate.
    is_plate_form = len(groups) > 1 or plate[0].isdigit() or not set(groups[0]) & _VOWELS
    return spelled(plate, ear, alphabet=True) if is_plate_form else None


def chinese(match: re.Match[str], ear: Ear) -> str:
    """Return a plate of mainland China; in other languages its signs are said in their romanisation."""
    province, end = match["province"], match["plate_end"]
    if ear.spaced:
        province, end = _PROVINCES[province], _ENDS.get(end, "")
    parts = [province, spelled(match["chinese_plate"], ear, alphabet=True), end]
    return ear.pause.join(part for part in parts if part)


def is_plate(code: str) -> bool:
    """Tell whether one word of letters and digits has the form of a plate: two or more digits, up to five letters."""
    letters = sum(c.isalpha() for c in code)
    figures = sum(c.isdigit() for c in code)
    return (
        code.upper() == code
        and _SHORTEST_JOINED <= letters + figures <= _LONGEST_PLATE - 1
        and 1 <= letters <= 5  # noqa: PLR2004 (no country has more)
        and figures >= 2  # noqa: PLR2004 (nor fewer)
    )
