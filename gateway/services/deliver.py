"""Composing and sending one message of an escalation. Blocks: it runs beside the actors, not on their threads."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from gateway.model import phrases
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus, Severity
from gateway.model.languages import speakable
from gateway.model.quota import QUOTA_SPENT
from gateway.ports.clock import Clock
from gateway.ports.messages import Delivery, Message, NotificationChannel, SearchableChannel
from gateway.ports.record import EscalationRecord, Record, RecordUnavailableError
from gateway.ports.speech import Audio, AudioFormat, Speech, SpeechError
from gateway.services import escalate, unknown
from gateway.services.advance import Begun
from gateway.services.grouped import GroupedWriter
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)

# WhatsApp refuses line breaks in a template's variables, and long ones; the whole template may have 1024 characters.
_VARIABLE_LIMIT = 250
_RECORD_RETRY_SECONDS = 10
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
        self._results = GroupedWriter[escalate.MessageResult](lambda results: escalate.finish_messages(record, results))
        self._channels = channels
        self._phone_configured = phone_configured
        self._speech = speech
        self._link_url = link_url
        self._media_url = media_url
        self._status_url = status_url
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
        bound = log.bind(event_id=attempt.event_id, attempt_id=attempt.id, level=attempt.level.value)
        if delivery.state in {AttemptState.SENT, AttemptState.SKIPPED}:
            bound.info("message_handed_over", state=delivery.state.value, provider_id=delivery.provider_id)
        else:
            bound.warning("message_not_sent", state=delivery.state.value, reason=delivery.reason)
        # A result that could not be written would be taken for unknown after its deadline: worth some patience.
        for trial in Retrying(
            retry=retry_if_exception_type(RecordUnavailableError),
            stop=stop_after_delay(_RECORD_RETRY_SECONDS),
            wait=wait_exponential(multiplier=0.1, max=2),
            reraise=True,
        ):
            with trial:
                self._results.put(
                    escalate.MessageResult(
                        event_id=attempt.event_id, attempt_id=attempt.id, delivery=delivery, at=self._clock.now()
                    )
                )
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
            found = channel.find(self._compose(begun, escalation), attempt.began_at)
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
            message = self._compose(begun, escalation)
        except SpeechError as error:
            return Delivery(state=AttemptState.FAILED, provider="speech", reason=str(error))
        return self._channels[begun.attempt.level].send(message)

    def _send_voice_note(self, begun: Begun, escalation: EscalationRecord) -> Delivery:
        """Send the note if its seconds could be reserved; it counts unless it certainly did not leave.

        Raises ``SpeechError``.
        """
        attempt = begun.attempt
        audio = self._spoken(attempt, escalation)
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
        delivery = self._channels[Level.VOICE_NOTE].send(self._voice_note(begun, escalation, audio))
        sent = delivery.state in _MAY_HAVE_LEFT
        self._settle_note(attempt, audio.duration if sent else timedelta())
        return delivery

    def _settle_note(self, attempt: Attempt, length: timedelta) -> None:
        try:
            self._quota.settle_note(self._record, attempt_id=attempt.id, length=length, at=self._clock.now())
        except RecordUnavailableError as error:
            # What is not settled counts as reserved. The note's own result is worth more patience.
            log.warning("voice_note_not_settled", attempt_id=attempt.id, error=str(error))

    def _compose(self, begun: Begun, escalation: EscalationRecord) -> Message:
        match begun.attempt.level:
            case Level.OWNER:
                return self._owner_report(begun, escalation)
            case Level.STAND_DOWN:
                return self._stand_down(begun, escalation)
            case _:
                return self._text(begun, escalation)

    def _text(self, begun: Begun, escalation: EscalationRecord) -> Message:
        event, snapshot = escalation.event, escalation.snapshot
        contact = snapshot.contact(_contact_id(begun.attempt))
        link = self._link_url(begun.link_id) if begun.link_id is not None else ""
        severity = event.severity.value
        text = phrases.whatsapp_alert(
            contact.language,
            license_name=snapshot.license_name,
            severity=severity,
            title=event.title,
            body=event.body,
            link=link,
        )
        severity_word = phrases.severity_word(contact.language, severity)
        variables = {"1": snapshot.license_name, "2": severity_word, "3": event.title, "4": link}
        return Message(
            level=Level.TEXT,
            to=contact.whatsapp,
            text=text,
            template_variables={key: _one_line(value) for key, value in variables.items()},
            window_open=begun.window_open,
            status_callback_url=self._status_url(begun.attempt.id),
        )

    def _spoken(self, attempt: Attempt, escalation: EscalationRecord) -> Audio:
        event, snapshot = escalation.event, escalation.snapshot
        contact = snapshot.contact(_contact_id(attempt))
        text = phrases.voice_note(
            contact.language,
            license_name=snapshot.license_name,
            severity=event.severity.value,
            title=event.title,
            body=event.body,
        )
        return self._speech.render(text, language=speakable(contact.language), audio_format=AudioFormat.VOICE_NOTE)

    def _voice_note(self, begun: Begun, escalation: EscalationRecord, audio: Audio) -> Message:
        contact = escalation.snapshot.contact(_contact_id(begun.attempt))
        return Message(
            level=Level.VOICE_NOTE,
            to=contact.whatsapp,
            text="",
            media_url=self._media_url(audio.path),
            window_open=begun.window_open,
            status_callback_url=self._status_url(begun.attempt.id),
        )

    def _stand_down(self, begun: Begun, escalation: EscalationRecord) -> Message:
        event = escalation.event
        contact = escalation.snapshot.contact(_contact_id(begun.attempt))
        by = event.acknowledged_by if event.status is EventStatus.ACKNOWLEDGED else None
        return Message(
            level=Level.STAND_DOWN,
            to=contact.whatsapp,
            text=phrases.stand_down(contact.language, title=event.title, by=by),
            window_open=begun.window_open,
            status_callback_url=self._status_url(begun.attempt.id),
        )

    def _owner_report(self, begun: Begun, escalation: EscalationRecord) -> Message:
        snapshot = escalation.snapshot
        text = phrases.owner_report(
            snapshot.language,
            license_name=snapshot.license_name,
            title=escalation.event.title,
            tried=tried_lines(escalation),
            link=self._link_url(begun.link_id) if begun.link_id is not None else None,
        )
        return Message(level=Level.OWNER, to=snapshot.owner_telegram or "", text=text)


def tried_lines(escalation: EscalationRecord) -> list[str]:
    """Return a line for each contact: what was tried, with which result."""
    lines: list[str] = []
    for contact in escalation.snapshot.contacts:
        tried = [attempt for attempt in escalation.history if attempt.contact_id == contact.id]
        results = ", ".join(_result(attempt) for attempt in tried if attempt.level is not Level.STAND_DOWN)
        lines.append(f"{contact.name} ({contact.phone}): {results or '—'}")
    return lines


def _result(attempt: Attempt) -> str:
    reason = f" ({attempt.reason})" if attempt.reason else ""
    return f"{attempt.level.value} {attempt.state.value}{reason}"


def _one_line(value: str) -> str:
    """Return a template variable without line breaks, tabs and runs of spaces, and not too long."""
    line = " ".join(value.split())
    return line if len(line) <= _VARIABLE_LIMIT else line[: _VARIABLE_LIMIT - 1] + "…"


def _contact_id(attempt: Attempt) -> int:
    if attempt.contact_id is None:
        raise ValueError(f"attempt {attempt.id} has no contact")
    return attempt.contact_id
