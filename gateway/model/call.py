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


class MachinePolicy(StrEnum):
    """What a call does about an answering machine, by how much. A machine never acknowledges, whatever it is."""

    IGNORE = "ignore"  # nobody listens for one: the message is said to whoever answers
    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"  # once, after the tone


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQuality:
    """What the phone system measured of a leg's audio (RFC 3550, 6.4), from the callee's side where it says so.

    ``jitter_ms`` and ``round_trip_ms`` are milliseconds, the losses per cent of the packets; ``None``: not reported.
    """

    codec: str | None = None
    jitter_ms: float | None = None
    lost_sent_percent: float | None = None
    lost_received_percent: float | None = None
    round_trip_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One leg, as recorded before it was dialled and completed afterwards.

    ``id`` is 32 hexadecimal digits; the Asterisk channel's unique id is made from it, so
    that a live call is found again after a restart. ``sip_cause`` is the final
    SIP status (RFC 3261), ``hangup_cause`` the ITU-T Q.850 cause.
    ``digits`` are all keys pressed, in their order; ``digit_times`` tells when each was, and is shorter where an older
    version recorded them. ``caller_id`` is the number that we showed, ``None`` where the carrier chose it.
    ``sip_call_id`` is the Call-ID of the INVITE (RFC 3261, 20.8), under which the carrier's records have the
    call; ``provider_call_id`` a cloud provider's own id of it. ``post_dial_delay_ms`` are the milliseconds from the
    INVITE to the first sign of ringing, or to the answer where there was none. ``audio_sha256`` is the SHA-256 of the
    announcement's WAV file, in hexadecimal digits.
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
    provider_call_id: str | None = None
    post_dial_delay_ms: int | None = None
    quality: CallQuality | None = None
