"""What the engines last said of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkState:
    """How a trunk is in the engine's eyes.

    ``in_use`` of its ``max_calls`` lines carry a call. ``in_reach``: its phone system takes orders. ``reachable`` and
    ``registered``: its carrier answers, and knows where we are, as far as the phone system says. ``breaker`` is
    ``closed`` (in use), ``open`` (left alone for its failures, until ``again_at``) or ``half-open`` (one call finds
    out). ``demoted``: it does far worse than its peers, and is tried after them. ``last_resort``: it is used where no
    other trunk can carry a call.
    """

    trunk: str
    in_use: int = 0
    max_calls: int = 0
    in_reach: bool = True
    reachable: bool = True
    registered: bool = True
    breaker: str = "closed"
    again_at: datetime | None = None
    demoted: bool = False
    last_resort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesState:
    """The lines of all trunks. ``waiting`` calls wait for one."""

    waiting: int = 0
    trunks: Sequence[TrunkState] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """How an engine said that it was. ``parts`` maps a part's name to ``ok`` or to what is wrong with it.

    ``lines`` is ``None`` as long as the engine has not taken up its lines.
    """

    engine: str
    at: datetime
    parts: Mapping[str, str]
    lines: LinesState | None = None


class HeartbeatRepository(Protocol):
    """What the engines last said of themselves."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Store an engine's newest word in place of its last."""
        ...

    def latest(self) -> Sequence[Heartbeat]:
        """Return the newest word of every engine."""
        ...
