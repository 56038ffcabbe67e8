"""A trial: a test call or a test message to one contact, which somebody asked for at the pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# Whoever asks waits for the result at the screen. What was not begun by then never is.
TAKEN_WITHIN = timedelta(minutes=1)
# Nobody's phone is to ring again and again because somebody presses a button.
ONE_PER = timedelta(minutes=1)


class TrialKind(StrEnum):
    """What is tried."""

    CALL = "call"
    MESSAGE = "message"


class TrialState(StrEnum):
    """How far a trial has come."""

    ASKED = "asked"  # nothing was dialled or sent
    BEGUN = "begun"  # it was dialled or sent, or is about to be: never again
    OVER = "over"


class TrialOutcome(StrEnum):
    """How a trial ended."""

    DONE = "done"  # it was dialled or sent: its call, or its steps, say what came of it
    REFUSED = "refused"  # nothing was dialled or sent
    EXPIRED = "expired"  # likewise: nobody took it in time
    INTERRUPTED = "interrupted"  # the engine ended in the midst of it


class TrialStepName(StrEnum):
    """What happened in a trial. What happens in its call is recorded with the call."""

    TAKEN = "taken"
    DIALLED = "dialled"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStep:
    """One step. ``detail`` holds what there is to say about it: the ``call_id`` and ``trunk``, or a ``reason``."""

    name: TrialStepName
    at: datetime
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial. ``call_id`` is its latest leg; ``provider_id`` the provider's id of its message.

    ``asked_by`` is who asked for it, as the audit log names them. ``reason`` says why it was refused or interrupted.
    """

    id: int
    license_id: int
    contact_id: int
    kind: TrialKind
    asked_by: str
    asked_at: datetime
    state: TrialState = TrialState.ASKED
    outcome: TrialOutcome | None = None
    reason: str | None = None
    finished_at: datetime | None = None
    steps: tuple[TrialStep, ...] = ()
    call_id: str | None = None
    provider: str | None = None
    provider_id: str | None = None

    def has(self, name: TrialStepName) -> bool:
        """Tell whether a step of that name was made."""
        return any(step.name is name for step in self.steps)

    def is_stale(self, now: datetime) -> bool:
        """Tell whether it was asked for too long ago to be begun."""
        return self.state is TrialState.ASKED and now - self.asked_at >= TAKEN_WITHIN
