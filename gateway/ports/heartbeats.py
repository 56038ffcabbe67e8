"""What the engines last said of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How an engine said that it was. ``parts`` maps a part's name to ``ok`` or to what is wrong with it."""

    engine: str
    at: datetime
    parts: Mapping[str, str]


class HeartbeatRepository(Protocol):
    """What the engines last said of themselves."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Store an engine's newest word in place of its last."""
        ...

    def latest(self) -> Sequence[Heartbeat]:
        """Return the newest word of every engine."""
        ...
