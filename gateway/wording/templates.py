"""A license's own templates: which there are, what they may say, and the message that each makes.

Values that come from alerts are never read as templates. What is spoken goes through the ear: each value by itself,
so that no mark-up in it can swallow words of the template, and then the template's words around them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from gateway.model.languages import language_for
from gateway.model.speech_text import sentence, spoken
from gateway.wording import figures, phrases
from gateway.wording.sandbox import LONGEST_LIST, Filled, TemplateFailedError, Value, render, render_parts

# By language (a BCP 47 tag in lower case) and name.
Templates = Mapping[str, Mapping[str, str]]

_LONGEST_NAME = 80
_LONGEST_TITLE = 300
_LONGEST_LINE = 150
_BEGINNING = 20
_SHORTEST_LIMIT = 40
_STAND_IN = "zuvalo"
_STOOD_IN = re.compile(_STAND_IN + "([a-j]{4})")
_TWO_STOPS = re.compile(r"([.!?。！？])[ ]?[.。]")  # noqa: RUF001 - Chinese signs end a sentence as well


class TemplateName(StrEnum):
    """The messages that a license can word itself."""

    TEXT = "text"  # WhatsApp
    CALL = "call"
    CALL_SEVERAL = "call_several"  # a call that announces several alerts
    VOICE_NOTE = "voice_note"
    STAND_DOWN = "stand_down"
    OWNER_REPORT = "owner_report"

    @property
    def is_spoken(self) -> bool:
        """Whether a voice says it."""
        return self in {TemplateName.CALL, TemplateName.CALL_SEVERAL, TemplateName.VOICE_NOTE}


_ALERT = {"license": False, "severity": False, "level": False, "title": False, "body": False, "contact": False}
# The variables of each, and whether they are lists.
VARIABLES: Mapping[TemplateName, Mapping[str, bool]] = {
    TemplateName.TEXT: {**_ALERT, "link": False},
    TemplateName.CALL: {**_ALERT, "alert": False},
    TemplateName.CALL_SEVERAL: {"license": False, "contact": False, "count": False, "others": False, "titles": True},
    TemplateName.VOICE_NOTE: {**_ALERT, "alert": False, "announcement": False},
    TemplateName.STAND_DOWN: {"license": False, "contact": False, "title": False, "by": False},
    TemplateName.OWNER_REPORT: {"license": False, "title": False, "link": False, "tried": True},
}


# Characters: a thousand take a little over a minute. A voice note repeats what a call says.
_LONGEST_SPOKEN = {TemplateName.CALL: 1000, TemplateName.CALL_SEVERAL: 1000, TemplateName.VOICE_NOTE: 1200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a message tells, as it came: whoever words it cuts it, and makes it fit to be heard.

    ``titles`` are those of several alerts, ``title`` that of the only one. ``by`` is who took it, empty where its
    source withdrew it. ``announcement`` is what a call says of it; ``tried`` holds a line a contact.
    """

    license_name: str
    contact: str = ""
    severity: str = ""
    title: str = ""
    body: str = ""
    link: str = ""
    by: str = ""
    announcement: str = ""
    titles: Sequence[str] = ()
    tried: Sequence[str] = ()


def key_of(language: str) -> str:
    """Return the key under which templates for the language of a tag are kept."""
    return language.strip().lower().replace("_", "-")


def find(templates: Templates, language: str, name: TemplateName) -> str | None:
    """Return the template for whoever is told in a language: that of the very tag, else that of its language."""
    for key in (key_of(language), language_for(language).tag):
        if (source := templates.get(key, {}).get(name.value)) is not None:
            return source
    return None


def used_by(templates: Templates, languages: Iterable[str]) -> Templates:
    """Return those of the templates that somebody told in one of the languages could be told by."""
    keys = {key for language in languages for key in (key_of(language), language_for(language).tag)}
    return {key: named for key, named in templates.items() if key in keys}


def written(source: str, name: TemplateName, language: str, facts: Facts) -> str:
    """Return the message of a template, for the eye, so short that it fits. Raises ``TemplateFailedError``."""
    values = _written_values(name, language, facts)
    longest = phrases.LARGEST_TELEGRAM_TEXT if name is TemplateName.OWNER_REPORT else phrases.LARGEST_WHATSAPP_TEXT
    text = _fitted(source, values, longest)
    return _complete(text, longest, link=str(values.get("link", "")), title=str(values.get("title", "")))


def heard(source: str, name: TemplateName, language: str, facts: Facts) -> str:
    """Return the message of a template, for the ear. Raises ``TemplateFailedError``."""
    values = _spoken_values(name, language, facts)
    longest = _LONGEST_SPOKEN[name]
    title = str(values.get("title", "")) or next(iter(_listed(values.get("titles", ()))), "")
    said = _said(render_parts(source, values), language)
    return sentence(_complete(said, longest, title=title), language)


