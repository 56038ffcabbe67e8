"""What somebody should look at, before it matters at night."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.config.schema import Config
from gateway.model.event import EventStatus
from gateway.model.license import License
from gateway.model.quota import month_at
from gateway.model.whatsapp import WINDOW_CLOSED
from gateway.ports.event_lists import EventFilter
from gateway.ports.record import Record, UnitOfWork
from gateway.services.quota import effective_tier, time_zone
from gateway.services.trunk_board import ENGINE_SILENT_AFTER, condition_of, lines_now

_DAY = timedelta(hours=24)
_LISTED = 20
_NEAR_PERCENT = 80


class AttentionKind(StrEnum):
    """What is not as it should be."""

    ENGINE_AWAY = "engine_away"
    PART_TROUBLE = "part_trouble"
    TRUNK_TROUBLE = "trunk_trouble"
    MESSAGES_FAILED = "messages_failed"
    EXHAUSTED = "exhausted"
    THROTTLED = "throttled"
    REFUSED = "refused"
    NO_CONTACT = "no_contact"
    PHONE_INVALID = "phone_invalid"
    WHATSAPP_BLOCKED = "whatsapp_blocked"
    VOICE_NEAR = "voice_near"
    VOICE_SPENT = "voice_spent"
    EVENTS_NEAR = "events_near"
    EVENTS_SPENT = "events_spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One thing to look at. ``about`` names it for people; ``target_id`` is its id, ``count`` how many there are.

    ``license_id`` is ``None`` for what concerns the whole installation. ``since`` is the last sign of life of what has
    gone silent.
    """

    kind: AttentionKind
    license_id: int | None
    about: str
    since: datetime | None = None
    target_id: int | None = None
    count: int = 1
    detail: str | None = None


def attention(record: Record, config: Config, license_ids: Collection[int] | None, at: datetime) -> list[Attention]:
    """Return what needs attention of these licenses, ``None`` for all, the gravest first."""
    with record.read() as work:
        licenses = [one for one in work.licenses.list() if license_ids is None or one.id in license_ids]
        active = [one for one in licenses if one.active]
        return [
            *_installation(work, at),
            *_messages_failed(work, license_ids, at),
            *_nobody_reached(work, license_ids, at),
            *(found for one in active for found in _of_license(work, config, one, at)),
            *_refused(work, license_ids, at),
        ]


def _installation(work: UnitOfWork, at: datetime) -> Sequence[Attention]:
    """Return what is wrong with the engine, its phone systems, its bot and its trunks, as it last said."""
    beats = work.heartbeats.latest()
    alive = [beat for beat in beats if at - beat.at < ENGINE_SILENT_AFTER]
    if not alive:
        last = max((beat.at for beat in beats), default=None)
        return (Attention(kind=AttentionKind.ENGINE_AWAY, license_id=None, about="", since=last),)
    parts = [
        Attention(kind=AttentionKind.PART_TROUBLE, license_id=None, about=name, detail=detail)
        for beat in alive
        for name, detail in beat.parts.items()
        if not detail.startswith("ok")
    ]
    lines = lines_now(beats, at)
    trunks = [
        Attention(kind=AttentionKind.TRUNK_TROUBLE, license_id=None, about=one.trunk, detail=condition_of(one).words)
        for one in (lines.trunks if lines is not None else ())
        if condition_of(one).is_trouble
    ]
    return [*parts, *trunks]


def _messages_failed(work: UnitOfWork, license_ids: Collection[int] | None, at: datetime) -> Sequence[Attention]:
    """Return which messages failed today: those that only needed WhatsApp's window were tried in another way."""
    return [
        Attention(
            kind=AttentionKind.MESSAGES_FAILED,
            license_id=None,
            about=one.level.value,
            count=one.count,
            target_id=one.event_id,
            detail=one.reason,
        )
        for one in work.event_lists.failed_messages(license_ids, since=at - _DAY, limit=_LISTED)
        if not (one.reason or "").startswith(WINDOW_CLOSED)
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
    tier, month = effective_tier(config.tiers, license_), month_at(at, time_zone(license_))
    found: list[Attention] = []
    if tier.voice_minutes is not None:
        used = work.quota.voice_seconds(license_.id, month.name).used
        kinds = (AttentionKind.VOICE_NEAR, AttentionKind.VOICE_SPENT)
        found += _near(license_, kinds, used=used // 60, share=used / 60, cap=tier.voice_minutes)
    if tier.events_per_month is not None:
        events = work.quota.count_events(license_.id, month)
        kinds = (AttentionKind.EVENTS_NEAR, AttentionKind.EVENTS_SPENT)
        found += _near(license_, kinds, used=events, share=events, cap=tier.events_per_month)
    return found


def _near(
    license_: License, kinds: tuple[AttentionKind, AttentionKind], *, used: int, share: float, cap: int
) -> Sequence[Attention]:
    near, spent = kinds
    if share * 100 < cap * _NEAR_PERCENT:
        return ()
    kind = spent if share >= cap else near
    return (Attention(kind=kind, license_id=license_.id, about=license_.name, count=used, detail=str(cap)),)


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
