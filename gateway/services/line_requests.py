"""What a contact's call needs a line for: how urgent it is, and what was tried before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from gateway.model.attempt import Attempt, AttemptState
from gateway.model.event import EventStatus
from gateway.model.urgency import urgency
from gateway.ports.record import EscalationRecord, Record
from gateway.services import calls
from gateway.services.call_safety import CallGuard
from gateway.services.due import trunks_in_trouble
from gateway.services.lines import LineRequest

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """The request, ``None`` where nobody is to be called; and the attempts that are still due.

    ``tried`` names those of them that a trunk was in trouble for.
    """

    request: LineRequest | None
    attempt_ids: frozenset[int]
    tried: frozenset[int] = frozenset()


def wanted_line(
    record: Record, *, contact_id: int, due: Mapping[int, int], guard: CallGuard | None, at: datetime
) -> WantedLine:
    """Return what to ask for, given the attempts that are due with their events.

    Calls that must not be dialled are recorded as skipped, and the ladder goes on: they do not wait for a line first.
    """
    with record.read() as work:
        alerts = [
            (attempt, escalation)
            for escalation in work.events.escalations(set(due.values()))
            if escalation.event.status is EventStatus.OPEN
            for attempt in escalation.history
            if attempt.id in due and attempt.state is AttemptState.PENDING
        ]
        avoided = {
            attempt.id: trunks_in_trouble(work.calls.legs_of_attempt(attempt.id))
            for attempt, _ in alerts
            if attempt.call_id is not None
        }
    if guard is not None:
        alerts = [alert for alert in alerts if not _is_refused(record, guard, *alert, at)]
    if not alerts:
        return WantedLine(request=None, attempt_ids=frozenset())
    attempt_ids = frozenset(attempt.id for attempt, _ in alerts)
    avoid = {attempt_id: trunks for attempt_id, trunks in avoided.items() if attempt_id in attempt_ids and trunks}
    request = LineRequest(
        contact_id=contact_id,
        urgency=min(urgency(escalation.event, escalation.event.created_at) for _, escalation in alerts),
        avoid=frozenset[str]().union(*avoid.values()),
    )
    return WantedLine(request=request, attempt_ids=attempt_ids, tried=frozenset(avoid))


def _is_refused(record: Record, guard: CallGuard, attempt: Attempt, escalation: EscalationRecord, at: datetime) -> bool:
    contact_id = attempt.contact_id or 0
    number = escalation.snapshot.contact(contact_id).phone
    reason = guard.refusal(record, number, license_id=escalation.event.license_id, at=at)
    if reason is None:
        return False
    log.warning("call_refused", contact_id=contact_id, event_id=attempt.event_id, attempt_id=attempt.id, reason=reason)
    calls.settle_attempts(record, attempt_ids=[attempt.id], state=AttemptState.SKIPPED, reason=reason, at=at)
    return True
