"""Text for the ear: what an alert says, without what only the eye can use.

Sources send HTML, Markdown, emoji, links, number plates, codes. A voice reads a tag
aloud and "AB-1234-XY" as a thousand and something; so plates and codes are spelled, signs
become words, and the rest is dropped.
"""

# ruff: noqa: RUF001
# The signs of Chinese sentences look like ASCII ones and are meant.

import html
import re
import unicodedata
from collections.abc import Callable

from gateway.model.languages import Language, language_for
from gateway.model.languages.form import Ear

_LONGEST_INPUT = 6000  # no text of an alert is longer; more is cut before any work is done
_LONGEST_CODE = 16  # longer ones (hashes, UUIDs) nobody can follow: their end is spelled
_LAST_OF_CODE = 4
_TWO_DIGITS = 10
_LONGEST_WORD = 40
_SHORTEST_CODE_WORD = 4
_SHORTEST_SPELLED_NUMBER = 6
_RUNS_OF_A_NAME = 3  # a word with a number before and after it; a hash alternates more often
# These are said letter by letter everywhere, though their letters could be read as a word.
_INITIALISMS = frozenset({"ANPR", "ALPR", "LPR", "UPS", "ID", "IP", "AC", "UTC", "API", "URL", "USB"})

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
# Only tags that there are: "<GATE 3> open" is not HTML, and its words must be heard.
_TAG = re.compile(
    r"</?(?:a|abbr|article|b|big|blockquote|body|br|break|button|center|code|dd|del|div|dl|dt|em|emphasis|font|footer|form"
    r"|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|li|link|main|mark|meta|nav|ol|option|p|pre|prosody|q|s"
    r"|say-as|section|select|small|span|speak|strike|strong|sub|sup|svg|table|tbody|td|textarea|tfoot|th|thead|title"
    r"|tr|tt|u|ul|voice)(?:\s[^<>]*)?/?>|<[!?][^<>]*>",
    re.IGNORECASE,
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_LIST_SIGN = re.compile(r"(?m)^[ \t]*(?:[-+•]|\d{1,2}[.)])[ \t]+")
_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.)[^\s<>\"'\[\](){}，。；：！？、（）]*", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9+.-]+://)?(?:[^/@?#]*@)?(?:www\.)?([\w.-]*)", re.IGNORECASE)
_EMAIL = re.compile(r"\b([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63})+)")
_TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?(?![\d:])", re.ASCII)
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![A-Za-z0-9])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}-\d{1,2}-\d{4}", re.ASCII)
_PHONE = re.compile(r"\+\d[\d ()-]{5,18}\d", re.ASCII)
_PLUS = re.compile(r"\+(?=\d)")
_RUN = re.compile(r"[A-Za-z]+|\d+", re.ASCII)
_SIGNS = str.maketrans(dict.fromkeys("<>*_`#[]{}|~^\\=", " "))
_SLASH = re.compile(r"(?<!\d)/|/(?!\d)", re.ASCII)  # between digits a voice must say it: "190/200"
_REPEATED_SIGN = re.compile(r"([^\w\s])(?:\s*\1)+")
_STRAY_SIGNS = re.compile(r"(?<!\S)[^\w\s]+(?=\s|$)")
_SPACE_BEFORE_STOP = re.compile(r"\s+([,.;!?](?=\s|$)|[，。；！？、])")
_LINE_END = re.compile(r"([\w\)\"'%])[ \t]*\n\s*")
# NFKC would make the sentence signs of Chinese into ASCII ones, after which speech makes no pause without a space.
_KEPT_SIGNS = frozenset("，：；！？（）…")
_END_SIGNS = ".!?。！？…;；:：,， "  # Chinese signs end a sentence as well


