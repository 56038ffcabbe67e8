"""What a call is still due for: looked at again and again, because an event may be over at any moment."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.model.attempt import Attempt, AttemptState
from gateway.model.call import Call, CallOutcome
from gateway.model.event import EventStatus
from gateway.model.policy import Snapshot
from gateway.model.urgency import Urgency, urgency
from gateway.ports.record import Record, UnitOfWork
from gateway.services.steps import settle

# So many legs on one trunk may fail in one attempt with nobody saying why.
_REFUSALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAlert:
    """One event that a call is to announce."""

    attempt: Attempt
    title: str
    body: str
    severity: str
    urgency: Urgency
    snapshot: Snapshot
    trunks_in_trouble: frozenset[str]

    def callee(self, contact_id: int) -> tuple[str, str, str | None]:
        """Return what a call that announces it must keep to: number, language, and the operator behind key 2."""
        contact = self.snapshot.contact(contact_id)
        return contact.phone, contact.language, self.snapshot.handoff_number


def due_alerts(record: Record, attempt_ids: Collection[int], at: datetime) -> tuple[DueAlert, ...]:
    """Return what is still to be announced; attempts of events that are over are recorded as cancelled.

    It is a first look, and holds off nobody who writes: ``gateway.services.calls.begin_call`` looks again when nobody
    else can end an event.
    """
    wanted = set(attempt_ids)
    due: list[DueAlert] = []
    over: list[int] = []
    with record.read() as work:
        for escalation in work.events.escalations(set(work.attempts.events_of(wanted).values())):
            event = escalation.event
            pending = [one for one in escalation.history if one.id in wanted and one.state is AttemptState.PENDING]
            if event.status is not EventStatus.OPEN:
                over += [attempt.id for attempt in pending]
                continue
            due += [
                DueAlert(
                    attempt=attempt,
                    title=event.title,
                    body=event.body,
                    severity=event.severity.value,
                    urgency=urgency(event, event.created_at),
                    snapshot=escalation.snapshot,
                    trunks_in_trouble=trunks_in_trouble(work.calls.legs_of_attempt(attempt.id)),
                )
                for attempt in pending
            ]
    if over:
        with record.write() as work:
            still_due(work, over, at)
            work.commit()
    return tuple(due)


def still_wanted(record: Record, call_id: str, at: datetime) -> bool:
    """Tell whether every event that the leg announces still waits for it."""
    with record.write() as work:
        announced = [attempt.id for attempt in work.attempts.of_call(call_id)]
        due = still_due(work, announced, at)
        work.commit()
    return len(due) == len(announced)


def still_due(work: UnitOfWork, attempt_ids: Collection[int], at: datetime) -> list[Attempt]:
    """Return the pending attempts of open events, and cancel those of events that are over.

    Locks are taken in the order in which an acknowledgement takes them, so that neither blocks the other: events by
    their ids, each before its attempts.
    """
    due: list[Attempt] = []
    for attempt_id, event_id in in_order(work, attempt_ids):
        status = work.events.lock(event_id)
        attempt = work.attempts.get(attempt_id)
        if attempt is None or attempt.state is not AttemptState.PENDING:
            continue
        if status is EventStatus.OPEN:
            due.append(attempt)
        else:
            settle(work, attempt, AttemptState.CANCELLED, "event_over", at)
    return due


def in_order(work: UnitOfWork, attempt_ids: Collection[int]) -> list[tuple[int, int]]:
    """Return the attempts with their events in the order in which they are locked: by their events, then by their ids.

    Whoever acknowledges several events marks their attempts in this order as well.
    """
    return sorted(work.attempts.events_of(attempt_ids).items(), key=lambda item: item[::-1])


def trunks_in_trouble(legs: Sequence[Call]) -> frozenset[str]:
    """Return the trunks that are not to be tried again in this attempt.

    A leg without any cause never reached the network: the connection to the phone system was lost just then. That
    says nothing of the trunk, unless it happens again and again.
    """
    failed = [leg for leg in legs if leg.trunk is not None and leg.outcome is CallOutcome.TRUNK_TROUBLE]
    said_so = {leg.trunk for leg in failed if leg.sip_cause is not None or leg.hangup_cause is not None}
    counted = Counter(leg.trunk for leg in failed)
    return frozenset(trunk for trunk in counted if trunk and (trunk in said_so or counted[trunk] >= _REFUSALS))
