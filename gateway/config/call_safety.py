"""The guard against toll fraud, and the pace of waiting calls, as they stand in ``tocsin.yaml``."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.config.values import Length, Section, Whole
from gateway.model.call_safety import CallSafety, CostlyKind, LineRules

_SAFETY = CallSafety()
_RULES = LineRules()


def _prefix(value: str) -> str:
    if not re.fullmatch(r"\+[1-9]\d{0,14}", value):
        raise ValueError("not the beginning of an E.164 number: write + and the country code, as in +34 or +1809")
    return value


Prefix = Annotated[str, AfterValidator(_prefix)]
Cap = Annotated[Whole, Field(ge=0)] | None


class CallSafetyConfig(Section):
    """Which destinations are called, and how much in a day."""

    allowed: tuple[Prefix, ...] = _SAFETY.allowed
    denied: tuple[Prefix, ...] = _SAFETY.denied
    allowed_kinds: tuple[CostlyKind, ...] = _SAFETY.allowed_kinds
    calls_per_day: Cap = _SAFETY.calls_per_day
    minutes_per_day: Cap = _SAFETY.minutes_per_day
    license_calls_per_day: Cap = _SAFETY.license_calls_per_day
    license_minutes_per_day: Cap = _SAFETY.license_minutes_per_day

    def safety(self) -> CallSafety:
        """Return the same as the model's value."""
        return CallSafety(**dict(self))


class LinesConfig(Section):
    """How calls wait for a line, and when a trunk is left alone."""

    wait: Length = _RULES.wait
    breaker_failures: Annotated[Whole, Field(ge=1)] = _RULES.breaker_failures
    breaker_pause: Length = _RULES.breaker_pause

    def rules(self) -> LineRules:
        """Return the same as the model's value."""
        return LineRules(**dict(self))
