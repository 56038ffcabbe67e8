"""One leg at Twilio, as it is followed while it lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model.call import CallOutcome
from gateway.ports.phone import CallEnded
from gateway.ports.provider_calls import ProviderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceTimings:
    """How patient the phone is. ``lost_after`` begins when a leg whose CallSid is not known is first looked for.

    Twilio's reports come to the web processes: the looks here are the net below, for a report that got lost.
    """

    search_every: timedelta = timedelta(seconds=3)
    lost_after: timedelta = timedelta(seconds=60)
    look_every: timedelta = timedelta(seconds=20)
    after_ringing: timedelta = timedelta(seconds=10)


@dataclass(slots=True, eq=False, kw_only=True)
class VoiceLeg:
    """What is known of a leg. Changed under the phone's lock alone, or by the one look that is under way.

    ``look_at`` is when it is looked at next, in monotonic seconds, ``None`` while a look is under way or nothing has
    been sent yet; ``lost_at`` when a leg without ``sid`` is given up.
    """

    call_id: str
    to_number: str
    placed_at: datetime
    ring_timeout: timedelta
    caller_id: str | None = None
    sid: str | None = None
    look_at: float | None = None
    lost_at: float | None = None
    ringing_told: bool = False
    answered_told: bool = False
    hang_up_wanted: bool = False
    last_word: str | None = None
    audio_sha256: str | None = None

    def ended(
        self,
        at: datetime,
        outcome: CallOutcome,
        *,
        report: ProviderReport | None = None,
        hangup_cause: int | None = None,
    ) -> CallEnded:
        """Return the report of the leg's end."""
        seconds = report.duration if report is not None else None
        return CallEnded(
            call_id=self.call_id,
            at=at,
            outcome=outcome,
            sip_cause=report.sip_cause if report is not None else None,
            hangup_cause=hangup_cause,
            answered_at=at - timedelta(seconds=seconds) if seconds is not None else None,
            billed_seconds=seconds or 0,
            caller_id=self.caller_id,
            audio_sha256=self.audio_sha256,
            provider_call_id=self.sid,
        )
