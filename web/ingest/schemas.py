"""The webhook's bodies and answers."""

from math import ceil
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from gateway.model.event import Severity
from gateway.services.intake import Accepted, Alert, AlertAction
from web.errors import ApiError
from web.ingest.parsing import JsonError, Member, depth, read_object

# The payload must stay under this many bytes, as it came.
PAYLOAD_LIMIT = 30 * 1024
# Whoever reads a payload later must be able to, however deep its own stack is already.
PAYLOAD_DEPTH = 100


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("NUL cannot be recorded")
    return value


def _object(value: object) -> object:
    if not isinstance(value, dict) or depth(value) > PAYLOAD_DEPTH:
        raise ValueError("not an object of bounded depth")
    return value


Title = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_storable)]
Body = Annotated[str, Field(max_length=5000), AfterValidator(_storable)]
DedupKey = Annotated[str, Field(max_length=255), AfterValidator(_storable)]
Payload = Annotated[Any, AfterValidator(_object), WithJsonSchema({"type": "object", "additionalProperties": True})]


def _absent() -> Any:
    return None


class _AlertBody(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    body: Body = ""
    severity: Literal["info", "warn", "critical"] = Field(
        default_factory=_absent, description="How grave the alert is; by default as grave as its source."
    )
    dedup_key: DedupKey = Field(
        default_factory=_absent,
        description="Posts of one source with one key within 5 minutes are one event. Empty is the same as absent.",
    )
    payload: Payload = Field(
        default_factory=_absent, description="Any object under 30 KB, nested at most 100 deep; kept as it came."
    )


class TriggerBody(_AlertBody):
    """An alert to escalate."""

    title: Title
    action: Literal["trigger"] = "trigger"


class ResolveBody(_AlertBody):
    """The end of an alert: the open event with the key stops escalating."""

    title: Title = Field(default_factory=_absent)
    dedup_key: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_storable)]
    action: Literal["resolve"]


class AlertAnswer(BaseModel):
    """What became of a post. ``event_id`` is null only where a key to be resolved is not known."""

    ok: Literal[True] = True
    event_id: int | None
    status: Literal["open", "acknowledged", "resolved", "exhausted", "throttled"]
    deduplicated: bool
    reason: Literal["rate_limit", "monthly_cap"] | None = Field(
        default=None, description="Why the event was throttled; absent otherwise."
    )


class ErrorAnswer(BaseModel):
    """A refusal: its code, and what to do about it."""

    ok: Literal[False] = False
    error: str
    message: str


class TimelineItem(BaseModel):
    """One step of an event."""

    at: str
    type: str
    contact_id: int | None
    channel: str | None
    detail: dict[str, Any]


class EventAnswer(BaseModel):
    """A source's own event."""

    ok: Literal[True] = True
    event_id: int
    id: int
    status: Literal["open", "acknowledged", "resolved", "exhausted", "throttled"]
    title: str
    severity: Literal["info", "warn", "critical"]
    dedup_key: str
    repeat_count: int
    created_at: str
    throttle_reason: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    acknowledged_via: str | None
    closed_at: str | None
    timeline: list[TimelineItem]


_ADVICE = {
    "title": "title must be a string of 1 to 500 characters",
    "body": "body must be a string of at most 5000 characters",
    "severity": "severity must be info, warn or critical",
    "dedup_key": "dedup_key must be a string of at most 255 characters, and resolve needs one that is not empty",
    "payload": "payload must be a JSON object under 30 KB, nested at most 100 deep",
    "action": "action must be trigger or resolve",
}
_TEXTS = frozenset({"title", "body", "dedup_key"})
# The order in which a body's faults are named is that of the documentation.
_ORDER = tuple(_ADVICE)


def read_alert(data: bytes) -> Alert:
    """Return the alert that a request's body holds. Raises ``ApiError`` with the code of the first field at fault."""
    try:
        members = read_object(data)
    except JsonError as error:
        raise ApiError(400, "invalid_json", f"{error}: send one JSON object in UTF-8") from error
    values = {name: member.value for name, member in members.items()}
    model = ResolveBody if values.get("action") == AlertAction.RESOLVE else TriggerBody
    try:
        body = model.model_validate(values)
    except ValidationError as error:
        fields = {str(fault["loc"][0]) for fault in error.errors(include_input=False, include_context=False)}
        raise _invalid(min(fields, key=_ORDER.index)) from error
    return Alert(
        title=body.title or "",
        body=body.body,
        severity=Severity(body.severity) if body.severity else None,
        dedup_key=body.dedup_key or None,
        payload=_payload_text(members.get("payload")),
        action=AlertAction(body.action),
    )


def answer(accepted: Accepted) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return body, status and headers of the answer to a post that was taken."""
    body = AlertAnswer(
        event_id=accepted.event_id,
        status=accepted.status.value,
        deduplicated=accepted.deduplicated,
        reason=accepted.reason.value if accepted.reason else None,
    )
    wait = accepted.retry_after
    headers = {} if wait is None else {"Retry-After": str(ceil(wait.total_seconds()))}
    unset = {"reason"} if body.reason is None else set()
    return body.model_dump(mode="json", exclude=unset), 200, headers


def _payload_text(payload: Member | None) -> str:
    if payload is None:
        return "{}"
    if len(payload.text.encode()) >= PAYLOAD_LIMIT:
        raise _invalid("payload")
    return payload.text


def _invalid(field: str) -> ApiError:
    advice = _ADVICE[field]
    if field in _TEXTS:
        advice += "; NUL and unpaired surrogates are not characters"
    return ApiError(400, f"invalid_{field}", advice)
