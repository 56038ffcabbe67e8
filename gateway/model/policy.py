"""The rules that an escalation follows, and the copy of them that an event keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.model.call import MachinePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Timings and counts of the ladder. The defaults are those of the product.

    The second call comes within three minutes of the first on purpose: it
    breaks through a phone's do-not-disturb.
    """

    l1_wait: timedelta = timedelta(seconds=30)
    l2_wait: timedelta = timedelta(minutes=2)
    call_attempts: int = 3
    ring_timeout: timedelta = timedelta(seconds=30)
    call_gap: timedelta = timedelta(seconds=20)
    dedup_window: timedelta = timedelta(minutes=5)
    events_per_minute: int = 5
    stand_down: bool = True
    send_timeout: timedelta = timedelta(seconds=15)
    retry_backoff: timedelta = timedelta(seconds=5)
    retry_backoff_max: timedelta = timedelta(minutes=5)
    call_retry_for: timedelta = timedelta(minutes=30)
    owner_retry_for: timedelta = timedelta(hours=24)
    link_lifetime: timedelta = timedelta(days=7)
    answering_machine: MachinePolicy = MachinePolicy.IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What a license has paid for. ``None`` is without limit."""

    voice_note: bool = True
    call: bool = True
    voice_minutes: int | None = None
    events_per_month: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotContact:
    """A contact as it was when the event opened."""

    id: int
    name: str
    phone: str
    whatsapp: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Policy, tier and people as they were when the event opened: no edit changes a running escalation.

    ``templates`` are the license's own words, by language and name (``gateway.wording.templates``).
    """

    license_name: str
    tier_name: str
    tier: Tier
    policy: Policy
    contacts: tuple[SnapshotContact, ...]
    language: str
    time_zone: str
    owner_telegram: str | None
    handoff_number: str | None
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def contact(self, contact_id: int) -> SnapshotContact:
        """Return the contact with that id; ``KeyError`` where the snapshot has none."""
        for contact in self.contacts:
            if contact.id == contact_id:
                return contact
        raise KeyError(contact_id)
