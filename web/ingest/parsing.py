"""Reading a JSON object (RFC 8259) member by member, with each member's text as it came."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Member:
    """The value of one member of the object, and the text that it was written as."""

    value: Any
    text: str


class JsonError(ValueError):
    """The text is no JSON object that can be read without guessing. The message says why."""


def read_object(body: bytes) -> dict[str, Member]:
    """Return the members of the JSON object that the body holds. Raises ``JsonError``."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonError("the body is not UTF-8") from error
    try:
        return _members(text)
    except json.JSONDecodeError as error:
        raise JsonError(f"the body is no JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise JsonError("the body is nested too deeply") from error


def depth(value: object) -> int:
    """Return how many arrays and objects lie within each other."""
    deepest, pending = 0, [(value, 1)]
    while pending:
        inner, level = pending.pop()
        if isinstance(inner, dict):
            pending += [(child, level + 1) for child in inner.values()]
        elif isinstance(inner, list):
            pending += [(child, level + 1) for child in inner]
        else:
            continue
        deepest = max(deepest, level)
    return deepest


def _members(text: str) -> dict[str, Member]:
    position = _skip(text, 0)
    if not text[position:]:
        raise JsonError("the body is empty")
    if text[position] != "{":
        raise JsonError("the body is no JSON object")
    members: dict[str, Member] = {}
    position = _skip(text, position + 1)
    while text[position : position + 1] != "}" or members:
        name, position = _DECODER.raw_decode(text, position)
        if not isinstance(name, str):
            raise JsonError("the name of a member is no string")
        if name in members:
            raise JsonError(f"the member {name[:40]!a} stands twice")
        start = _skip(text, _expect(text, _skip(text, position), ":"))
        value, position = _DECODER.raw_decode(text, start)
        members[name] = Member(value, text[start:position])
        position = _skip(text, position)
        if text[position : position + 1] == "}":
            break
        position = _skip(text, _expect(text, position, ","))
    if text[_skip(text, position + 1) :]:
        raise JsonError("something follows the JSON object")
    return members


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _expect(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise json.JSONDecodeError(f"Expecting '{mark}'", text, position)
    return position + 1


def _integer(text: str) -> int | float:
    # Python refuses to convert integers of thousands of digits. No field takes a number, and a payload keeps its text.
    try:
        return int(text)
    except ValueError:
        return float("inf")


def _refuse(constant: str) -> NoReturn:
    raise JsonError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse)
