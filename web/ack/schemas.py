"""What the acknowledgement page shows."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from gateway.model.event import Event, EventStatus
from gateway.model.timeline import TimelineType
from gateway.ports.record import AckLink, UnitOfWork


class AckState(StrEnum):
    """Where the alert stands for the person who opened the link."""

    WAITING = "waiting"
    MINE = "mine"
    TAKEN = "taken"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class AckPage:
    """The alert as the person sees it. ``opened_before`` tells whether they have seen it already."""

    state: AckState
    event_id: int
    title: str
    body: str
    severity: str
    license_name: str
    raised_at: str
    acknowledged_by: str | None
    acknowledged_at: str | None
    opened_before: bool


def ack_page(work: UnitOfWork, link: AckLink) -> AckPage | None:
    """Return what the link's page shows; ``None`` where its event is gone."""
    event = work.events.get(link.event_id)
    license_ = None if event is None else work.licenses.get(event.license_id)
    if event is None or license_ is None:
        return None
    zone = _zone(license_.time_zone)
    return AckPage(
        state=_state(work, link, event),
        event_id=event.id,
        title=event.title,
        body=event.body,
        severity=event.severity.value,
        license_name=license_.name,
        raised_at=_written(event.created_at, zone),
        acknowledged_by=event.acknowledged_by,
        acknowledged_at=_written(event.acknowledged_at, zone) if event.acknowledged_at else None,
        opened_before=any(
            entry.type is TimelineType.LINK_OPENED and entry.contact_id == link.contact_id
            for entry in work.timeline.of_event(event.id)
        ),
    )


def _state(work: UnitOfWork, link: AckLink, event: Event) -> AckState:
    if event.status in {EventStatus.OPEN, EventStatus.EXHAUSTED}:
        return AckState.WAITING
    first = work.acknowledgements.first_of(event.id)
    if first is None:
        return AckState.OVER
    return AckState.MINE if first.contact_id == link.contact_id else AckState.TAKEN


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def _written(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname()}"
