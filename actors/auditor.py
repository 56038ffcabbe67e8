"""AuditorActor: compares what is on record with what the actors are doing, and repairs what got lost.

Nothing should ever get lost: the record is looked at after every change, and actors that fail are started again. This
is the net below, for faults that nobody has thought of: an alert must not stand still because of one.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from actors.agenda import Agenda
from actors.calling import LONGEST_CALL, LONGEST_HANDOFF
from actors.event import Tell
from actors.messages import (
    Audit,
    CallOverdue,
    CallsUnknown,
    CheckCalls,
    EventChanged,
    PlaceCall,
    SayWhoLives,
    StartAgain,
    WhoLives,
)
from actors.pool import ActorPool, PooledActor
from gateway.model.attempt import Attempt, AttemptState
from gateway.model.call import Call
from gateway.model.event import EventStatus
from gateway.ports.clock import Clock
from gateway.ports.phone import Phone
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services import call_queries, calls, escalate

log = structlog.get_logger(__name__)

# An actor may be so late with a step before that is looked at more closely.
LATE_AFTER = timedelta(seconds=5)
# What is repaired at once; where so much is wrong, the repairs themselves must not be what holds the engine up.
_MOST_REPAIRS = 200
# A dispatcher that thousands of alerts have just come in for is busy, not stuck: so many audits may find it so.
_PATIENCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """How an audit went. ``trouble`` says why it could not be made; ``unhealed`` counts repairs that did not help."""

    at: datetime
    open_events: int = 0
    pending_calls: int = 0
    repaired: int = 0
    unhealed: int = 0
    trouble: str | None = None

    @property
    def well(self) -> bool:
        """Whether the audit was made and nothing stays broken."""
        return self.trouble is None and not self.unhealed

    def __str__(self) -> str:
        """Return it for people; it begins with ``ok`` where all is well."""
        if self.trouble is not None:
            return f"no audit: {self.trouble}"
        counts = f"{self.open_events} open events, {self.pending_calls} calls due, {self.repaired} repaired"
        return f"{self.unhealed} faults that no repair heals; {counts}" if self.unhealed else f"ok: {counts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the record said when an audit began."""

    at: datetime
    open_events: Collection[int]
    pending_calls: Collection[Attempt]
    legs: Collection[Call]


@dataclass(frozen=True, slots=True)
class _Fault:
    """Something that got lost. ``key`` is the same as long as nothing about it moves."""

    key: Hashable
    event_id: int
    what: str
    repair: object


