"""An event: one alert being escalated."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How grave the source says the alert is."""

    INFO = "info"
    WARN = "warn"
    CRITICAL = "critical"


class EventStatus(StrEnum):
    """Where an event stands; only ``OPEN`` escalates."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    EXHAUSTED = "exhausted"
    THROTTLED = "throttled"


class ThrottleReason(StrEnum):
    """Why an event was recorded and not escalated."""

    RATE_LIMIT = "rate_limit"
    MONTHLY_CAP = "monthly_cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One alert as it is recorded.

    ``payload`` is the JSON text that the source sent, kept as it came.
    ``repeat_count`` counts the posts of the same key after the first.
    """

    id: int
    license_id: int
    source_id: int
    title: str
    body: str
    severity: Severity
    dedup_key: str
    payload: str
    status: EventStatus
    repeat_count: int
    created_at: datetime
    throttle_reason: ThrottleReason | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_via: str | None = None
    closed_at: datetime | None = None
