"""Twilio's Content API on loopback, by Twilio's own API document, with WhatsApp's rules for templates."""

import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from tests.clouds.server import Answer, Request
from tests.clouds.twilio_rules import Refused

_SCHEMA = json.loads((Path(__file__).parent / "twilio_content.json").read_text(encoding="utf-8"))
_RULES = {name: jsonschema.Draft202012Validator(rules) for name, rules in _SCHEMA["$defs"].items()}
_VARIABLE = re.compile(r"\{\{(\d+)\}\}")


@dataclass(slots=True)
class FakeContent:
    """The templates of a ``FakeTwilio``. ``verdict`` is what WhatsApp says of what is submitted."""

    account_sid: str
    templates: list[dict[str, Any]] = field(default_factory=list)
    verdict: str = "received"

    def add(self, sid: str, *, status: str, reason: str = "", name: str = "own") -> None:
        """Let there be a template that somebody else made."""
        approval = {"name": name, "category": "UTILITY", "status": status, "rejection_reason": reason}
        self._keep(sid, {"friendly_name": name, "language": "en", "variables": {}, "types": {}}, approval)

    def answer(self, request: Request) -> Answer | None:
        """Answer; ``None`` for what is no request to this API."""
        if not request.path.startswith("/v1/Content"):
            return None
        if request.path == "/v1/ContentAndApprovals" and request.method == "GET":
            return self._list(request)
        if request.path == "/v1/Content" and request.method == "POST":
            return self._create(_document(request, "create"))
        one = re.fullmatch(r"/v1/Content/(HX[0-9a-f]{32})(/ApprovalRequests(/whatsapp)?)?", request.path)
        found = next((each for each in self.templates if one and each["sid"] == one[1]), None)
        if one is None or found is None:
            raise Refused(404, 20404, f"The requested resource {request.path} was not found")
        if one[3] and request.method == "POST":
            return self._submit(found, _document(request, "approval"))
        if request.method != "GET" or one[3]:
            raise Refused(405, 20004, "Method not allowed")
        document = {key: value for key, value in found.items() if key != "approval_requests"}
        if one[2]:
            document = {"sid": found["sid"], "account_sid": self.account_sid, "whatsapp": found["approval_requests"]}
        return Answer(status=200, document=document)

    def _create(self, document: dict[str, Any]) -> Answer:
        variables = set(document.get("variables", {}))
        used = set(_VARIABLE.findall(json.dumps(document["types"])))
        if used - variables:
            raise Refused(400, 20001, f"variables without a sample: {sorted(used - variables)}")
        found = self._keep("HX" + secrets.token_hex(16), document, {"status": "unsubmitted"})
        return Answer(status=201, document={key: found[key] for key in found if key != "approval_requests"})

    def _submit(self, found: dict[str, Any], document: dict[str, Any]) -> Answer:
        if found["approval_requests"]["status"] != "unsubmitted":
            raise Refused(400, 20001, "this content was submitted already")
        for content in found["types"].values():
            _check_body(content["body"])
        found["approval_requests"] = {**document, "status": self.verdict, "rejection_reason": ""}
        return Answer(status=201, document=found["approval_requests"])

    def _list(self, request: Request) -> Answer:
        size = int(request.query.get("PageSize", ["50"])[0])
        if not 1 <= size <= 1000:
            raise Refused(400, 20001, f"PageSize {size}")
        meta = {"page": 0, "page_size": size, "next_page_url": None, "key": "contents"}
        return Answer(status=200, document={"contents": list(self.templates), "meta": meta})

    def _keep(self, sid: str, document: dict[str, Any], approval: dict[str, Any]) -> dict[str, Any]:
        made = {"sid": sid, "account_sid": self.account_sid, "date_created": f"2026-11-{len(self.templates) + 1:02}"}
        found = {**made, **document, "approval_requests": approval}
        self.templates.append(found)
        return found


def _document(request: Request, rules: str) -> dict[str, Any]:
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise Refused(415, 20415, "Unsupported Media Type")
    document: dict[str, Any] = json.loads(request.body)
    for problem in _RULES[rules].iter_errors(document):
        raise Refused(400, 20001, f"{'.'.join(map(str, problem.path)) or 'request'}: {problem.message}")
    return document


def _check_body(body: str) -> None:
    """Refuse what WhatsApp rejects: https://www.twilio.com/docs/content/twilio-quick-reply."""
    if re.search(r"^\s*\{\{\d+\}\}|\{\{\d+\}\}\s*$", body):
        raise Refused(400, 20001, "the body begins or ends with a variable")
    if re.search(r"\}\}\s*\{\{", body):
        raise Refused(400, 20001, "two variables are next to each other")
