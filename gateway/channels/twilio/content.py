"""Templates at Twilio's Content API: making them, having them approved, asking how that stands.

https://www.twilio.com/docs/content/content-api-resources; the forms are those of its published OpenAPI document
(``twilio_content_v1.json`` in the repository twilio-oai). Creating is not idempotent, so what is there already is
looked for first, by its name and language.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import requests
from twilio.base.exceptions import TwilioException

from gateway.channels.twilio.client import failed_delivery, rest_client
from gateway.channels.twilio.outcomes import refusal_reason
from gateway.config.twilio import TwilioConfig

# https://developers.facebook.com/docs/whatsapp/updates-to-pricing/new-template-guidelines: alerts that were asked for.
CATEGORY = "UTILITY"
QUICK_REPLY, TEXT = "twilio/quick-reply", "twilio/text"

_PAGE = 500
_MOST_PAGES = 20
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class ContentError(Exception):
    """Twilio's Content API did not do what it was asked for; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template as it is to be made: ``variables`` are samples, which the approval needs."""

    name: str
    language: str
    body: str
    variables: Mapping[str, str]
    button: tuple[str, str] | None = None  # title and payload

    def document(self) -> dict[str, object]:
        """Return what the Content API is sent."""
        types: dict[str, object] = {TEXT: {"body": self.body}}
        if self.button is not None:
            title, payload = self.button
            action = {"type": "QUICK_REPLY", "title": title, "id": payload}
            types = {QUICK_REPLY: {"body": self.body, "actions": [action]}}
        return {
            "friendly_name": self.name,
            "language": self.language,
            "variables": dict(self.variables),
            "types": types,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """How a template stands: ``unsubmitted``, ``received``, ``pending``, ``approved``, ``rejected``, ``paused``."""

    sid: str
    name: str
    language: str
    status: str
    category: str
    reason: str = ""


class ContentApi:
    """The Content API of an account. Every method raises ``ContentError``."""

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config

    def find(self, template: Template) -> Approval | None:
        """Return the newest template of that name and language whose content is the same."""
        wanted = template.document()
        for item in self._all():
            if all(item.get(key) == wanted[key] for key in ("friendly_name", "language", "types")):
                return _approval(item, item.get("approval_requests"))
        return None

    def create(self, template: Template) -> str:
        """Make a template and return its SID."""
        made = self._ask("POST", "/v1/Content", template.document())
        return str(made.get("sid") or "")

    def submit(self, sid: str, name: str) -> None:
        """Ask WhatsApp's approval."""
        self._ask("POST", f"/v1/Content/{sid}/ApprovalRequests/whatsapp", {"name": name, "category": CATEGORY})

    def approval(self, sid: str) -> Approval:
        """Return how a template stands."""
        item = self._ask("GET", f"/v1/Content/{sid}")
        return _approval(item, self._ask("GET", f"/v1/Content/{sid}/ApprovalRequests").get("whatsapp"))

    def _all(self) -> list[Mapping[str, Any]]:
        path: str | None = f"/v1/ContentAndApprovals?PageSize={_PAGE}"
        found: list[Mapping[str, Any]] = []
        for _ in range(_MOST_PAGES):
            if path is None:
                break
            page = self._ask("GET", path)
            found += page.get("contents") or []
            following = (page.get("meta") or {}).get("next_page_url")
            path = None if not following else "/v1/" + str(following).partition("/v1/")[2]
        return sorted(found, key=lambda item: str(item.get("date_created")), reverse=True)

    def _ask(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Mapping[str, Any]:
        client = rest_client(self._config)
        try:
            answer = client.request(
                method, f"https://content.twilio.com{path}", data=document, headers=dict(_JSON) if document else {}
            )
        except (TwilioException, requests.RequestException, ValueError) as error:
            raise ContentError(failed_delivery(error).reason or type(error).__name__) from None
        try:
            content = json.loads(answer.text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ContentError(f"HTTP {answer.status_code}, and no answer of Twilio's kind: check content_api_base")
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            code = content.get("code")
            raise ContentError(refusal_reason(code if isinstance(code, int) else None, str(content.get("message"))))
        return cast("Mapping[str, Any]", content)


def _approval(item: Mapping[str, Any], request: object) -> Approval:
    asked: Mapping[str, Any] = request if isinstance(request, dict) else {}
    return Approval(
        sid=str(item.get("sid")),
        name=str(item.get("friendly_name")),
        language=str(item.get("language")),
        status=str(asked.get("status") or "unsubmitted"),
        category=str(asked.get("category") or ""),
        reason=str(asked.get("rejection_reason") or ""),
    )
