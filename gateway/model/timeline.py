"""The timeline: every step of an event, append-only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class TimelineType(StrEnum):
    """What an entry of the timeline tells."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    REPEATED = "repeated"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_SKIPPED = "attempt_skipped"
    ATTEMPT_RESULT = "attempt_result"
    DELIVERY_REPORT = "delivery_report"
    CALL_DIALLED = "call_dialled"
    CALL_RINGING = "call_ringing"
    CALL_ANSWERED = "call_answered"
    KEY_PRESSED = "key_pressed"
    PIN_ACCEPTED = "pin_accepted"
    PIN_REFUSED = "pin_refused"
    MACHINE_DETECTED = "machine_detected"
    SOUNDS_MISSING = "sounds_missing"
    OPERATOR_REPORTED = "operator_reported"
    CALL_ENDED = "call_ended"
    CALL_RECOVERED = "call_recovered"
    LINK_OPENED = "link_opened"
    REPLY_RECEIVED = "reply_received"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGED_AGAIN = "acknowledged_again"
    RESOLVED = "resolved"
    EXHAUSTED = "exhausted"
    TEMPLATE_FAILED = "template_failed"
    ENGINE_FAULT = "engine_fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One step: who, what, when, why, result.

    ``detail`` holds JSON values only; ``channel`` is a level's value
    (``phone``, ``whatsapp_text``) where the step belongs to one. ``chain_index`` and
    ``entry_hash`` are its place in its license's chain (``gateway.model.chain``), once it is recorded.
    """

    event_id: int
    at: datetime
    type: TimelineType
    contact_id: int | None
    channel: str | None
    detail: dict[str, object]
    id: int = 0
    chain_index: int = field(default=0, compare=False)
    entry_hash: bytes = field(default=b"", compare=False)