class AuditorActor(PooledActor):
    """Audits when it is told to; ``on_result`` is told how each audit went.

    An audit costs three reads of indexed rows, whatever the number of events, and one message to the dispatcher. A
    fault counts once two audits in a row have seen the very same: what moves meanwhile is no fault.
    """

    def __init__(
        self,
        *,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        phone: Phone,
        agenda: Agenda,
        dispatcher: Tell,
        on_result: Callable[[AuditResult], None],
    ) -> None:
        super().__init__(pool=pool)
        self._record = record
        self._clock = clock
        self._phone = phone
        self._agenda = agenda
        self._dispatcher = dispatcher
        self._on_result = on_result
        self._facts: _Facts | None = None
        self._suspects: Mapping[Hashable, _Fault] = {}
        self._pending: frozenset[int] = frozenset()
        self._repaired: set[Hashable] = set()
        self._repairs = 0  # since the last result
        self._unanswered = 0

    def on_receive(self, message: object) -> None:
        """Audit, or take an answer. Whatever goes wrong is a result, too: the auditor itself never ends."""
        try:
            match message:
                case Audit():
                    self._look()
                case WhoLives():
                    self._compare(message)
                case CallsUnknown(contact_id, attempt_ids):
                    self._place_again(contact_id, attempt_ids)
        except RecordUnavailableError as error:
            self._facts = None
            self._tell_trouble(f"the database is away: {error}")
        except Exception as error:
            self._facts = None
            log.exception("audit_failed")
            self._tell_trouble(f"{type(error).__name__}: {error}")

    def _look(self) -> None:
        if self._facts is not None:
            self._unanswered += 1
            since = self._facts.at.isoformat(timespec="seconds")
            log.warning("dispatcher_has_not_answered", since=since, audits=self._unanswered)
            if self._unanswered >= _PATIENCE:
                self._tell_trouble(f"the dispatcher has not answered since {since}")
            return
        self._unanswered = 0
        with self._record.read() as work:
            self._facts = _Facts(
                at=self._clock.now(),
                open_events=work.events.open_ids(),
                pending_calls=work.attempts.pending_calls(),
                legs=work.calls.unfinished(),
            )
        # Asked after the record was read: who is missing then was not merely about to be started.
        self._dispatcher(SayWhoLives())

    def _compare(self, lives: WhoLives) -> None:
        facts, self._facts = self._facts, None
        if facts is None:
            return
        found = {fault.key: fault for fault in (*self._lost_events(facts, lives), *_lost_contacts(facts, lives))}
        sure = [fault for key, fault in found.items() if key in self._suspects and self._is_open(fault.event_id)]
        self._suspects = found
        unhealed = sum(fault.key in self._repaired for fault in sure)
        for fault in sure[:_MOST_REPAIRS]:
            self._repair(fault)
        overdue = list(self._end_overdue(facts.legs))
        self._repaired &= found.keys() | set(overdue)
        self._ask_contacts(facts, lives)
        self._on_result(
            AuditResult(
                at=self._clock.now(),
                open_events=len(facts.open_events),
                pending_calls=len(facts.pending_calls),
                repaired=self._repairs,
                unhealed=unhealed,
            )
        )
        self._repairs = 0

    def _lost_events(self, facts: _Facts, lives: WhoLives) -> Iterator[_Fault]:
        """Yield the open events that nobody minds, and those whose actor let a step pass or waits for nothing."""
        agenda, late = self._agenda.copy(), self._clock.now() - LATE_AFTER
        called_about = {attempt.event_id for attempt in facts.pending_calls}
        for event_id in facts.open_events:
            if event_id not in lives.events:
                what = "no actor minded the event"
            elif event_id not in agenda:
                what = "the event's actor had not looked at it"
            else:
                at = agenda[event_id]
                if at is not None and at < late:
                    what = f"the step due at {at.isoformat(timespec='seconds')} was not made"
                elif at is None and event_id not in called_about:
                    what = "the event's actor waited for a report that nobody owed it"
                else:
                    continue
            yield _Fault(("event", event_id, what), event_id, what, EventChanged(event_id))

    def _ask_contacts(self, facts: _Facts, lives: WhoLives) -> None:
        """Have the contacts' actors say which of the calls that were due an audit ago they know nothing of."""
        old = [attempt for attempt in facts.pending_calls if attempt.id in self._pending]
        self._pending = frozenset(attempt.id for attempt in facts.pending_calls)
        for contact_id, attempts in _by_contact(old).items():
            if contact_id in lives.contacts:
                self._dispatcher(CheckCalls(contact_id, tuple(attempt.id for attempt in attempts)))

    def _place_again(self, contact_id: int, attempt_ids: Collection[int]) -> None:
        with self._record.read() as work:
            unknown = [attempt for attempt in work.attempts.pending_calls(contact_id) if attempt.id in attempt_ids]
            legs = {leg.id: leg for leg in work.calls.unfinished(contact_id=contact_id)}
        for attempt in unknown:
            key, what = ("call", attempt.id), "the contact's actor did not know of a call that was due"
            leg = legs.get(attempt.call_id or "")
            if leg is None:
                self._repair(_Fault(key, attempt.event_id, what, PlaceCall(contact_id, attempt.event_id, attempt.id)))
            elif leg.node is not None:
                # It may have been dialled: its end is asked for, and nobody's phone rings again.
                self._note(_Fault(key, attempt.event_id, what, None))
                self._phone.look_up(leg.node, [leg.id])

    def _end_overdue(self, legs: Iterable[Call]) -> Iterator[Hashable]:
        """Settle what legs longer than any call were for, and ask for their end; yield their keys."""
        now = self._clock.now()
        for leg in legs:
            if leg.started_at + LONGEST_CALL > now:
                continue
            if leg.started_at + LONGEST_HANDOFF > now and call_queries.is_handed_off(self._record, leg.id):
                continue
            key = ("leg", leg.id)
            yield key
            if leg.node is not None:
                self._phone.look_up(leg.node, [leg.id])
            if key in self._repaired:
                continue
            self._dispatcher(CallOverdue(leg.contact_id, leg.id))
            pending = [a for a in call_queries.attempts_of(self._record, leg.id) if a.state is AttemptState.PENDING]
            calls.settle_attempts(
                self._record,
                attempt_ids=[attempt.id for attempt in pending],
                state=AttemptState.MISSED,
                reason="end_not_reported",
                at=now,
            )
            for attempt in pending:
                what = "the end of a call was not reported"
                self._repair(_Fault(key, attempt.event_id, what, EventChanged(attempt.event_id)))
            self._repaired.add(key)

    def _is_open(self, event_id: int) -> bool:
        with self._record.read() as work:
            event = work.events.get(event_id)
        return event is not None and event.status is EventStatus.OPEN

    def _repair(self, fault: _Fault) -> None:
        self._note(fault)
        self._dispatcher(fault.repair)

    def _note(self, fault: _Fault) -> None:
        self._repairs += 1
        again = fault.key in self._repaired
        log.warning("audit_repaired", event_id=fault.event_id, what=fault.what, again=again)
        if not again:
            # Once for each fault: a timeline is no place for the same line every half a minute.
            what = f"auditor: {fault.what}"
            escalate.note_fault(self._record, event_id=fault.event_id, what=what, at=self._clock.now())
        self._repaired.add(fault.key)

    def _tell_trouble(self, trouble: str) -> None:
        self._on_result(AuditResult(at=self._clock.now(), trouble=trouble))


def _lost_contacts(facts: _Facts, lives: WhoLives) -> Iterator[_Fault]:
    """Yield the calls that are due for people without an actor."""
    for contact_id, attempts in _by_contact(facts.pending_calls).items():
        if contact_id not in lives.contacts:
            what = "no actor minded the contact of a call that was due"
            for attempt in attempts:
                yield _Fault(("contact", attempt.id), attempt.event_id, what, StartAgain(contact_id=contact_id))


def _by_contact(attempts: Iterable[Attempt]) -> dict[int, list[Attempt]]:
    grouped: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.contact_id is not None:
            grouped.setdefault(attempt.contact_id, []).append(attempt)
    return grouped
