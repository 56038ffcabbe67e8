"""Whether a number may be called at all: the guard against toll fraud and against calling for help in our name.

The kinds of numbers are those of Google's libphonenumber. Nobody is called whose number is, without its country code,
an emergency number or another short one: some trunks are given numbers in that form.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock
from time import monotonic
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, shortnumberinfo

from gateway.model.call import CallOutcome
from gateway.model.call_safety import CallSafety, CostlyKind
from gateway.ports.call_details import CallFilter
from gateway.ports.record import Record
from gateway.wording.catalogues import marked

CALLS_PER_DAY = "calls_per_day_reached"
MINUTES_PER_DAY = "minutes_per_day_reached"
LICENSE_CALLS_PER_DAY = "license_calls_per_day_reached"
LICENSE_MINUTES_PER_DAY = "license_minutes_per_day_reached"

# ITU-T E.164: Inmarsat, the global mobile satellite system, and the international networks, which are mostly satellite.
_SATELLITE = frozenset({870, 881, 882, 883})
_KINDS = {
    PhoneNumberType.PREMIUM_RATE: CostlyKind.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST: CostlyKind.SHARED_COST,
}
_WORDS = {
    "destination_invalid": marked("it is no number that can be called: write + and the country code, as in +15550100"),
    "destination_emergency": marked("emergency numbers are never called"),
    "destination_short_number": marked("short numbers are never called: write a number that can be called from abroad"),
    "destination_denied": marked("call_safety.denied has its beginning"),
    "destination_not_allowed": marked("call_safety.allowed has none of its beginnings"),
    "destination_premium_rate": marked(
        "premium-rate numbers are not called unless call_safety.allowed_kinds has premium_rate"
    ),
    "destination_shared_cost": marked(
        "shared-cost numbers are not called unless call_safety.allowed_kinds has shared_cost"
    ),
    "destination_satellite": marked("satellite numbers are not called unless call_safety.allowed_kinds has satellite"),
    CALLS_PER_DAY: marked("call_safety.calls_per_day calls were placed today"),
    MINUTES_PER_DAY: marked("call_safety.minutes_per_day minutes were called today"),
    LICENSE_CALLS_PER_DAY: marked("call_safety.license_calls_per_day calls were placed for the license today"),
    LICENSE_MINUTES_PER_DAY: marked("call_safety.license_minutes_per_day minutes were called for the license today"),
}


# The numbers are those of the contacts, which are looked at again for each call; the rules are one set.
@lru_cache(maxsize=4096)
def destination_refusal(safety: CallSafety, number: str) -> str | None:
    """Return why a number (E.164) is not to be called, ``None`` where it may be; ``in_words`` explains it."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return "destination_invalid"
    reason = _short(parsed)
    if reason is not None:
        return reason
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if written.startswith(safety.denied):
        return "destination_denied"
    if safety.allowed and not written.startswith(safety.allowed):
        return "destination_not_allowed"
    kind = CostlyKind.SATELLITE if parsed.country_code in _SATELLITE else _KINDS.get(phonenumbers.number_type(parsed))
    return f"destination_{kind.value}" if kind is not None and kind not in safety.allowed_kinds else None


def in_words(reason: str) -> str:
    """Return a refusal's reason for people, with what would have to be changed."""
    return _WORDS.get(reason, reason)


def _short(number: PhoneNumber) -> str | None:
    if number.country_code is None or phonenumbers.is_valid_number(number):
        return None
    digits = phonenumbers.national_significant_number(number)
    for region in phonenumbers.region_codes_for_country_code(number.country_code):
        if shortnumberinfo.connects_to_emergency_number(digits, region):
            return "destination_emergency"
    return "destination_short_number" if shortnumberinfo.is_valid_short_number(number) else None


@dataclass(frozen=True, slots=True)
class _Use:
    calls: int
    minutes: float
    counted: float


class CallGuard:
    """Refuses calls by the rules of the installation. May be used by several threads.

    What was counted is not counted again for ``counted_for`` seconds: in a storm that would take longer than the calls.
    The caps may be passed by the calls that begin meanwhile.
    """

    def __init__(self, safety: CallSafety, *, counted_for: float = 1.0) -> None:
        self._safety = safety
        self._counted_for = counted_for
        self._uses: dict[tuple[int | None, datetime], _Use] = {}
        self._lock = Lock()

    def destination_refusal(self, number: str) -> str | None:
        """Return why the number is not to be called, whenever that would be."""
        return destination_refusal(self._safety, number)

    def refusal(self, record: Record, number: str, *, license_id: int, at: datetime) -> str | None:
        """Return why the number is not to be called for the license now, ``None`` where it may be.

        The installation's day is that of UTC, a license's that of its time zone. Calls in progress count as calls, and
        with their minutes when they are over.
        """
        reason = self.destination_refusal(number)
        if reason is not None:
            return reason
        safety = self._safety
        if safety.calls_per_day is not None or safety.minutes_per_day is not None:
            use = self._use(record, None, at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
            if safety.calls_per_day is not None and use.calls >= safety.calls_per_day:
                return CALLS_PER_DAY
            if safety.minutes_per_day is not None and use.minutes >= safety.minutes_per_day:
                return MINUTES_PER_DAY
        if safety.license_calls_per_day is not None or safety.license_minutes_per_day is not None:
            use = self._use(record, license_id, _midnight(record, license_id, at))
            if safety.license_calls_per_day is not None and use.calls >= safety.license_calls_per_day:
                return LICENSE_CALLS_PER_DAY
            if safety.license_minutes_per_day is not None and use.minutes >= safety.license_minutes_per_day:
                return LICENSE_MINUTES_PER_DAY
        return None

    def _use(self, record: Record, license_id: int | None, since: datetime) -> _Use:
        key = (license_id, since)
        with self._lock:
            use = self._uses.get(key)
        if use is not None and monotonic() - use.counted < self._counted_for:
            return use
        with record.read() as work:
            every = work.call_details.tallies(CallFilter(license_id=license_id, since=since))
        # What a trunk did not carry costs nothing, and must not use up the day of those whom it kept from being called.
        tallies = [tally for tally in every if tally.outcome is not CallOutcome.TRUNK_TROUBLE]
        seconds = sum(tally.billed_seconds for tally in tallies)
        use = _Use(sum(tally.calls for tally in tallies), seconds / 60, monotonic())
        with self._lock:
            # A day that is over is not asked for again.
            self._uses = {known: old for known, old in self._uses.items() if known[1] > since - timedelta(days=2)}
            self._uses[key] = use
        return use


def _midnight(record: Record, license_id: int, at: datetime) -> datetime:
    """Return when the license's day began."""
    with record.read() as work:
        license_ = work.licenses.get(license_id)
    zone = ZoneInfo(license_.time_zone) if license_ is not None else UTC
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
