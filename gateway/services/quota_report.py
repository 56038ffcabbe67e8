"""What the pages show of a license's quota: a month with who used it, and the months before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.config.schema import TierConfig
from gateway.model.license import License
from gateway.model.quota import Month, VoiceSeconds, VoiceUseKind, month_at
from gateway.ports.quota import QuotaNotice
from gateway.ports.record import Record, UnitOfWork
from gateway.services.exceptions import UnknownLicenseError
from gateway.services.quota import QuotaStatus, quota_status, time_zone

MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What somebody's calls, or voice notes, came to. ``name`` is ``None`` where that is not on record."""

    name: str | None
    contact_id: int | None
    kind: VoiceUseKind
    uses: int
    seconds: VoiceSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFigures:
    """What a month came to: ``voice_seconds`` of calls and voice notes that are over, and accepted ``events``."""

    month: Month
    voice_seconds: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReport:
    """A license's month. ``months`` are the last twelve up to the present one, the oldest first."""

    license: License
    status: QuotaStatus
    notices: Sequence[QuotaNotice]
    shares: Sequence[Share]
    months: Sequence[MonthFigures]


def quota_report(
    record: Record, tiers: Mapping[str, TierConfig], *, license_id: int, at: datetime, month: str | None = None
) -> QuotaReport:
    """Return how a license stood in a month such as ``2026-11``, by default in the present one, and who used it.

    Raises ``UnknownLicenseError``, ``InvalidValueError`` for what is no month.
    """
    status = quota_status(record, tiers, license_id=license_id, at=at, month=month)
    with record.read() as work:
        license_ = _license(work, license_id)
        return QuotaReport(
            license=license_,
            status=status,
            notices=work.quota.notices(license_id, status.month),
            shares=_shares(work, license_id, status.month),
            months=_months(work, license_, at),
        )


def past_months(record: Record, *, license_id: int, at: datetime) -> Sequence[MonthFigures]:
    """Return the last twelve months up to the present one, the oldest first. Raises ``UnknownLicenseError``."""
    with record.read() as work:
        return _months(work, _license(work, license_id), at)


def _months(work: UnitOfWork, license_: License, at: datetime) -> Sequence[MonthFigures]:
    zone = time_zone(license_)
    months = [month_at(at, zone)]
    while len(months) < MONTHS:
        months.append(month_at(months[-1].starts_at - timedelta(seconds=1), zone))
    return [
        MonthFigures(
            month=month,
            voice_seconds=work.quota.voice_seconds(license_.id, month.name).used,
            events=work.quota.count_events(license_.id, month),
        )
        for month in reversed(months)
    ]


def _shares(work: UnitOfWork, license_id: int, month: str) -> Sequence[Share]:
    names = {one.id: one.name for one in work.contacts.of_license(license_id)}
    shares = [
        Share(
            name=None if one.contact_id is None else names.get(one.contact_id),
            contact_id=one.contact_id,
            kind=one.kind,
            uses=one.uses,
            seconds=one.seconds,
        )
        for one in work.quota.voice_shares(license_id, month)
    ]
    return sorted(shares, key=lambda one: (-one.seconds.used - one.seconds.reserved, one.name or "", one.kind))


def _license(work: UnitOfWork, license_id: int) -> License:
    license_ = work.licenses.get(license_id)
    if license_ is None:
        raise UnknownLicenseError(license_id)
    return license_