def spoken(text: str, language: str, *, limit: int = 600) -> str:
    """Return ``text`` as it should be read aloud in ``language`` (a BCP 47 tag), of at most ``limit`` characters.

    Tags, Markdown, emoji and control characters are dropped, links shortened to their
    host, plates and codes spelled, long numbers said digit by digit, units and
    times put into words. A longer text ends at a word, with "and more". Never raises; the result has
    no markup, and is not empty where the text has any letter or digit. ``limit`` is at least 40.
    """
    speaks = language_for(language)
    ear = speaks.ear
    cut = text[:_LONGEST_INPUT]
    plain = _without_markup(cut)
    for pattern, said in _sayings(ear):
        plain = pattern.sub(said, plain)
    plain = _SLASH.sub(" ", plain).replace("&", f" {ear.and_} ")
    plain = _tidy(_without_symbols(plain).translate(_SIGNS))
    if not _can_be_said(plain):
        # All there was stood inside markup, or is of a kind that is dropped: say its bare words.
        plain = " ".join(word.replace("_", " ").strip() for word in re.findall(r"\w+", cut) if _can_be_said(word))
        plain = plain or " ".join(c for c in cut if c.isalpha() or c.isdigit())
    return _bounded(plain, speaks, limit)


def sentence(text: str, language: str) -> str:
    """Return ``text`` closed as a sentence of its language, so that the voice falls and pauses; empty stays empty."""
    bare = text.rstrip()
    if not bare or bare[-1] in ".!?。！？":  # Chinese signs end a sentence as well
        return bare
    return bare.rstrip(_END_SIGNS) + language_for(language).ear.full_stop.strip()


def spelled(code: str) -> str:
    """Return letters and digits one by one, with the pause between them that makes a voice say each by its name."""
    return ", ".join(character for character in code if character.isalnum())


def _without_markup(text: str) -> str:
    for pattern, replacement in ((_HIDDEN, " "), (_TAG, " ")):
        text = pattern.sub(replacement, text)
    text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    text = _TAG.sub(" ", _HIDDEN.sub(" ", text))
    text = "".join(c if c in _KEPT_SIGNS else unicodedata.normalize("NFKC", c) for c in text)
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if unicodedata.category(c) == "Cc" and c != "\n" else c for c in text)
    text = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"})
    text = _MARKDOWN_LINK.sub(lambda match: match[1] or " ", text)
    return _LINE_END.sub(r"\1. ", _LIST_SIGN.sub("", text))


def _without_symbols(text: str) -> str:
    return "".join(c if _is_sayable(c) else " " for c in text)


def _is_sayable(character: str) -> bool:
    category = unicodedata.category(character)
    if category.startswith("M"):
        # Variation selectors and enclosing marks belong to emoji; other marks belong to letters.
        return category != "Me" and not "\ufe00" <= character <= "\ufe0f"
    return category[0] in "LNPZ" or category == "Sc" or character == "\n"


def _sayings(ear: Ear) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    units = "|".join(re.escape(unit) for unit in sorted(ear.units, key=len, reverse=True))
    unit = re.compile(rf"(?<![\w.,-])(\d+(?:[.,]\d+)?)[ \u00a0]?({units})(?![A-Za-z0-9/])", re.ASCII)
    return [
        (_URL, lambda match: _say_link(match[0], ear)),
        (_EMAIL, lambda match: f"{match[1]} {ear.at} {_say_host(match[2], ear)}"),
        (_PHONE, lambda match: f"{ear.plus} {spelled(match[0])}"),
        (_TIME, lambda match: _say_time(int(match[1]), int(match[2]), ear)),
        (unit, lambda match: _say_unit(match[1], ear.units[match[2]], ear)),
        (_CODE, lambda match: _say_code(match, ear)),
        (_PLUS, lambda _: f"{ear.plus} "),
    ]


def _say_link(url: str, ear: Ear) -> str:
    tail = url[len(url.rstrip(".,;:!?")) :] if url[-1] in ".,;:!?" else ""
    found = _HOST.match(url)
    host = found[1].strip(".-_") if found else ""
    said = ear.link_to.format(host=_say_host(host, ear)) if _can_be_said(host) else ear.link
    return f" {said}{tail or ' '}"


