"""The rules of TwiML for calls, as far as they concern what Tocsin answers. https://www.twilio.com/docs/voice/twiml"""

import io
import re
import wave
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

_URL = re.compile(r"https?://\S+")
_NUMBER = re.compile(r"[0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_BOOLEAN = re.compile("true|false")
_METHOD = re.compile("GET|POST")
_ATTRIBUTES: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "Response": {},
    "Play": {"loop": _NUMBER, "digits": re.compile("[0-9*#w]+")},
    "Say": {"language": re.compile("[a-z]{2,3}-[A-Z]{2}"), "voice": re.compile(".+"), "loop": _NUMBER},
    "Pause": {"length": _NUMBER},
    "Redirect": {"method": _METHOD},
    "Hangup": {},
    "Gather": {
        "action": _URL,
        "method": _METHOD,
        "input": re.compile("dtmf|speech|dtmf speech"),
        "timeout": _NUMBER,
        "numDigits": _NUMBER,
        "finishOnKey": re.compile("[0-9#*]?"),
        "actionOnEmptyResult": _BOOLEAN,
    },
    "Dial": {
        "action": _URL,
        "method": _METHOD,
        "callerId": _E164,
        "timeout": _NUMBER,
        "timeLimit": _NUMBER,
        "answerOnBridge": _BOOLEAN,
    },
    "Number": {"url": _URL, "method": _METHOD},
}
_INSIDE = {
    "Response": {"Play", "Say", "Pause", "Redirect", "Hangup", "Gather", "Dial"},
    "Gather": {"Play", "Say", "Pause"},
    "Dial": {"Number"},
}
_ADDRESSES = {"Play", "Redirect"}
_LARGEST_DOCUMENT = 64 * 1024
_LONGEST_CALL = 86400
_SOUNDS = {"audio/wav", "audio/wave", "audio/x-wav", "audio/mpeg", "audio/basic"}


class WrongTwimlError(Exception):
    """Twilio would have told the callee of an application error and hung up."""


def parse(body: bytes, kind: str) -> list[ET.Element]:
    """Return the verbs of a document. Raises ``WrongTwimlError``."""
    if kind not in {"text/xml", "application/xml"}:
        raise WrongTwimlError(f"content type {kind} (Twilio's error 12300)")
    if len(body) > _LARGEST_DOCUMENT:
        raise WrongTwimlError("over 64 KB")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise WrongTwimlError(f"no XML: {error} (Twilio's error 12100)") from error
    if root.tag != "Response":
        raise WrongTwimlError(f"the root is {root.tag} (Twilio's error 12102)")
    _check(root)
    return list(root)


def _check(element: ET.Element) -> None:
    known = _ATTRIBUTES[element.tag]
    for name, value in element.attrib.items():
        if name not in known or not known[name].fullmatch(value):
            raise WrongTwimlError(f"<{element.tag} {name}={value!r}> (Twilio's error 12200)")
    if element.tag in _ADDRESSES and not _URL.fullmatch(element.text or ""):
        raise WrongTwimlError(f"<{element.tag}> of {element.text!r}")
    if element.tag == "Number" and not _E164.fullmatch(element.text or ""):
        raise WrongTwimlError(f"<Number> of {element.text!r} (Twilio's error 13223)")
    if int(element.get("timeLimit", "1")) > _LONGEST_CALL:
        raise WrongTwimlError("timeLimit is over a day (Twilio's error 13212)")
    for child in element:
        if child.tag not in _INSIDE.get(element.tag, set()):
            raise WrongTwimlError(f"<{child.tag}> in <{element.tag}> (Twilio's error 12200)")
        _check(child)


def sound_problem(url: str, kind: str, content: bytes) -> str | None:
    """Return why Twilio could not play a sound; ``None`` where it can."""
    if kind not in _SOUNDS:
        return f"{urlsplit(url).path}: content type {kind} (Twilio's error 12300)"
    try:
        with wave.open(io.BytesIO(content)) as sound:
            shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            return None if shape == (1, 2, 8000) and sound.getnframes() else f"{shape} is no sound of a telephone"
    except (wave.Error, EOFError) as error:
        return f"no WAV file: {error}"
