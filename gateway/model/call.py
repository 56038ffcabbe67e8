"""A call: one leg placed through Asterisk or Twilio."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CallOutcome(StrEnum):
    """How a call ended, in the words of the ladder."""

    ACKNOWLEDGED = "acknowledged"
    HANDED_OFF = "handed_off"
    NO_KEY = "no_key"  # answered, and hung up without a key that counts
    MACHINE = "machine"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    INVALID_NUMBER = "invalid_number"
    TRUNK_TROUBLE = "trunk_trouble"
    CANCELLED = "cancelled"  # hung up by us: the event was over
    LOST = "lost"  # it was dialled, and nobody can say how it ended: never dialled again

    @property
    def is_missed(self) -> bool:
        """Whether the ladder counts this as a missed call."""
        return self in _MISSED


_MISSED = frozenset(
    {
        CallOutcome.NO_KEY,
        CallOutcome.MACHINE,
        CallOutcome.NO_ANSWER,
        CallOutcome.BUSY,
        CallOutcome.DECLINED,
        CallOutcome.LOST,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One leg, as recorded before it was dialled and completed afterwards.

    ``id`` is 32 hexadecimal digits; the Asterisk channel's unique id is made from it, so
    that a live call is found again after a restart. ``sip_cause`` is the final
    SIP status (RFC 3261), ``hangup_cause`` the ITU-T Q.850 cause.
    ``digits`` are all keys pressed, in their order; ``digit_times`` tells when each was, and is shorter where an older
    version recorded them. ``caller_id`` is the number that we showed, ``None`` where the carrier chose it.
    ``sip_call_id`` is the Call-ID of the INVITE (RFC 3261, 20.8), under which the carrier's records have the
    call. ``audio_sha256`` is the SHA-256 of the announcement's WAV file, in hexadecimal digits.
    """

    id: str
    license_id: int
    contact_id: int
    provider: str
    node: str | None
    trunk: str | None
    to_number: str
    started_at: datetime
    caller_id: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    sip_cause: int | None = None
    hangup_cause: int | None = None
    digits: str = ""
    outcome: CallOutcome | None = None
    billed_seconds: int = 0
    ringing_at: datetime | None = None
    sip_call_id: str | None = None
    audio_sha256: str | None = None
    digit_times: tuple[datetime, ...] = ()