def _say_host(host: str, ear: Ear) -> str:
    return f" {ear.dot} ".join(part for part in host[:_LONGEST_WORD].split(".") if part)


def _say_time(hour: int, minute: int, ear: Ear) -> str:
    if minute == 0:
        return ear.full_hour.format(hour=hour)
    said = ear.minute_below_ten.format(minute=minute) if minute < _TWO_DIGITS else str(minute)
    return ear.time.format(hour=hour, minute=said)


def _say_unit(number: str, word: str, ear: Ear) -> str:
    if "{number}" in word:
        return word.format(number=number)
    return f"{number} {word}" if ear.spaced else f"{number}{word}"


def _say_long(code: str, ear: Ear) -> str:
    if len(code) > _LONGEST_CODE:
        return ear.ending_in.format(digits=spelled(code[-_LAST_OF_CODE:]))
    return spelled(code)


def _say_code(match: re.Match[str], ear: Ear) -> str:
    """Spell a plate or a code, with a pause after it; anything else is returned as it is."""
    token = match[0]
    before, after = match.string[max(match.start() - 1, 0) : match.start()], match.string[match.end() : match.end() + 2]
    bare = token.replace("-", "")
    if bare.isdigit() and (before in {".", ","} or (after[:1] in {".", ","} and after[1:].isdigit())):
        return token  # a part of a decimal number
    said = _as_code(token, bare, ear)
    return f"{said}," if said != token and "," in said and after[:1].isspace() and after[1:].isalnum() else said


def _as_code(token: str, bare: str, ear: Ear) -> str:
    if bare in _INITIALISMS or (bare.isupper() and 1 < len(bare) <= _SHORTEST_CODE_WORD and _has_no_vowel(bare)):
        return spelled(bare)
    if bare.isdigit() and not _DATE.fullmatch(token) and len(bare) >= _SHORTEST_SPELLED_NUMBER:
        return _say_long(bare, ear)
    if bare.isalpha() or bare.isdigit():
        return token
    if len(bare) > _LONGEST_CODE:
        return _say_long(bare, ear)
    if _is_name(token, bare):
        return token.replace("-", " ")
    return _say_runs(_RUN.findall(token))


def _say_runs(runs: list[str]) -> str:
    if any(_is_word(run) for run in runs):
        return " ".join(run.lower() if _is_word(run) or run.isdigit() else spelled(run) for run in runs)
    return spelled("".join(runs))


def _is_name(token: str, bare: str) -> bool:
    """Tell whether letters and digits make a name, as in "gate3", "node-3", "2nd" or "iPhone15"."""
    if not any(c.islower() for c in bare):
        return False
    if any(c.isupper() for c in bare):
        return any(len(run) >= _SHORTEST_CODE_WORD for run in _RUN.findall(token))
    return len(_RUN.findall(token)) <= _RUNS_OF_A_NAME


def _is_word(run: str) -> bool:
    return run.isalpha() and len(run) >= _SHORTEST_CODE_WORD and not _has_no_vowel(run)


def _has_no_vowel(letters: str) -> bool:
    return not set(letters.lower()) & set("aeiouy")


def _tidy(text: str) -> str:
    text = _REPEATED_SIGN.sub(r"\1", text)
    text = _STRAY_SIGNS.sub(lambda match: match[0] if match[0] in {"-", "–", "—"} else " ", text)  # dashes pause
    return _SPACE_BEFORE_STOP.sub(r"\1", " ".join(text.split())).strip(" ,;-")


def _can_be_said(text: str) -> bool:
    return any(c.isalpha() or c.isdigit() for c in text)


def _bounded(text: str, language: Language, limit: int) -> str:
    if len(text) <= limit:
        return text
    more = (", " if language.ear.spaced else "，") + language.ear.and_more  # the comma of Chinese
    room = text[: limit - len(more)]
    at_word = room.rsplit(" ", 1)[0] if " " in room[-_LONGEST_WORD:] else room
    return at_word.rstrip(_END_SIGNS) + more
