"""Stopping an escalation: by a person's acknowledgement, or because the source withdrew the alert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.model.acknowledgement import AcknowledgedVia, Acknowledgement
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import Event, EventStatus
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import Record, SignalKind, UnitOfWork

_STOPPABLE = frozenset({EventStatus.OPEN, EventStatus.EXHAUSTED})
_ALERTS = frozenset({Level.TEXT, Level.VOICE_NOTE})
_MESSAGE_LEFT = frozenset({AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ, AttemptState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class AckResult:
    """What an acknowledgement did to one event.

    ``first`` tells whether this very acknowledgement stopped it (also when it is repeated by the
    same person). ``by``, ``via`` and ``at`` are those of the one that stopped it, ``None`` where none did.
    """

    event_id: int
    status: EventStatus
    first: bool
    by: str | None
    via: str | None
    at: datetime | None


def acknowledge(
    record: Record,
    *,
    event_ids: Sequence[int],
    contact_id: int | None,
    by: str | None,
    via: AcknowledgedVia,
    at: datetime,
) -> tuple[AckResult, ...]:
    """Acknowledge events for a person, in one transaction, and say who was first for each.

    Events are taken in the order of their ids, so that two people who acknowledge the same
    ones cannot block each other. Unknown events are left out of the answer. ``by`` is the
    person's name; ``None`` takes the contact's.
    """
    with record.write() as work:
        results = acknowledge_within(work, event_ids=event_ids, contact_id=contact_id, by=by, via=via, at=at)
        work.commit()
    return results


def acknowledge_within(
    work: UnitOfWork,
    *,
    event_ids: Sequence[int],
    contact_id: int | None,
    by: str | None,
    via: AcknowledgedVia,
    at: datetime,
    known_as: Mapping[str, object] | None = None,
) -> tuple[AckResult, ...]:
    """Do the same inside a transaction of the caller's, who commits.

    ``known_as`` is what the timeline adds about a person who is no contact.
    """
    contact = None if contact_id is None else work.contacts.get(contact_id)
    person = _Person(contact_id, by or (contact.name if contact else via.value), via, at, known_as or {})
    results = (_acknowledge_one(work, event_id, person) for event_id in sorted(set(event_ids)))
    return tuple(result for result in results if result is not None)


def resolve(record: Record, *, event_id: int, at: datetime, by: str) -> bool:
    """Withdraw an open event; tell whether it was open. ``by`` says who withdrew it."""
    with record.write() as work:
        resolved = resolve_within(work, event_id=event_id, at=at, by=by)
        work.commit()
    return resolved


def resolve_within(work: UnitOfWork, *, event_id: int, at: datetime, by: str) -> bool:
    """Do the same inside a transaction of the caller's, who commits."""
    open_only = frozenset({EventStatus.OPEN})
    if not work.events.close(event_id, status=EventStatus.RESOLVED, at=at, from_statuses=open_only):
        return False
    work.owner_messages.event_changed(event_id, at)
    work.timeline.append(
        TimelineEntry(
            event_id=event_id, at=at, type=TimelineType.RESOLVED, contact_id=None, channel=None, detail={"by": by}
        )
    )
    work.signals.add(SignalKind.EVENT_CHANGED, event_id)
    return True


@dataclass(frozen=True, slots=True)
class _Person:
    contact_id: int | None
    name: str
    via: AcknowledgedVia
    at: datetime
    known_as: Mapping[str, object]


def _acknowledge_one(work: UnitOfWork, event_id: int, person: _Person) -> AckResult | None:
    if work.events.lock(event_id) is None:
        return None
    contact_id, at = person.contact_id, person.at
    earlier = work.acknowledgements.first_of(event_id)
    if earlier is not None and contact_id is not None and earlier.contact_id == contact_id:
        return _result(work, event_id, earlier, first=True)
    if contact_id is not None and work.acknowledgements.of_contact(event_id, contact_id) is not None:
        return _result(work, event_id, earlier, first=False)
    first = work.events.close(
        event_id,
        status=EventStatus.ACKNOWLEDGED,
        at=at,
        from_statuses=_STOPPABLE,
        by=person.name,
        via=person.via,
    )
    mine = Acknowledgement(event_id=event_id, contact_id=contact_id, by=person.name, via=person.via, at=at, first=first)
    work.acknowledgements.add(mine)
    if first:
        work.owner_messages.event_changed(event_id, at)
    detail: dict[str, object] = {"by": person.name, "via": person.via.value, **person.known_as}
    if not first and earlier is not None:
        detail["already_by"] = earlier.by
    kind = TimelineType.ACKNOWLEDGED if first else TimelineType.ACKNOWLEDGED_AGAIN
    work.timeline.append(
        TimelineEntry(event_id=event_id, at=at, type=kind, contact_id=contact_id, channel=None, detail=detail)
    )
    if contact_id is not None:
        _mark_attempt(work, event_id, contact_id, via=person.via, at=at)
    work.signals.add(SignalKind.EVENT_CHANGED, event_id)
    return _result(work, event_id, mine if first else earlier, first=first)


def _mark_attempt(work: UnitOfWork, event_id: int, contact_id: int, *, via: AcknowledgedVia, at: datetime) -> None:
    """Mark the attempt that reached the person, so that nobody tells them that it is over."""
    mine = [attempt for attempt in work.attempts.of_event(event_id) if attempt.contact_id == contact_id]
    if via is AcknowledgedVia.DTMF:
        reached = [attempt for attempt in mine if attempt.level is Level.CALL and attempt.call_id is not None]
    else:
        reached = [attempt for attempt in mine if attempt.level in _ALERTS and attempt.state in _MESSAGE_LEFT]
    if reached:
        work.attempts.update(replace(reached[-1], state=AttemptState.ACKNOWLEDGED, ended_at=at))


def _result(work: UnitOfWork, event_id: int, winner: Acknowledgement | None, *, first: bool) -> AckResult | None:
    event: Event | None = work.events.get(event_id)
    if event is None:
        return None
    return AckResult(
        event_id=event_id,
        status=event.status,
        first=first,
        by=winner.by if winner else None,
        via=winner.via.value if winner else None,
        at=winner.at if winner else None,
    )
