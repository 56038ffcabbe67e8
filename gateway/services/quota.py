"""The quota of voice seconds and of events: what remains is looked up when it is asked for, by the caps of that moment.

A cap that is raised so lets running escalations go on, and one that is lowered holds at once. A license's
uses are reserved and settled one after the other, under the license's lock, which comes before any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import structlog

from gateway.config.schema import TierConfig
from gateway.model.license import License
from gateway.model.policy import Tier
from gateway.model.quota import (
    EVENT_MARKS,
    VOICE_MARKS,
    Month,
    NoticeKind,
    VoiceSeconds,
    VoiceUseKind,
    marks_reached,
    month_at,
    month_named,
    reservation,
    voice_cap,
    whole_seconds,
    with_own_caps,
)
from gateway.ports.quota import VoiceUse
from gateway.ports.record import Record, UnitOfWork
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStatus:
    """How a license stands in a month; a cap of ``None`` is without limit. The caps are today's."""

    month: str
    voice: VoiceSeconds
    voice_cap: int | None
    events: int
    events_cap: int | None
    overdraft: bool
    notices: tuple[NoticeKind, ...]


class VoiceQuota:
    """The ledger of voice seconds, by the tiers of this installation."""

    def __init__(self, tiers: Mapping[str, TierConfig]) -> None:
        self._tiers = tiers

    def reserve(
        self,
        work: UnitOfWork,
        *,
        license_id: int,
        kind: VoiceUseKind,
        reference: str,
        longest: timedelta,
        critical: bool,
        at: datetime,
    ) -> bool:
        """Reserve seconds for a use that takes ``longest`` at most; ``False`` where nothing remains.

        A ``critical`` use of a license with overdraft is never refused. The caller holds the license's lock. What is
        reserved under that reference already stays so.
        """
        if work.quota.use(kind, reference) is not None:
            return True
        license_ = _license(work, license_id)
        month = month_at(at, time_zone(license_)).name
        seconds = work.quota.voice_seconds(license_id, month)
        cap = voice_cap(effective_tier(self._tiers, license_))
        reserved = reservation(seconds, cap, whole_seconds(longest))
        if reserved is None and critical and license_.overdraft:
            reserved = whole_seconds(longest)
        if reserved is None:
            # The cap may have been lowered below what is used since.
            _note_marks(work, license_id, month, marks=VOICE_MARKS, used=seconds.used, cap=cap, at=at)
            log.warning("voice_quota_spent", license_id=license_id, kind=kind.value, reference=reference)
            return False
        use = VoiceUse(
            license_id=license_id, month=month, kind=kind, reference=reference, reserved_seconds=reserved, at=at
        )
        work.quota.add_use(use)
        return True

    def hold(self, work: UnitOfWork, kind: VoiceUseKind, reference: str) -> None:
        """Take the license's lock for the settlement of a use: before any other lock of the transaction."""
        use = work.quota.use(kind, reference)
        if use is not None:
            work.licenses.lock(use.license_id)

    def settle(self, work: UnitOfWork, *, kind: VoiceUseKind, reference: str, used_seconds: int, at: datetime) -> None:
        """Record what a use came to, and the notices that this is worth. The first word counts; ``hold`` goes before.

        It counts for the month in which the use began.
        """
        use = work.quota.use(kind, reference)
        if use is None or not work.quota.settle(kind, reference, used_seconds=used_seconds, at=at):
            return
        cap = voice_cap(effective_tier(self._tiers, _license(work, use.license_id)))
        used = work.quota.voice_seconds(use.license_id, use.month).used
        _note_marks(work, use.license_id, use.month, marks=VOICE_MARKS, used=used, cap=cap, at=at)

    def reserve_note(
        self, record: Record, *, license_id: int, attempt_id: int, length: timedelta, critical: bool, at: datetime
    ) -> bool:
        """Reserve the seconds of a voice note that is about to be sent; ``False`` where nothing remains."""
        with record.write() as work:
            work.licenses.lock(license_id)
            reserved = self.reserve(
                work,
                license_id=license_id,
                kind=VoiceUseKind.VOICE_NOTE,
                reference=str(attempt_id),
                longest=length,
                critical=critical,
                at=at,
            )
            work.commit()
        return reserved

    def settle_note(self, record: Record, *, attempt_id: int, length: timedelta, at: datetime) -> None:
        """Record the length of a voice note that was sent; nothing for one that was not."""
        with record.write() as work:
            self.hold(work, VoiceUseKind.VOICE_NOTE, str(attempt_id))
            self.settle(
                work,
                kind=VoiceUseKind.VOICE_NOTE,
                reference=str(attempt_id),
                used_seconds=whole_seconds(length),
                at=at,
            )
            work.commit()


def note_event_marks(work: UnitOfWork, license_: License, tier: Tier, month: Month, at: datetime) -> None:
    """Record the notices that an event, just accepted or refused, is worth. The caller holds the license's lock."""
    if tier.events_per_month:
        counted = work.quota.count_events(license_.id, month)
        _note_marks(work, license_.id, month.name, marks=EVENT_MARKS, used=counted, cap=tier.events_per_month, at=at)


def quota_status(
    record: Record, tiers: Mapping[str, TierConfig], *, license_id: int, at: datetime, month: str | None = None
) -> QuotaStatus:
    """Return how a license stands in a month such as ``2026-11``, by default in the present one.

    Raises ``UnknownLicenseError``, ``InvalidValueError`` for what is no month.
    """
    with record.read() as work:
        license_ = _license(work, license_id)
        zone = time_zone(license_)
        try:
            wanted = month_at(at, zone) if month is None else month_named(month, zone)
        except ValueError as error:
            raise InvalidValueError("month", str(error)) from None
        tier = effective_tier(tiers, license_)
        return QuotaStatus(
            month=wanted.name,
            voice=work.quota.voice_seconds(license_id, wanted.name),
            voice_cap=voice_cap(tier),
            events=work.quota.count_events(license_id, wanted),
            events_cap=tier.events_per_month,
            overdraft=license_.overdraft,
            notices=tuple(notice.kind for notice in work.quota.notices(license_id, wanted.name)),
        )


def effective_tier(tiers: Mapping[str, TierConfig], license_: License) -> Tier:
    """Return the license's tier with its own caps; the fullest tier where its own is not configured.

    A call too few at night is worse than one too many.
    """
    configured = tiers.get(license_.tier)
    if configured is None:
        log.error("tier_not_configured", license_id=license_.id, tier=license_.tier)
    return with_own_caps(Tier() if configured is None else configured.tier(), license_)


def time_zone(license_: License) -> tzinfo:
    """Return the license's time zone; UTC where this machine does not know it."""
    try:
        return ZoneInfo(license_.time_zone)
    except (ValueError, OSError, LookupError):
        log.error("time_zone_unknown", license_id=license_.id, time_zone=license_.time_zone)  # noqa: TRY400 - the name says it all
        return UTC


def _note_marks(
    work: UnitOfWork,
    license_id: int,
    month: str,
    *,
    marks: Mapping[NoticeKind, int],
    used: int,
    cap: int | None,
    at: datetime,
) -> None:
    for kind in marks_reached(marks, used, cap):
        notice = work.quota.add_notice(license_id=license_id, month=month, kind=kind, used=used, cap=cap or 0, at=at)
        if notice is not None:
            log.info("quota_mark_reached", license_id=license_id, month=month, mark=kind.value, used=used, cap=cap)


def _license(work: UnitOfWork, license_id: int) -> License:
    license_ = work.licenses.get(license_id)
    if license_ is None:
        raise UnknownLicenseError(license_id)
    return license_
