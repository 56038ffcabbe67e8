"""The commands of the integration guide work when they are pasted."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.ports.record import Record
from tests.unit.web.installation import TOKEN, Installation
from web.ingest.schemas import EventAnswer

pytestmark = pytest.mark.databases("sqlite")

GUIDE = (Path(__file__).parents[2] / "docs" / "integration.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^curl .*?-d '(?P<body>.*?)'$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def client(record: Record) -> FlaskClient:
    return Installation(record).client()


def test_every_example_is_taken(client: FlaskClient) -> None:
    bodies = [match["body"] for match in COMMAND.finditer(GUIDE)]
    answers = [
        client.post("/license/v1/alert/in", data=body.encode(), headers={"X-Alert-Token": TOKEN}).get_json()
        for body in bodies
    ]
    actions = [json.loads(body).get("action", "trigger") for body in bodies]
    assert actions == ["trigger", "trigger", "resolve", "trigger"]
    assert [answer["status"] for answer in answers] == ["open", "open", "resolved", "open"]
    assert answers[1]["event_id"] == answers[2]["event_id"]


def test_fields_of_an_event_are_named(client: FlaskClient) -> None:
    assert client.get("/openapi.json").status_code == 200
    for name in ("status", "acknowledged_by", "acknowledged_at", "acknowledged_via", "repeat_count", "timeline"):
        assert name in EventAnswer.model_fields
        assert f"`{name}`" in GUIDE
