"""The quota: a license's caps, the calendar month that they are counted in, and the marks that the owner hears of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from gateway.model.license import License
from gateway.model.policy import Tier

# Where a call or a voice note is refused, this is the attempt's reason.
QUOTA_SPENT = "voice_quota_spent"

_SECONDS_A_MINUTE = 60
_WHOLE = 100
_MONTHS = 12


class VoiceUseKind(StrEnum):
    """What uses voice seconds."""

    CALL = "call"
    VOICE_NOTE = "voice_note"


class NoticeKind(StrEnum):
    """What an owner is told of, once a month each."""

    VOICE_80 = "voice_80"
    VOICE_100 = "voice_100"
    EVENTS_80 = "events_80"
    EVENTS_100 = "events_100"


class NoticeState(StrEnum):
    """How far a notice has come. It is sent at most once: one whose sending was cut short stays ``SENDING``."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"  # there is no chat or no channel to send it by


VOICE_MARKS = {NoticeKind.VOICE_80: 80, NoticeKind.VOICE_100: 100}
EVENT_MARKS = {NoticeKind.EVENTS_80: 80, NoticeKind.EVENTS_100: 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month in some time zone. Half open: ``starts_at`` belongs to it, ``ends_at`` to the next one."""

    name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSeconds:
    """What a month's uses come to: ``used`` by those that are over, ``reserved`` for those that are not."""

    used: int = 0
    reserved: int = 0


def month_at(at: datetime, zone: tzinfo) -> Month:
    """Return the month that an instant belongs to.

    Clocks that are put back over midnight run through the end of a month twice: the month that has begun goes on then,
    so that each instant belongs to exactly one.
    """
    local = at.astimezone(zone)
    month = _month(local.year, local.month, zone)
    if at >= month.ends_at:
        return _month(*_after(local.year, local.month), zone)
    if at < month.starts_at:
        return _month(*_before(local.year, local.month), zone)
    return month


def month_named(name: str, zone: tzinfo) -> Month:
    """Return the month of a name such as ``2026-11``. Raises ``ValueError`` for anything else."""
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", name)
    year = int(found[1]) if found else MINYEAR
    # A year at either end is left for time zones, and for the month after.
    if found is None or not MINYEAR < year < MAXYEAR:
        raise ValueError(f"not a month: {name!r}; write year and month as in 2026-11")
    return _month(year, int(found[2]), zone)


def with_own_caps(tier: Tier, license_: License) -> Tier:
    """Return the tier with the license's own caps in place of the tier's, where it has some."""
    return replace(
        tier,
        voice_minutes=license_.caps.get("voice_minutes", tier.voice_minutes),
        events_per_month=license_.caps.get("events_per_month", tier.events_per_month),
    )


def voice_cap(tier: Tier) -> int | None:
    """Return the voice seconds of a month; ``None`` is without limit."""
    return None if tier.voice_minutes is None else tier.voice_minutes * _SECONDS_A_MINUTE


def minutes(seconds: int) -> str:
    """Return seconds as people read them: minutes and seconds, as in 4:05."""
    return f"{seconds // _SECONDS_A_MINUTE}:{seconds % _SECONDS_A_MINUTE:02}"


def whole_seconds(length: timedelta) -> int:
    """Return a length in seconds, rounded up as providers bill it."""
    return -(-length // timedelta(seconds=1))


def reservation(seconds: VoiceSeconds, cap: int | None, longest: int) -> int | None:
    """Return how many seconds to reserve for a use that takes ``longest`` at most; ``None`` when nothing remains.

    The last use of a month may get fewer than it can take: it is not cut, and may then run over by the rest.
    """
    if cap is None:
        return longest
    remaining = cap - seconds.used - seconds.reserved
    return min(longest, remaining) if remaining > 0 else None


def marks_reached(marks: Mapping[NoticeKind, int], used: int, cap: int | None) -> Sequence[NoticeKind]:
    """Return the marks that a use has reached, lowest first. A cap of nothing has none: there is nothing to spend."""
    if not cap:
        return ()
    return [kind for kind, percent in marks.items() if used * _WHOLE >= cap * percent]


def _month(year: int, month: int, zone: tzinfo) -> Month:
    return Month(
        name=_name(year, month), starts_at=_start(year, month, zone), ends_at=_start(*_after(year, month), zone)
    )


def _start(year: int, month: int, zone: tzinfo) -> datetime:
    # Where midnight comes twice, the first of the two; where it does not come, the moment at which it is skipped.
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)


def _after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == _MONTHS else (year, month + 1)


def _before(year: int, month: int) -> tuple[int, int]:
    return (year - 1, _MONTHS) if month == 1 else (year, month - 1)


def _name(year: int, month: int) -> str:
    return f"{year:04}-{month:02}"
