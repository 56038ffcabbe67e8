"""Which destinations may be called, how much in a day, and how calls wait for a line: the rules, as values."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class CostlyKind(StrEnum):
    """Kinds of numbers that are not called unless the installation allows them."""

    PREMIUM_RATE = "premium_rate"
    SHARED_COST = "shared_cost"
    SATELLITE = "satellite"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSafety:
    """The rules of this installation.

    ``allowed`` and ``denied`` are beginnings of E.164 numbers (``+34``, ``+1809``): without any ``allowed`` every
    country is; ``denied`` counts before ``allowed``. A number of a kind that is not among ``allowed_kinds`` is refused.
    The caps are those of a day; ``None`` is without.
    """

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    allowed_kinds: tuple[CostlyKind, ...] = ()
    calls_per_day: int | None = 5000
    minutes_per_day: int | None = 5000
    license_calls_per_day: int | None = None
    license_minutes_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """How long a call waits for a line while all are busy, and when a trunk is left alone.

    After ``breaker_failures`` calls in a row that it was in trouble for, a trunk gets none for ``breaker_pause``; then
    one finds out how it is.
    """

    wait: timedelta = timedelta(seconds=60)
    breaker_failures: int = 5
    breaker_pause: timedelta = timedelta(seconds=15)
