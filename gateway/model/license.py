"""A license: one tenant, and who may post alerts for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.model.event import Severity


class SourceKind(StrEnum):
    """What kind of thing posts the alerts of a source."""

    WEBHOOK = "webhook"
    ANPR = "anpr"
    PARKING = "parking"
    SECURITY = "security"


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """A tenant.

    ``policy`` holds the license's overrides of the configured policy, by the
    configuration's own key names and notation (``{"l1_wait": "10s"}``).
    ``owner_telegram`` is the Telegram chat that is told when everyone failed.
    ``caps`` holds what the license has in place of its tier's ``voice_minutes`` and
    ``events_per_month``; ``None`` is without limit. With ``overdraft`` voice notes
    and calls about critical events go on when the voice minutes are spent.
    ``templates`` are its own words, by language and name (``gateway.wording.templates``).
    """

    id: int
    name: str
    active: bool
    tier: str
    time_zone: str
    language: str
    owner_telegram: str | None
    handoff_number: str | None
    created_at: datetime
    policy: dict[str, object] = field(default_factory=dict)
    caps: dict[str, int | None] = field(default_factory=dict)
    overdraft: bool = False
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSource:
    """Who may post alerts, and how grave they are unless they say."""

    id: int
    license_id: int
    kind: SourceKind
    name: str
    severity: Severity
    enabled: bool
    created_at: datetime
