"""Which of several alerts goes first."""

from dataclasses import dataclass
from datetime import datetime

from gateway.model.event import Event, EventStatus, Severity

_RANKS = {Severity.CRITICAL: 0, Severity.WARN: 1, Severity.INFO: 2}
_OVER = 3


@dataclass(frozen=True, slots=True, order=True)
class Urgency:
    """What is less goes first: the graver alert, then the one that has waited longer.

    ``rank`` is 0 for critical, 1 for warn, 2 for info, and 3 where somebody has taken the alert and the rest is only
    told so.
    """

    rank: int
    since: datetime


def urgency(event: Event, since: datetime) -> Urgency:
    """Return how urgent the next step of an event is that has waited for it since then."""
    is_open = event.status is EventStatus.OPEN
    return Urgency(_RANKS[event.severity] if is_open else _OVER, since)
