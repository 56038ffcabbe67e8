"""TwiML for calls: what Twilio is to play and to ask.

https://www.twilio.com/docs/voice/twiml
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
# XML 1.0 has no way to write these characters, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The languages of <Say> for those that we speak ourselves. It speaks where our own speech fails.
_SAID_IN = {"en": "en-US", "es": "es-ES", "pt": "pt-BR", "de": "de-DE", "fr": "fr-FR", "zh": "zh-CN", "yue": "zh-HK"}


@dataclass(frozen=True, slots=True)
class Play:
    """A sound at an address."""

    url: str


@dataclass(frozen=True, slots=True)
class Say:
    """A text that Twilio speaks itself."""

    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Keys, from the first word on, are posted to ``action``; without any the next verb follows.

    ``digits`` is how many are taken, ``None`` as many as come before ``#``. ``wait`` are the seconds after the sounds.
    """

    sounds: Sequence[Play]
    action: str
    wait: int
    digits: int | None = 1
    on_nothing: bool = False  # post to ``action`` as well where no key came


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Another number is connected; how that went is posted to ``action``. ``whisper`` says what it hears before."""

    number: str
    caller_id: str
    action: str
    ring: int
    longest: int
    whisper: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Ask again at that address, after so many seconds."""

    url: str
    pause: int


@dataclass(frozen=True, slots=True)
class Hangup:
    """The call ends."""


Verb = Play | Say | Gather | Dial | Redirect | Hangup


def document(*verbs: Verb) -> str:
    """Return the document of these verbs. Without any, Twilio ends what it is doing and goes on or hangs up."""
    response = ET.Element("Response")
    for verb in verbs:
        _add(response, verb)
    return _DECLARATION + ET.tostring(response, encoding="unicode")


def _add(parent: ET.Element, verb: Verb) -> None:
    match verb:
        case Play(url):
            ET.SubElement(parent, "Play").text = url
        case Say(text, language):
            said_in = _SAID_IN.get(language.partition("-")[0].lower(), "en-US")
            ET.SubElement(parent, "Say", language=said_in).text = _NOT_XML.sub("", text)
        case Gather():
            _add_gather(parent, verb)
        case Dial():
            _add_dial(parent, verb)
        case Redirect():
            ET.SubElement(parent, "Pause", length=str(verb.pause))
            ET.SubElement(parent, "Redirect", method="POST").text = verb.url
        case Hangup():
            ET.SubElement(parent, "Hangup")


def _add_gather(parent: ET.Element, gather: Gather) -> None:
    attributes = {"input": "dtmf", "action": gather.action, "method": "POST", "timeout": str(gather.wait)}
    if gather.digits is not None:
        # Every key counts by itself, # as well.
        attributes |= {"numDigits": str(gather.digits), "finishOnKey": ""}
    else:
        attributes |= {"finishOnKey": "#"}
    if gather.on_nothing:
        attributes["actionOnEmptyResult"] = "true"
    element = ET.SubElement(parent, "Gather", attributes)
    for sound in gather.sounds:
        _add(element, sound)


def _add_dial(parent: ET.Element, dial: Dial) -> None:
    attributes = {"callerId": dial.caller_id, "action": dial.action, "method": "POST"}
    attributes |= {"timeout": str(dial.ring), "timeLimit": str(dial.longest)}
    element = ET.SubElement(parent, "Dial", attributes)
    number = ET.SubElement(element, "Number", {"url": dial.whisper, "method": "POST"} if dial.whisper else {})
    number.text = dial.number
