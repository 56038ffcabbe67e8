"""An attempt: one try of one channel for one contact and one event."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """A step of the ladder, by the channel that it uses."""

    TEXT = "whatsapp_text"
    VOICE_NOTE = "whatsapp_voice"
    CALL = "phone"
    OWNER = "telegram"
    STAND_DOWN = "stand_down"


class AttemptState(StrEnum):
    """What is known of an attempt. All but ``PENDING`` are results.

    A message ends ``SENT`` (accepted by the provider), then perhaps
    ``DELIVERED`` or ``READ``; a call ends ``MISSED``, ``ACKNOWLEDGED``,
    ``HANDED_OFF`` or ``INVALID_NUMBER``.
    """

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    MISSED = "missed"
    ACKNOWLEDGED = "acknowledged"
    HANDED_OFF = "handed_off"
    INVALID_NUMBER = "invalid_number"
    FAILED = "failed"  # the provider refused it for good, or reported that it did not arrive
    UNAVAILABLE = "unavailable"  # nobody could carry it: nothing left this machine, it may be tried again
    UNKNOWN = "unknown"  # it may have left; it is never sent again
    SKIPPED = "skipped"  # the level cannot work for this contact now
    CANCELLED = "cancelled"  # the event was over before it was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try, as recorded before it was made and completed afterwards.

    ``contact_id`` is ``None`` for a message to the license's owner.
    ``number`` counts the tries of this level for this contact from 1.
    ``deadline_at`` is when a pending message without a report is given up as
    unknown; ``ended_at`` is when the result became known.
    """

    id: int
    event_id: int
    contact_id: int | None
    level: Level
    number: int
    state: AttemptState
    began_at: datetime
    deadline_at: datetime | None = None
    ended_at: datetime | None = None
    call_id: str | None = None
    reason: str | None = None
