"""A database full of open escalations, each of which waits for its next step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.policy import Policy, SnapshotContact, Tier
from gateway.model.timeline import TimelineType
from gateway.ports.record import NewEvent, Record
from gateway.services.steps import note_step
from tests.records import Tenant, a_snapshot, add_tenant

LICENSES = 200
_AT_ONCE = 500
# Long enough that what is due first is not due before an engine has taken everything up.
L1_WAIT = timedelta(hours=2)
# Nobody is called: what is due is to pass two levels over, each on record, and to write to the next contact.
_TIER = Tier(voice_note=False, call=False)
_POLICY = Policy(l1_wait=L1_WAIT, send_timeout=timedelta(minutes=30))


def fill(record: Record, due: Sequence[datetime]) -> None:
    """Record an open event for each of the times: its first contact was written to, and nobody has answered by then."""
    tenants = [add_tenant(record, f"License {number}") for number in range(LICENSES)]
    for first in range(0, len(due), _AT_ONCE):
        with record.write() as work:
            sent = []
            for number, due_at in enumerate(due[first : first + _AT_ONCE], start=first):
                tenant = tenants[number % LICENSES]
                event_id = work.events.add(_event(tenant, number, due_at - L1_WAIT))
                sent.append(_sent(tenant, event_id, due_at - L1_WAIT))
            for attempt in work.attempts.add_all(sent):
                detail: dict[str, object] = {"attempt_id": attempt.id, "number": 1}
                note_step(work, attempt, TimelineType.ATTEMPT_STARTED, attempt.began_at, detail)
                detail = {"attempt_id": attempt.id, "result": "sent"}
                note_step(work, attempt, TimelineType.ATTEMPT_RESULT, attempt.began_at, detail)
            work.commit()


def _event(tenant: Tenant, number: int, at: datetime) -> NewEvent:
    snapshot = replace(
        a_snapshot(*tenant.contacts),
        license_name=tenant.license.name,
        tier=_TIER,
        policy=_POLICY,
        contacts=tuple(
            SnapshotContact(id=each.id, name=each.name, phone=each.phone, whatsapp=each.whatsapp, language="en")
            for each in tenant.contacts
        ),
    )
    return replace(
        tenant.new_event(f"door-{number}", created_at=at),
        title=f"Door {number}",
        snapshot=snapshot,
        status=EventStatus.OPEN,
    )


def _sent(tenant: Tenant, event_id: int, at: datetime) -> Attempt:
    return replace(
        tenant.attempt(event_id, Level.TEXT), state=AttemptState.SENT, began_at=at, ended_at=at, deadline_at=None
    )
