"""What the actors tell each other: frozen values, commands in the imperative, events in the past."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pykka

from gateway.model.urgency import Urgency
from gateway.ports.phone import CallOrder, KeyPressed, PhoneReport
from gateway.services.advance import Advanced, Seen


@dataclass(frozen=True, slots=True)
class TakeUpEverything:
    """To the dispatcher, once: start an actor for every event that is not finished."""


@dataclass(frozen=True, slots=True)
class TakeUp:
    """From the dispatcher to itself: take these events up, a part at a time."""

    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RoutePostponed:
    """From the dispatcher to itself: perhaps what could not be routed without the database can be now."""


@dataclass(frozen=True, slots=True)
class LookForSignals:
    """To the dispatcher: read what other processes left in the record."""


@dataclass(frozen=True, slots=True)
class EventChanged:
    """Something about an event is new in the record. To the dispatcher, who passes it on to the event's actor."""

    event_id: int


@dataclass(frozen=True, slots=True)
class StepDue:
    """To an event's actor, by its own timer: the next step's time has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtLadder:
    """To the clerk: record what is due for an event, and answer ``asker`` with ``LadderClimbed``.

    ``due_at`` is when a step was expected, ``None`` where something happened; ``precedence`` orders what is overdue.
    """

    event_id: int
    asker: "pykka.ActorRef[Any]"
    seen: Seen
    precedence: Urgency
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class WriteSteps:
    """From the clerk to itself: record what was asked for until now, at once or when a timer of its own says so."""

    by_alarm: bool = False


@dataclass(frozen=True, slots=True)
class LadderClimbed:
    """To an event's actor, from the clerk: what was due is on record, and this is how the event stands."""

    advanced: Advanced


@dataclass(frozen=True, slots=True)
class LookFailed:
    """To an event's actor, from the clerk: its steps cannot be taken, because of a fault of this program."""

    error: str


@dataclass(frozen=True, slots=True)
class EventFinished:
    """From an event's actor: nothing is left to do for it."""

    event_id: int


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Call the contact about the event; the attempt is recorded. Telling it twice has no effect."""

    contact_id: int
    event_id: int
    attempt_id: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The event is over: do not call the contact about it, and end a call that has no other purpose."""

    contact_id: int
    event_id: int


@dataclass(frozen=True, slots=True)
class LookForTrials:
    """To the trials' actor: see whether somebody has asked for a test call or a test message."""


@dataclass(frozen=True, slots=True)
class TryCall:
    """Make a test call to the contact, or go on with it; the trial is recorded. Telling it twice has no effect."""

    contact_id: int
    trial_id: int


@dataclass(frozen=True, slots=True)
class GiveUpTrial:
    """The test call was not begun in time, and is over."""

    contact_id: int
    trial_id: int


@dataclass(frozen=True, slots=True)
class TrialPrepared:
    """From the preparation of a test call by that line: the order, or why it cannot be placed (``failure``)."""

    contact_id: int
    trial_id: int
    call_id: str
    order: CallOrder | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class PhoneReported:
    """From the phone: something happened to a leg or to a phone system. It goes before other messages: see the pool."""

    report: PhoneReport

    @property
    def urgency(self) -> int:
        """2 for a key, of which a person waits to hear what it did; 1 for all else."""
        return 2 if isinstance(self.report, KeyPressed) else 1


@dataclass(frozen=True, slots=True)
class CallPrepared:
    """From the preparation of a call: what is still to be announced, and the order that announces it.

    Without an order there is nothing to announce, or ``failure`` says why nobody can place the call now, and
    ``may_pass`` whether that is worth waiting for a moment. ``record_away``: it could not even be found out.
    """

    contact_id: int
    preparation: int
    asked_for: tuple[int, ...]
    attempt_ids: tuple[int, ...]
    order: CallOrder | None
    failure: str | None = None
    may_pass: bool = False
    record_away: bool = False


@dataclass(frozen=True, slots=True)
class PrepareAgain:
    """To a contact's actor, by its own timer: perhaps a phone system, or the record, is in reach now."""

    preparation: int


@dataclass(frozen=True, slots=True)
class CallOverdue:
    """To a contact's actor: no report about the leg's end came within all reason."""

    contact_id: int
    call_id: str


@dataclass(frozen=True, slots=True)
class StartAgain:
    """To the dispatcher: start the actor that failed, from the record."""

    event_id: int | None = None
    contact_id: int | None = None


@dataclass(frozen=True, slots=True)
class ActorFailed:
    """From an actor that raised. Its inbox is lost: whatever it held is in the record, or is asked for again."""

    error: str
    event_id: int | None = None
    contact_id: int | None = None
    concerned_events: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """To the auditor: compare the record with what the actors are doing."""


@dataclass(frozen=True, slots=True)
class SayWhoLives:
    """To the dispatcher, from the auditor: which actors are there."""


@dataclass(frozen=True, slots=True)
class WhoLives:
    """The dispatcher's answer: the events and contacts with an actor, or with one that is about to be started again."""

    events: frozenset[int]
    contacts: frozenset[int]


@dataclass(frozen=True, slots=True)
class CheckCalls:
    """To a contact's actor: these attempts are pending on record; ``CallsUnknown`` names those that it knows not."""

    contact_id: int
    attempt_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CallsUnknown:
    """From a contact's actor, for the auditor: it was never asked for these calls, or has forgotten them."""

    contact_id: int
    attempt_ids: tuple[int, ...]
