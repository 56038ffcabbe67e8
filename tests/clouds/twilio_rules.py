"""What Twilio refuses."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema

from tests.clouds.server import FORM, Answer, Request

LARGEST_VOICE_NOTE = 512 * 1024

_CREATE = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parent / "twilio_create_message.json").read_text(encoding="utf-8"))
)
_LISTS = {"MediaUrl", "PersistentAction"}
_LONGEST_BODY = 1600


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of the fake
    """What Twilio answers with an error document."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(
            status=status,
            document={
                "code": code,
                "message": message,
                "more_info": f"https://www.twilio.com/docs/errors/{code}",
                "status": status,
            },
        )


def form_of(request: Request) -> dict[str, str | list[str]]:
    """Return the fields of a create call. Raises ``Refused`` for what Twilio refuses."""
    if request.headers.get("content-type", "").split(";")[0] != FORM:
        raise Refused(415, 20415, "Unsupported Media Type")
    fields: dict[str, str | list[str]] = {}
    for name, values in request.fields().items():
        if name not in _LISTS and len(values) > 1:
            raise Refused(400, 20001, f"{name} is given twice")
        fields[name] = values if name in _LISTS else values[0]
    for problem in sorted(_CREATE.iter_errors(fields), key=lambda error: list(error.path)):
        raise Refused(400, _code_of(problem), f"{'.'.join(map(str, problem.path)) or 'request'}: {problem.message}")
    if len(str(fields.get("Body", "")).encode("utf-16-le")) // 2 > _LONGEST_BODY:
        raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if "ContentSid" in fields and ("Body" in fields or "MediaUrl" in fields):
        raise Refused(400, 21651, "Body and MediaUrl must not be sent with a ContentSid")
    if "ContentVariables" in fields:
        _check_variables(str(fields["ContentVariables"]))
    return fields


def _code_of(problem: jsonschema.ValidationError) -> int:
    named: dict[object, int] = {"To": 21211, "From": 21212, "StatusCallback": 21609, "MediaUrl": 21620}
    if problem.path:
        return named.get(problem.path[0], 20001)
    return {"anyOf": 21619, "dependentRequired": 21654}.get(str(problem.validator), 20001)


def _check_variables(text: str) -> None:
    refusal = Refused(400, 21656, "The ContentVariables Parameter is invalid")
    try:
        variables = json.loads(text)
    except ValueError:
        raise refusal from None
    if not isinstance(variables, dict):
        raise refusal
    for name, value in variables.items():
        bad = not isinstance(value, str) or not value.strip() or len(value) > 255
        if bad or len(name) > 16 or re.search(r"[\n\t]| {5}", value):
            raise refusal


def media_problem(kind: str, media: bytes) -> str | None:
    problems: list[tuple[Callable[[], bool], str]] = [
        (lambda: kind != "audio/ogg", f"content type {kind}, not audio/ogg"),
        (lambda: len(media) > LARGEST_VOICE_NOTE, "over 512 KB"),
        (lambda: not media.startswith(b"OggS"), "not an OGG file"),
        (lambda: b"OpusHead" not in media[:64], "not Opus"),
    ]
    return next((words for wrong, words in problems if wrong()), None)
