"""The least that Flask can do with an alert: parse it and answer. Nothing is checked, nothing recorded."""

from typing import Any

from flask import Flask, request

app = Flask(__name__)


@app.post("/alert")
def take() -> dict[str, Any]:
    alert = request.get_json()
    return {"ok": True, "event_id": len(alert["title"]), "status": "open", "deduplicated": False}
