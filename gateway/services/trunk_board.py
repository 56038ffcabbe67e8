"""How the trunks stand now, as the engine last said."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.ports.heartbeats import Heartbeat, LinesState, TrunkState
from gateway.wording.catalogues import marked

# An engine says every other second how it is.
ENGINE_SILENT_AFTER = timedelta(seconds=10)


class TrunkCondition(StrEnum):
    """What matters most about a trunk, the gravest first."""

    SYSTEM_AWAY = "system_away"
    CARRIER_SILENT = "carrier_silent"
    LEFT_ALONE = "left_alone"
    ON_TRIAL = "on_trial"
    NOT_REGISTERED = "not_registered"
    DEMOTED = "demoted"
    FULL = "full"
    WELL = "well"

    @property
    def carries_calls(self) -> bool:
        """Whether calls go through the trunk, be it after the others."""
        return self not in _CARRIES_NONE

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look at it."""
        return self not in {TrunkCondition.WELL, TrunkCondition.FULL}

    @property
    def words(self) -> str:
        """The condition in English words, to be put behind the trunk's name; marked for translation."""
        return _WORDS[self]


_WORDS = {
    TrunkCondition.SYSTEM_AWAY: marked("its phone system takes no calls: start it, and see what tocsin doctor says"),
    TrunkCondition.CARRIER_SILENT: marked("its carrier does not answer: check host, port, transport and the firewall"),
    TrunkCondition.LEFT_ALONE: marked("left alone for a while, because call after call failed"),
    TrunkCondition.ON_TRIAL: marked("on trial after failures: one call is to find out whether it works again"),
    TrunkCondition.NOT_REGISTERED: marked("not registered: check username and password; it is tried after the others"),
    TrunkCondition.DEMOTED: marked("does far worse than the others, and is tried after them"),
    TrunkCondition.FULL: marked("well; every line has a call"),
    TrunkCondition.WELL: marked("well"),
}
UNKNOWN_WORDS = marked("not known: no engine has said how it is of late")
_CARRIES_NONE = frozenset({TrunkCondition.SYSTEM_AWAY, TrunkCondition.CARRIER_SILENT, TrunkCondition.LEFT_ALONE})


def lines_now(heartbeats: Sequence[Heartbeat], now: datetime) -> LinesState | None:
    """Return the lines as the newest word of an engine that lives has them; ``None`` where none says."""
    alive = [beat for beat in heartbeats if beat.lines is not None and now - beat.at < ENGINE_SILENT_AFTER]
    return max(alive, key=lambda beat: beat.at).lines if alive else None


def condition_of(trunk: TrunkState) -> TrunkCondition:
    """Return what matters most about a trunk."""
    found = {
        TrunkCondition.SYSTEM_AWAY: not trunk.in_reach,
        TrunkCondition.CARRIER_SILENT: not trunk.reachable,
        TrunkCondition.LEFT_ALONE: trunk.breaker == "open",
        TrunkCondition.ON_TRIAL: trunk.breaker == "half-open",
        TrunkCondition.NOT_REGISTERED: not trunk.registered,
        TrunkCondition.DEMOTED: trunk.demoted,
        TrunkCondition.FULL: 0 < trunk.max_calls <= trunk.in_use,
    }
    return next((condition for condition, holds in found.items() if holds), TrunkCondition.WELL)


def version_of(lines: LinesState | None) -> str:
    """Return a text that changes whenever the lines do."""
    return hashlib.sha256(repr(lines).encode()).hexdigest()[:16]
