"""pydantic's findings in words that say what to write instead. No value of the configuration is repeated."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.mistakes import KeyPath, Mistake, written
from gateway.config.schema import CROSS_CHECK

_TYPES = {
    "missing": "is needed and missing",
    "string_type": "must be text",
    "model_type": "must be a section with keys",
    "model_attributes_type": "must be a section with keys",
    "dict_type": "must be a section with keys",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "path_type": "must be the path of a file or directory, as text",
}
_BOUNDS = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "more than"}
_PATTERNS = {
    "name": ("not a name", "write up to 40 letters, digits, - and _, as in carrier-a"),
    "node": ("not a name", "write up to 40 letters, digits, - and _, as in pbx1"),
    "username": ("not a user name", "write up to 40 letters, digits, - and _"),
    "host": ("not a host", "write a host name or an IP address, without port and scheme"),
    "prefix": ("not a prefix", "write digits, ten at most: signs such as # cannot be dialled"),
    "account_sid": ("not an account SID", "write AC and 32 hexadecimal digits, as the Twilio console shows"),
    **dict.fromkeys(
        ("content_sid", "stand_down_sid"),
        ("not a content SID", "write HX and 32 hexadecimal digits, as the Twilio console shows"),
    ),
    "model": ("not a model's name", "write as in tts_models/en/ljspeech/vits"),
    "[key]": ("not a name", "write up to 40 letters, digits, - and _"),
}
_LIKELY = 0.6
_KEY = re.compile("[A-Za-z0-9_]{1,40}")


def mistakes_of(error: ValidationError, model: type[BaseModel], *, prefix: KeyPath = ()) -> list[Mistake]:
    """Return what pydantic found as mistakes; cross-checks are left out, as ``crosschecks`` tells them."""
    found = error.errors(include_url=False)
    return [_mistake(details, model, prefix) for details in found if details["type"] != CROSS_CHECK]


def _mistake(details: ErrorDetails, model: type[BaseModel], prefix: KeyPath) -> Mistake:
    place: KeyPath = details["loc"]
    if details["type"] == "extra_forbidden":
        problem, suggestion = "unknown key", _did_you_mean(str(place[-1]), place, model)
    else:
        problem, suggestion = _worded(details, str(place[-1]) if place else "")
    if place and place[-1] == "[key]":
        place = place[:-1]
    if details["type"] == "extra_forbidden" and (odd := _shown_of_key(place[-1])) != place[-1]:
        # A forgotten space or comma makes a value part of its key, and the value may be a password.
        place, suggestion = (*place[:-1], odd), "put a space behind the colon, and quote what holds other signs"
    return Mistake(path=written((*prefix, *place)), problem=problem, suggestion=suggestion)


def _shown_of_key(key: str | int) -> str | int:
    """Return a key as far as it looks like one."""
    if isinstance(key, int) or _KEY.fullmatch(key):
        return key
    begin = re.match("[A-Za-z_]{0,40}", key)
    return f"{begin[0] if begin else ''}…"


def _worded(details: ErrorDetails, key: str) -> tuple[str, str | None]:
    context, kind = details.get("ctx", {}), details["type"]
    worded: tuple[str, str | None] = (_TYPES.get(kind, details["msg"]), None)
    if kind == "value_error":
        worded = _split(str(context["error"]))
    elif kind == "literal_error":
        worded = _choice(details)
    elif kind == "string_pattern_mismatch":
        worded = _PATTERNS.get(key, ("not as it should be written", None))
    elif kind == "string_too_long":
        worded = f"longer than {context['max_length']} characters", None
    elif kind == "string_type" and isinstance(details["input"], int | float):
        worded = _TYPES[kind], "put the value in quotes"
    elif kind in _BOUNDS:
        worded = f"must be {_BOUNDS[kind]} {next(iter(context.values()))}", None
    return worded


def _split(sentence: str) -> tuple[str, str | None]:
    """Return problem and suggestion of the schema's own sentences, which put a colon between them."""
    problem, colon, suggestion = sentence.partition(": ")
    return (problem, suggestion) if colon else (sentence, None)


def _choice(details: ErrorDetails) -> tuple[str, str | None]:
    choices = re.findall(r"'([^']*)'", details["ctx"]["expected"])
    close = get_close_matches(str(details["input"]), choices, n=1, cutoff=_LIKELY)
    problem = f"must be {', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else f"must be {choices[0]}"
    return problem, f"did you mean {close[0]}?" if close else None


def _did_you_mean(key: str, place: KeyPath, model: type[BaseModel]) -> str | None:
    section = section_of(model, place[:-1])
    names = list(_keys(section)) if section else []
    if close := get_close_matches(key, names, n=1, cutoff=_LIKELY):
        return f"did you mean {close[0]}?"
    elsewhere = [written(path) for path in key_paths(model) if path[-1] == key]
    if elsewhere:
        return f"it belongs at {' or '.join(elsewhere)}"
    return f"the keys here are: {', '.join(names)}" if names else None


def _keys(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield field.alias or name


def key_paths(model: type[BaseModel], above: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key; an item of a list stands under 0, one of a mapping under ``NAME``."""
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        yield path
        inner, step = _model_in(field.annotation)
        if inner is not None:
            yield from key_paths(inner, (*path, *step))


def section_of(model: type[BaseModel], place: KeyPath) -> type[BaseModel] | None:
    """Return the section at a path; ``None`` where the schema has none there."""
    current: type[BaseModel] = model
    steps = iter(place)
    for part in steps:
        fields: Mapping[str, Any] = {field.alias or name: field for name, field in current.model_fields.items()}
        if part not in fields:
            return None
        inner, step = _model_in(fields[str(part)].annotation)
        if inner is None:
            return None
        for _ in step:
            next(steps, None)
        current = inner
    return current


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, KeyPath]:
    """Return the section that an annotation holds and the path that leads to it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ()
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        found = [_model_in(argument) for argument in arguments]
        return next((item for item in found if item[0] is not None), (None, ()))
    if origin is tuple and arguments:
        inner, step = _model_in(arguments[0])
        return inner, (0, *step)
    if origin is dict:
        inner, step = _model_in(arguments[1])
        return inner, ("NAME", *step)
    return None, ()
