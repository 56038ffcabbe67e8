"""What the acknowledgement page shows."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from gateway.model.event import Event, EventStatus
from gateway.model.license import License
from gateway.model.timeline import TimelineType
from gateway.ports.record import AckLink, UnitOfWork
from gateway.wording import figures, phrases


class AckState(StrEnum):
    """Where the alert stands for the person who opened the link."""

    WAITING = "waiting"
    MINE = "mine"
    TAKEN = "taken"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class AckPage:
    """The alert as the person sees it, in their language. ``opened_before``: they have seen it already."""

    language: str
    state: AckState
    event_id: int
    title: str
    body: str
    severity: str
    severity_word: str
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
    language = _language(work, link, license_)
    return AckPage(
        language=language,
        state=_state(work, link, event),
        event_id=event.id,
        title=event.title,
        body=event.body,
        severity=event.severity.value,
        severity_word=phrases.severity_word(language, event.severity.value),
        license_name=license_.name,
        raised_at=figures.moment(language, event.created_at.astimezone(zone)),
        acknowledged_by=event.acknowledged_by,
        acknowledged_at=figures.moment(language, event.acknowledged_at.astimezone(zone))
        if event.acknowledged_at
        else None,
        opened_before=any(
            entry.type is TimelineType.LINK_OPENED and entry.contact_id == link.contact_id
            for entry in work.timeline.of_event(event.id)
        ),
    )


def _language(work: UnitOfWork, link: AckLink, license_: License) -> str:
    """Return the language in which the person was told: the page goes with the message."""
    escalation = work.events.escalation(link.event_id)
    if escalation is None:
        return license_.language
    snapshot = escalation.snapshot
    told = (contact for contact in snapshot.contacts if contact.id == link.contact_id)
    return next((contact.language for contact in told), snapshot.language)


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
