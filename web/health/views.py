"""``/healthz`` and ``/readyz``."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint

from web.health.schemas import readiness
from web.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def health() -> dict[str, Any]:
    """Say that the process is up. Looks at nothing else: a lost database is no reason to restart this process."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready() -> tuple[dict[str, Any], int]:
    """Say whether alerts can be taken, and which part is in trouble."""
    answer = readiness(services().parts())
    return answer.model_dump(mode="json"), HTTPStatus.OK if answer.ready else HTTPStatus.SERVICE_UNAVAILABLE
