"""What somebody should look at, before it matters at night."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.config.schema import Config
from gateway.model.event import EventStatus
from gateway.model.license import License
from gateway.model.quota import month_at
from gateway.ports.event_lists import EventFilter
from gateway.ports.record import Record, UnitOfWork
from gateway.services.quota import effective_tier, time_zone

_DAY = timedelta(hours=24)
_LISTED = 20
_NEAR_PERCENT = 80


class AttentionKind(StrEnum):
    """What is not as it should be."""

    EXHAUSTED = "exhausted"
    THROTTLED = "throttled"
    REFUSED = "refused"
    NO_CONTACT = "no_contact"
    PHONE_INVALID = "phone_invalid"
    WHATSAPP_BLOCKED = "whatsapp_blocked"
    VOICE_NEAR = "voice_near"
    VOICE_SPENT = "voice_spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One thing to look at. ``about`` names it for people; ``target_id`` is its id, ``count`` how many there are."""

    kind: AttentionKind
    license_id: int
    about: str
    target_id: int | None = None
    count: int = 1
    detail: str | None = None


def attention(record: Record, config: Config, license_ids: Collection[int] | None, at: datetime) -> list[Attention]:
    """Return what needs attention of these licenses, ``None`` for all, the gravest first."""
    with record.read() as work:
        licenses = [one for one in work.licenses.list() if license_ids is None or one.id in license_ids]
        active = [one for one in licenses if one.active]
        return [
            *_nobody_reached(work, license_ids, at),
            *(found for one in active for found in _of_license(work, config, one, at)),
            *_refused(work, license_ids, at),
        ]


def _nobody_reached(work: UnitOfWork, license_ids: Collection[int] | None, at: datetime) -> Sequence[Attention]:
    found = []
    for status, kind in (
        (EventStatus.EXHAUSTED, AttentionKind.EXHAUSTED),
        (EventStatus.THROTTLED, AttentionKind.THROTTLED),
    ):
        wanted = EventFilter(license_ids=license_ids, status=status, since=at - _DAY)
        found += [
            Attention(kind=kind, license_id=row.license_id, about=row.title, target_id=row.id)
            for row in work.event_lists.page(wanted, limit=_LISTED)
        ]
    return found


def _of_license(work: UnitOfWork, config: Config, license_: License, at: datetime) -> Sequence[Attention]:
    found = []
    people = [one for one in work.contacts.of_license(license_.id) if one.enabled]
    if not people and work.sources.of_license(license_.id):
        found.append(Attention(kind=AttentionKind.NO_CONTACT, license_id=license_.id, about=license_.name))
    for one in people:
        if one.phone_invalid_at is not None:
            found.append(
                Attention(
                    kind=AttentionKind.PHONE_INVALID,
                    license_id=license_.id,
                    about=one.name,
                    target_id=one.id,
                    detail=one.phone,
                )
            )
        if one.whatsapp_blocked is not None:
            found.append(
                Attention(
                    kind=AttentionKind.WHATSAPP_BLOCKED,
                    license_id=license_.id,
                    about=one.name,
                    target_id=one.id,
                    detail=one.whatsapp_blocked,
                )
            )
    return [*found, *_voice(work, config, license_, at)]


def _voice(work: UnitOfWork, config: Config, license_: License, at: datetime) -> Sequence[Attention]:
    cap = effective_tier(config.tiers, license_).voice_minutes
    if cap is None:
        return ()
    month = month_at(at, time_zone(license_))
    used = work.quota.voice_seconds(license_.id, month.name).used
    if used >= cap * 60:
        kind = AttentionKind.VOICE_SPENT
    elif used * 100 >= cap * 60 * _NEAR_PERCENT:
        kind = AttentionKind.VOICE_NEAR
    else:
        return ()
    return (Attention(kind=kind, license_id=license_.id, about=license_.name, count=used // 60, detail=str(cap)),)


def _refused(work: UnitOfWork, license_ids: Collection[int] | None, at: datetime) -> Sequence[Attention]:
    recent = [one for one in work.refused_posts.of_licenses(license_ids, limit=_LISTED) if one.last_at >= at - _DAY]
    found = []
    for one in recent:
        source = work.sources.get(one.source_id)
        found.append(
            Attention(
                kind=AttentionKind.REFUSED,
                license_id=one.license_id,
                about=source.name if source else str(one.source_id),
                target_id=one.source_id,
                count=one.count,
                detail=one.error,
            )
        )
    return found
