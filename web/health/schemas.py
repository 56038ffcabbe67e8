"""What ``/readyz`` says."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from web.services import Part, PartState


class PartAnswer(BaseModel):
    """One part of the gateway. Only those that are needed decide on readiness."""

    state: Literal["ok", "degraded", "down"]
    needed: bool
    detail: str


class ReadinessAnswer(BaseModel):
    """Whether alerts can be taken, and which part is in trouble."""

    ready: bool
    status: Literal["ok", "degraded", "unavailable"]
    parts: dict[str, PartAnswer]


def readiness(parts: Sequence[Part]) -> ReadinessAnswer:
    """Return the answer for the parts as they are."""
    ready = not any(part.needed and part.state is PartState.DOWN for part in parts)
    well = all(part.state is PartState.OK for part in parts)
    return ReadinessAnswer(
        ready=ready,
        status="unavailable" if not ready else "ok" if well else "degraded",
        parts={part.name: PartAnswer(state=part.state.value, needed=part.needed, detail=part.detail) for part in parts},
    )
