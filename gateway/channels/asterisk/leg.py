"""One leg, as it is followed while it lasts."""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.channels.asterisk.ami_events import ChannelHungUp
from gateway.channels.asterisk.outcomes import LegEnd, outcome_of
from gateway.model.call import CallOutcome, CallQuality
from gateway.ports.phone import CallEnded

_OWN_TIME_OUT = (480, 19)  # TechCause and Cause
_NEARLY = 0.95  # Asterisk's clock and ours need not agree to the millisecond


@dataclass(slots=True, eq=False, kw_only=True)
class Leg:
    """What is known of a leg. Changed on the loop's thread alone.

    ``sent``: the originate was written, at ``sent_at`` on the loop's clock; until then nothing can
    have been dialled. ``rang`` is ``None`` for a leg that was not listened to from its beginning. ``refused``:
    Asterisk reported that the originate came to nothing. ``sought``: a look-up is under way, which will say how it
    stands; a hangup seen meanwhile is kept in ``hung_up``. ``out_of_sight``: for a while nobody listened, and what
    happened then is yet to be looked up. ``invited_at`` and ``post_dial_delay`` are by Asterisk's
    clock. ``machine``: a machine has answered, it seems. ``noted_cause`` is what the dialplan takes for the cause.
    """

    call_id: str
    ring_timeout: timedelta
    trunk: str | None = None
    sent: bool = False
    sent_at: float | None = None
    action_id: str = ""
    channel: str | None = None
    rang: bool | None = None
    ringing_told: bool = False
    answered_at: datetime | None = None
    refused: bool = False
    hang_up_wanted: bool = False
    last_word: Path | None = None
    sought: bool = False
    out_of_sight: bool = False
    hung_up: ChannelHungUp | None = None
    sip_call_id: str | None = None
    caller_id: str | None = None
    audio_sha256: str | None = None
    invited_at: datetime | None = None
    post_dial_delay: timedelta | None = None
    machine: bool = False
    noted_cause: int | None = None
    quality: CallQuality | None = None
    watchdog: asyncio.TimerHandle | None = None

    def heard(self, at: datetime | None) -> None:
        """Take note of the first sign of life from the callee's network."""
        if self.post_dial_delay is None and self.invited_at is not None and at is not None and at >= self.invited_at:
            self.post_dial_delay = at - self.invited_at

    def was_ended_here(self, event: ChannelHungUp) -> bool:
        """Whether we ended the leg before its answer, not the network.

        When the ring time-out ends a leg, or a hangup cancels it, Asterisk 22 sets ``TechCause`` by itself, to 480 (and
        the cause to 19) for the time-out, though the network never said so.
        """
        if self.answered_at is not None:
            return False
        return self.hang_up_wanted or self.timed_out(event)

    def timed_out(self, event: ChannelHungUp) -> bool:
        """Whether the ring time-out ended the leg."""
        if (event.sip_cause, event.hangup_cause) != _OWN_TIME_OUT or self.sent_at is None:
            return False
        rung_for = asyncio.get_running_loop().time() - self.sent_at
        return rung_for >= self.ring_timeout.total_seconds() * _NEARLY

    def ended(
        self,
        *,
        at: datetime,
        hangup_cause: int | None = None,
        sip_cause: int | None = None,
        outcome: CallOutcome | None = None,
    ) -> CallEnded:
        """Return the report of the leg's end; ``outcome`` where it is known otherwise than by the causes."""
        answered = self.answered_at is not None
        if answered:
            # An operator who could not be reached leaves the cause of that on the callee's channel.
            hangup_cause = self.noted_cause or hangup_cause
        end = LegEnd(
            sip_cause=sip_cause,
            hangup_cause=hangup_cause,
            answered=answered,
            cancelled=self.hang_up_wanted,
            rang=self.rang,
        )
        outcome = outcome or outcome_of(end)
        if self.machine and outcome is CallOutcome.NO_KEY:
            outcome = CallOutcome.MACHINE
        return CallEnded(
            call_id=self.call_id,
            at=at,
            outcome=outcome,
            sip_cause=sip_cause,
            hangup_cause=hangup_cause,
            answered_at=self.answered_at,
            billed_seconds=billed_seconds(self.answered_at, at),
            sip_call_id=self.sip_call_id,
            caller_id=self.caller_id,
            audio_sha256=self.audio_sha256,
            post_dial_delay=self.post_dial_delay,
            quality=self.quality,
        )


def billed_seconds(answered_at: datetime | None, ended_at: datetime) -> int:
    """Return the seconds from answer to hangup, rounded up; none for a leg that was not answered."""
    if answered_at is None:
        return 0
    return max(math.ceil((ended_at - answered_at).total_seconds()), 0)


def trunk_of(channel: str) -> str | None:
    """Return the trunk in a channel's name: ``PJSIP/<endpoint>-<serial number>``."""
    technology, slash, rest = channel.partition("/")
    endpoint, dash, _ = rest.rpartition("-")
    return endpoint if technology == "PJSIP" and slash and dash else None
