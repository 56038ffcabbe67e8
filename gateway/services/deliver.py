"""Sending one message of an escalation. Blocks: it runs beside the actors, not on their threads."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import Severity
from gateway.model.quota import QUOTA_SPENT
from gateway.ports.clock import Clock
from gateway.ports.messages import Delivery, NotificationChannel, SearchableChannel
from gateway.ports.record import EscalationRecord, Record, RecordUnavailableError
from gateway.ports.speech import Speech, SpeechError
from gateway.services import unknown
from gateway.services.advance import Begun
from gateway.services.compose import Composer
from gateway.services.own_words import OwnWords
from gateway.services.quota import VoiceQuota
from gateway.services.results import Results

log = structlog.get_logger(__name__)

_MAY_HAVE_LEFT = frozenset({AttemptState.SENT, AttemptState.UNKNOWN})


class Courier:
    """Sends the messages of escalations through the channels of this installation.

    ``channels`` holds what is configured: a level without a channel is off. ``link_url``
    makes the address of an acknowledgement link from its id, ``media_url`` that of a voice note.
    """

    def __init__(
        self,
        *,
        record: Record,
        clock: Clock,
        channels: Mapping[Level, NotificationChannel],
        phone_configured: bool,
        speech: Speech,
        link_url: Callable[[int], str],
        media_url: Callable[[Path], str],
        status_url: Callable[[int], str | None],
        quota: VoiceQuota,
    ) -> None:
        self._record = record
        self._clock = clock
        self.results = Results(record=record, clock=clock)
        self._channels = channels
        self._phone_configured = phone_configured
        self.composer = Composer(
            speech=speech,
            own_words=OwnWords(record=record, clock=clock),
            link_url=link_url,
            media_url=media_url,
            status_url=status_url,
        )
        self._quota = quota

    def refusal(self, level: Level, *, window_open: bool, escalation: EscalationRecord) -> str | None:
        """Return why a level cannot work now, or ``None``. Does no I/O."""
        if level is Level.CALL:
            return None if self._phone_configured else "channel_off"
        channel = self._channels.get(level)
        if channel is None:
            return "channel_off"
        if level is Level.OWNER and not escalation.snapshot.owner_telegram:
            return "no_owner_chat"
        return channel.refuse(level, window_open=window_open)

    def deliver(self, begun: Begun, escalation: EscalationRecord) -> AttemptState:
        """Send a message that is recorded as pending, record what became of it, and return that."""
        attempt = begun.attempt
        delivery = self._deliver(begun, escalation)
        self.results.put([attempt], delivery)
        return delivery.state

    def can_look_up(self, level: Level) -> bool:
        """Tell whether the level's provider can be asked what became of a message. Does no I/O."""
        return isinstance(self._channels.get(level), SearchableChannel)

    def look_up(self, attempt: Attempt, escalation: EscalationRecord) -> None:
        """Ask the provider what became of a message of unknown result, and record the answer. Sends nothing."""
        channel = self._channels.get(attempt.level)
        if not isinstance(channel, SearchableChannel):
            return
        begun = unknown.recall(self._record, attempt=attempt, policy=escalation.snapshot.policy)
        if begun is None:
            return
        bound = log.bind(event_id=attempt.event_id, attempt_id=attempt.id, level=attempt.level.value)
        try:
            found = channel.find(self.composer.message(begun, escalation), attempt.began_at)
        except SpeechError as error:
            bound.warning("message_not_looked_up", reason=str(error))
            return
        state = unknown.settle(self._record, attempt_id=attempt.id, found=found, at=self._clock.now())
        bound.info("unknown_message_looked_up", state=state and state.value, provider_id=found and found.provider_id)

    def _deliver(self, begun: Begun, escalation: EscalationRecord) -> Delivery:
        deadline_at = begun.attempt.deadline_at
        if deadline_at is not None and deadline_at <= self._clock.now():
            # So many messages were waiting that its time ran out: the ladder has gone on, or is about to.
            state = AttemptState.UNAVAILABLE if begun.attempt.level is Level.OWNER else AttemptState.FAILED
            return Delivery(state=state, provider="tocsin", reason="not_sent_in_time")
        try:
            if begun.attempt.level is Level.VOICE_NOTE:
                return self._send_voice_note(begun, escalation)
            message = self.composer.message(begun, escalation)
        except SpeechError as error:
            return Delivery(state=AttemptState.FAILED, provider="speech", reason=str(error))
        return self._channels[begun.attempt.level].send(message)

    def _send_voice_note(self, begun: Begun, escalation: EscalationRecord) -> Delivery:
        """Send the note if its seconds could be reserved; it counts unless it certainly did not leave.

        Raises ``SpeechError``.
        """
        attempt = begun.attempt
        audio = self.composer.spoken(attempt, escalation)
        try:
            reserved = self._quota.reserve_note(
                self._record,
                license_id=escalation.event.license_id,
                attempt_id=attempt.id,
                length=audio.duration,
                critical=escalation.event.severity is Severity.CRITICAL,
                at=self._clock.now(),
            )
        except RecordUnavailableError as error:
            return Delivery(state=AttemptState.UNAVAILABLE, provider="quota", reason=f"record: {error}")
        if not reserved:
            return Delivery(state=AttemptState.SKIPPED, provider="quota", reason=QUOTA_SPENT)
        delivery = self._channels[Level.VOICE_NOTE].send(self.composer.voice_note(begun, escalation, audio))
        sent = delivery.state in _MAY_HAVE_LEFT
        self._settle_note(attempt, audio.duration if sent else timedelta())
        return delivery

    def _settle_note(self, attempt: Attempt, length: timedelta) -> None:
        try:
            self._quota.settle_note(self._record, attempt_id=attempt.id, length=length, at=self._clock.now())
        except RecordUnavailableError as error:
            # What is not settled counts as reserved. The note's own result is worth more patience.
            log.warning("voice_note_not_settled", attempt_id=attempt.id, error=str(error))
