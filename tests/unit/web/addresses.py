"""The addresses of the pages of a filled installation, made from the application's own rules.

A view whose address names something that ``examples`` does not know fails the tests that go over all views: give
``examples`` one of each license's, or ``_PLAIN`` a value where it belongs to nobody.
"""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from gateway.services import spoken
from tests.unit.web.filled import Filled

# Values of addresses that belong to nobody.
PLAIN: Mapping[str, str] = {"kind": "anpr", "language": "en", "name": "text", "what": "voice"}
_QUERIES = {"admin.licenses.choose_template": "?language=en&name=text"}
# What is fetched by a page, or leads to one.
_NO_PAGES = {
    "admin.account.home",
    "admin.account.sign_in",
    "admin.calls.export",
    "admin.events.call_audio",
    "admin.events.note_audio",
    "admin.licenses.choose_template",
    "admin.live.stream",
    "admin.live.version",
    "admin.quota.chart",
    "admin.static",
}


def path_of(rule: Rule, values: Mapping[str, Any]) -> str:
    """Return the address of a rule with its parts filled in."""
    path = re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda found: str({**PLAIN, **values}[found[1]]), rule.rule)
    return path + _QUERIES.get(rule.endpoint, "")


def examples(made: Filled) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what addresses name: of the license whose admin and viewer sign in, and of another one."""
    own = {
        "contact_id": made.own["contact"],
        "event_id": made.own["event"],
        "source_id": made.own["source"],
        "license_id": made.own["license"],
        "user_id": made.own["user:viewer"],
        "call_id": made.own_call,
        "attempt_id": _note_of(made, made.own["event"]),
        "trial_id": made.own["trial"],
    }
    other = {
        "contact_id": made.other["contact"],
        "event_id": made.other["event"],
        "source_id": made.other["source"],
        "license_id": made.other["license"],
        "user_id": made.other["user"],
        "call_id": made.other_call,
        "attempt_id": _note_of(made, made.other["event"]),
        "trial_id": made.other["trial"],
    }
    return own, other


def page_paths(app: Flask, made: Filled) -> dict[str, str]:
    """Return the address of every page that people look at once they are signed in, by its endpoint."""
    own, _ = examples(made)
    return {
        rule.endpoint.removeprefix("admin."): path_of(rule, own)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and "GET" in (rule.methods or ()) and rule.endpoint not in _NO_PAGES
    }


def _note_of(made: Filled, event_id: int) -> int:
    """Return an attempt of the event that was a voice note."""
    with made.there.record.read() as work:
        return spoken.heard_notes(work.attempts.of_event(event_id))[0].id
