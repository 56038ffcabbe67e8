"""What contacts' actors and the switchboard tell each other about lines."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pykka

from gateway.ports.phone import CallEnded
from gateway.services.lines import Line, LineRequest


@dataclass(frozen=True, slots=True)
class AskForLine:
    """To the switchboard: a contact is to be called. It takes the place of the contact's earlier request.

    ``LineGranted`` or ``LineRefused`` follows to ``asker``, unless the request is withdrawn.
    """

    request: LineRequest
    asker: "pykka.ActorRef[Any]"


@dataclass(frozen=True, slots=True)
class WithdrawRequest:
    """To the switchboard: nobody is to be called any more. A grant that is on its way comes back as unused."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class LineGranted:
    """From the switchboard: dial through this line, under its call's id, or return it."""

    line: Line


@dataclass(frozen=True, slots=True)
class LineRefused:
    """From the switchboard: no trunk can carry the call. It is not worth waiting."""

    reason: str


@dataclass(frozen=True, slots=True)
class LineUnused:
    """To the switchboard: nothing was dialled through this line."""

    call_id: str


@dataclass(frozen=True, slots=True)
class LineAlive:
    """To the switchboard: the callee's phone rings, or they answered."""

    call_id: str


@dataclass(frozen=True, slots=True)
class LineEnded:
    """To the switchboard: the call through this line is over."""

    report: CallEnded


@dataclass(frozen=True, slots=True)
class AskerFailed:
    """To the switchboard, from a contact's actor that fails: it has forgotten what it asked for and was granted."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class LookAtLines:
    """From the switchboard to itself, by its timer. It is not to be late: the pace of the trunks depends on it."""

    urgency: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class CompareLines:
    """From the switchboard to itself, by its timer: hold the lines in use against the record."""


@dataclass(frozen=True, slots=True)
class TellLines:
    """To the switchboard: say how the lines are."""


@dataclass(frozen=True, slots=True)
class WaitedForLine:
    """From a contact's actor to itself, by its timer: a call may have waited for too long."""
