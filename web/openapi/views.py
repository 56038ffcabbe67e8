"""``/openapi.json``."""

from typing import Any

from flask import Blueprint

from web.openapi.schemas import document
from web.services import services

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
def openapi() -> dict[str, Any]:
    """Describe the public HTTP interface."""
    return document(services().config.web.public_url)