def _said(parts: Sequence[str], language: str) -> str:
    """Return a template's words made for the ear, with values between them that have been made so by themselves.

    What is made for the ear is not the same when that is done twice. So a made-up word stands for each value meanwhile.
    """
    if any(_STAND_IN in part for part in parts if not isinstance(part, Filled)):
        raise TemplateFailedError(f"the word {_STAND_IN} cannot be said: Tocsin uses it itself")
    values = [part for part in parts if part and isinstance(part, Filled)]
    numbers = count()
    words = "".join(_stand_in(next(numbers)) if part and isinstance(part, Filled) else part for part in parts)
    said, found = _STOOD_IN.subn(
        lambda stood_in: values[_number(stood_in[1])], spoken(words, language, limit=10 * len(words) + _SHORTEST_LIMIT)
    )
    if found != len(values):
        raise TemplateFailedError("a variable stands where it cannot be spoken, as in a link: put spaces around it")
    return _TWO_STOPS.sub(r"\1", said).strip()


def _stand_in(number: int) -> str:
    return _STAND_IN + "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")


def _number(letters: str) -> int:
    return int("".join(str(ord(letter) - ord("a")) for letter in letters))


def _fitted(source: str, values: dict[str, Value], longest: int) -> str:
    """Return what a template makes; where that is too long, the body and the list of who was tried give way."""
    text = render(source, values)
    if len(text) > longest and (body := str(values.get("body", ""))):
        values["body"] = phrases.cut(body, max(len(body) - (len(text) - longest), 0))
        text = render(source, values)
        if len(text) > longest:  # it stands there more than once, or not at all
            values["body"] = ""
            text = render(source, values)
    tried = _listed(values.get("tried", ()))
    while len(text) > longest and tried:
        values["tried"] = tried = tried[:-1]
        text = render(source, values)
    return text


def _listed(value: Value) -> Sequence[str]:
    return () if isinstance(value, str | int) else value


def _complete(text: str, longest: int, *, title: str, link: str = "") -> str:
    if len(text) > longest:
        raise TemplateFailedError(f"it makes {len(text)} characters, and {longest} fit")
    if not any(character.isalnum() for character in text):
        raise TemplateFailedError("it makes an empty message")
    # A title may be cut, or set in capitals, but nobody must have to guess what it is about.
    if title.casefold()[:_BEGINNING] not in text.casefold():
        raise TemplateFailedError("the message does not tell the title: write {{ title }} into it")
    if link not in text:
        raise TemplateFailedError("the message does not have the link: write {{ link }} into it")
    return text


def _written_values(name: TemplateName, language: str, facts: Facts) -> dict[str, Value]:
    title = phrases.one_line(facts.title, _LONGEST_TITLE)
    body = phrases.clean(facts.body)
    values: dict[str, Value] = {
        "license": phrases.one_line(facts.license_name, _LONGEST_NAME),
        "contact": phrases.one_line(facts.contact, _LONGEST_NAME),
        "severity": phrases.severity_word(language, facts.severity),
        "level": facts.severity,
        "title": title,
        "body": "" if body == title else body,
        "link": facts.link,
        "by": phrases.one_line(facts.by, _LONGEST_NAME),
        "alert": title if body in {"", title} else f"{title}\n{body}",
        "announcement": phrases.clean(facts.announcement),
        "titles": [phrases.one_line(one, _LONGEST_TITLE) for one in facts.titles[: phrases.TITLES_ANNOUNCED]],
        "tried": tuple(phrases.one_line(line, _LONGEST_LINE) for line in facts.tried[:LONGEST_LIST]),
        "count": figures.number(language, len(facts.titles)),
        "others": len(facts.titles) - min(len(facts.titles), phrases.TITLES_ANNOUNCED),
    }
    return {variable: values[variable] for variable in VARIABLES[name]}


def _spoken_values(name: TemplateName, language: str, facts: Facts) -> dict[str, Value]:
    title, body = phrases.heard_parts(language, title=facts.title, body=facts.body)
    values: dict[str, Value] = {
        "license": spoken(facts.license_name, language, limit=_LONGEST_NAME),
        "contact": spoken(facts.contact, language, limit=_LONGEST_NAME),
        "severity": phrases.severity_word(language, facts.severity),
        "level": facts.severity,
        "title": title,
        "body": body,
        "alert": phrases.heard_alert(language, title=facts.title, body=facts.body),
        "announcement": facts.announcement,
        "titles": [spoken(one, language, limit=120) for one in facts.titles[: phrases.TITLES_ANNOUNCED]],
        "count": phrases.counted(language, len(facts.titles)),
        "others": len(facts.titles) - min(len(facts.titles), phrases.TITLES_ANNOUNCED),
    }
    return {variable: values[variable] for variable in VARIABLES[name]}
