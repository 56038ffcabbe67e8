"""The OpenAPI 3.1 document, made from the schemas that check and make the real bodies."""

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.health.schemas import ReadinessAnswer
from web.ingest.schemas import AlertAnswer, ErrorAnswer, EventAnswer, ResolveBody, TriggerBody

_MODELS: tuple[type[BaseModel], ...] = (
    TriggerBody,
    ResolveBody,
    AlertAnswer,
    ErrorAnswer,
    EventAnswer,
    ReadinessAnswer,
)
_PAGE = {"text/html": {"schema": {"type": "string"}}}
_TOKEN: list[dict[str, list[str]]] = [{"alertToken": []}]


def document(public_url: str) -> dict[str, Any]:
    """Return the document. ``public_url`` is where the gateway is reached."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin",
            "version": version("tocsin"),
            "summary": "Takes alerts and escalates them until a person acknowledges.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url.rstrip("/")}],
        "paths": {
            "/license/v1/alert/in": {"post": _take()},
            "/license/v1/alert/{event_id}": {"get": _show()},
            "/a/{token}": _acknowledge(),
            "/healthz": {"get": _health()},
            "/readyz": {"get": _ready()},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"alertToken": {"type": "apiKey", "in": "header", "name": "X-Alert-Token"}},
        },
    }


def _take() -> dict[str, Any]:
    fields = "title, body, severity, dedup_key, payload, action"
    return {
        "operationId": "postAlert",
        "summary": "Post an alert, or withdraw one.",
        "security": _TOKEN,
        "requestBody": {"required": True, "content": _json_content("TriggerBody", "ResolveBody")},
        "responses": {
            "200": {
                "description": "Taken: opened, withdrawn, a repeat of an earlier event, or recorded as throttled.",
                "headers": {"Retry-After": _retry_after("With reason rate_limit: seconds until there is room again.")},
                "content": _json_content("AlertAnswer"),
            },
            "400": _error(f"invalid_json, or invalid_ with the name of the field at fault ({fields})"),
            **_refusals(),
            "413": _error("too_large: the request is over 64 KB"),
            "503": _error("unavailable: not recorded, post it again with the same dedup_key")
            | {"headers": {"Retry-After": _retry_after("Seconds to wait before the next try.")}},
        },
    }


def _show() -> dict[str, Any]:
    return {
        "operationId": "showAlert",
        "summary": "A source's own event: its status, acknowledgement and timeline.",
        "security": _TOKEN,
        "parameters": [
            {"name": "event_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
        ],
        "responses": {
            "200": {"description": "The event.", "content": _json_content("EventAnswer")},
            **_refusals(),
            "404": _error("not_found: this source has no such event"),
            "503": _error("unavailable: ask again"),
        },
    }


def _acknowledge() -> dict[str, Any]:
    known = {"200": {"description": "The alert, and who has it.", "content": _PAGE}}
    unknown = {
        "404": {"description": "No such link.", "content": _PAGE},
        "410": {"description": "The link has expired or was revoked.", "content": _PAGE},
    }
    return {
        "parameters": [{"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}],
        "get": {
            "operationId": "showAcknowledgementPage",
            "summary": "The page of an acknowledgement link. Never acknowledges.",
            "responses": known | unknown,
        },
        "post": {
            "operationId": "acknowledge",
            "summary": "Acknowledge for the link's contact. Repeating it changes nothing.",
            "responses": known | unknown,
        },
    }


def _health() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object", "properties": {"status": {"const": "ok"}}}}}
    return {
        "operationId": "health",
        "summary": "Whether the process is up.",
        "responses": {"200": {"description": "It is.", "content": content}},
    }


def _ready() -> dict[str, Any]:
    return {
        "operationId": "ready",
        "summary": "Whether alerts can be taken, and which part is in trouble.",
        "responses": {
            "200": {"description": "Alerts can be taken.", "content": _json_content("ReadinessAnswer")},
            "503": {"description": "Alerts cannot be taken.", "content": _json_content("ReadinessAnswer")},
        },
    }


def _refusals() -> dict[str, Any]:
    return {
        "401": _error("missing_token: no X-Alert-Token header"),
        "403": _error("invalid_token: unknown or disabled; license_inactive"),
    }


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": _json_content("ErrorAnswer")}


def _json_content(*names: str) -> dict[str, Any]:
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return {"application/json": {"schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas}}}


def _retry_after(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 1}}
