"""Alerts as each kind of source posts them: for the guide, for ``Copy curl`` and for test alerts."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.model.license import SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An alert as a source posts it."""

    title: str
    body: str
    severity: str
    dedup_key: str
    payload: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return the JSON document of the post."""
        return {
            "title": self.title,
            "body": self.body,
            "severity": self.severity,
            "dedup_key": self.dedup_key,
            "payload": dict(self.payload),
        }


_EXAMPLES = {
    SourceKind.ANPR: Example(
        title="Blacklisted plate 4821 KLM at gate 2",
        body="The car park's list says: stolen. The barrier stays closed.",
        severity="critical",
        dedup_key="gate-2-4821KLM",
        payload={"plate": "4821KLM", "confidence": 0.97, "camera": "gate-2", "list": "stolen"},
    ),
    SourceKind.PARKING: Example(
        title="Car park North is 96 % full",
        body="24 of 600 spaces are free.",
        severity="warn",
        dedup_key="north-nearly-full",
        payload={"car_park": "north", "spaces": 600, "free": 24},
    ),
    SourceKind.SECURITY: Example(
        title="Intrusion: north fence, zone 3",
        body="Motion behind the fence while the system is armed.",
        severity="critical",
        dedup_key="fence-north-3",
        payload={"panel": "main", "zone": 3, "sensor": "pir-3b", "armed": True},
    ),
    SourceKind.WEBHOOK: Example(
        title="Disk of db1 is 95 % full",
        body="At this rate it is full in two hours.",
        severity="warn",
        dedup_key="db1-disk",
        payload={"host": "db1", "mount": "/var", "used_percent": 95},
    ),
}


def of_kind(kind: SourceKind) -> Example:
    """Return the example of a kind of source."""
    return _EXAMPLES[kind]


def curl(public_url: str, token: str, document: Mapping[str, object]) -> str:
    """Return a command that posts the alert, to be pasted into a POSIX shell as it is."""
    words = [
        "curl",
        "--silent",
        "--show-error",
        "--request",
        "POST",
        f"{public_url.rstrip('/')}/license/v1/alert/in",
        "--header",
        f"X-Alert-Token: {token}",
        "--header",
        "Content-Type: application/json",
        "--data-binary",
        json.dumps(document, ensure_ascii=False),
    ]
    quoted = [shlex.quote(word) for word in words]
    first, pairs = quoted[:6], [f"  {name} {value}" for name, value in zip(quoted[6::2], quoted[7::2], strict=True)]
    return " \\\n".join([" ".join(first), *pairs])


def python(public_url: str, token: str, document: Mapping[str, object]) -> str:
    """Return a program that posts the alert with nothing but the standard library, and prints the answer."""
    lines = "\n".join(f"    {name!r}: {value!r}," for name, value in document.items())
    return f"""\
import json
import urllib.request

alert = {{
{lines}
}}
request = urllib.request.Request(
    {json.dumps(public_url.rstrip("/") + "/license/v1/alert/in")},
    data=json.dumps(alert).encode(),
    headers={{"X-Alert-Token": {json.dumps(token)}, "Content-Type": "application/json"}},
)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.read().decode())
"""
