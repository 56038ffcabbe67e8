"""What the messages of an escalation say: the text, the voice note, the stand-down and the owner's report."""

from collections.abc import Callable
from pathlib import Path

from gateway.model.attempt import Attempt, Level
from gateway.model.event import EventStatus
from gateway.model.languages import speakable
from gateway.ports.messages import BUTTON_VARIABLE, Message
from gateway.ports.record import EscalationRecord
from gateway.ports.speech import Audio, AudioFormat, Speech
from gateway.services.advance import Begun
from gateway.services.buttons import button_payload
from gateway.wording import phrases, whatsapp
from gateway.wording.results import tried_line

# WhatsApp refuses line breaks in a template's variables, and long ones; the whole template may have 1024 characters.
_VARIABLE_LIMIT = 250


class Composer:
    """Makes the messages of escalations, complete for the channel that sends them. Sends and records nothing.

    ``link_url`` makes the address of an acknowledgement link from its id, ``media_url`` that of a voice note,
    ``status_url`` that for reports about an attempt's message.
    """

    def __init__(
        self,
        *,
        speech: Speech,
        link_url: Callable[[int], str],
        media_url: Callable[[Path], str],
        status_url: Callable[[int], str | None],
    ) -> None:
        self._speech = speech
        self._link_url = link_url
        self._media_url = media_url
        self._status_url = status_url

    def message(self, begun: Begun, escalation: EscalationRecord) -> Message:
        """Return the text, the stand-down or the owner's report of an attempt, by its level."""
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
            template_variables={key: _one_line(value) for key, value in variables.items()}
            | {BUTTON_VARIABLE: button_payload(begun.attempt.id)},
            window_open=begun.window_open,
            # The first one was refused outside the window, and so would be another.
            template_only=begun.attempt.number > 1,
            language=contact.language,
            status_callback_url=self._status_url(begun.attempt.id),
        )

    def spoken(self, attempt: Attempt, escalation: EscalationRecord) -> Audio:
        """Return the voice note of an attempt, spoken. Blocks; raises ``SpeechError``."""
        event, snapshot = escalation.event, escalation.snapshot
        contact = snapshot.contact(_contact_id(attempt))
        announcement = phrases.announcement(
            contact.language,
            license_name=snapshot.license_name,
            severity=event.severity.value,
            title=event.title,
            body=event.body,
        )
        text = phrases.voice_note(contact.language, announcement=announcement)
        return self._speech.render(text, language=speakable(contact.language), audio_format=AudioFormat.VOICE_NOTE)

    def voice_note(self, begun: Begun, escalation: EscalationRecord, audio: Audio) -> Message:
        """Return the message that carries a spoken voice note."""
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
            template_variables={
                "1": _one_line(event.title),
                "2": _one_line(whatsapp.how_it_ended(contact.language, by=by)),
            },
            window_open=begun.window_open,
            language=contact.language,
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
    """Return a line for each contact: what was tried, with which result, in the license's language."""
    return [
        tried_line(
            escalation.snapshot.language,
            name=contact.name,
            phone=contact.phone,
            attempts=[attempt for attempt in escalation.history if attempt.contact_id == contact.id],
        )
        for contact in escalation.snapshot.contacts
    ]


def _one_line(value: str) -> str:
    """Return a template variable without line breaks, tabs and runs of spaces, and not too long."""
    line = " ".join(value.split())
    return line if len(line) <= _VARIABLE_LIMIT else line[: _VARIABLE_LIMIT - 1] + "…"


def _contact_id(attempt: Attempt) -> int:
    if attempt.contact_id is None:
        raise ValueError(f"attempt {attempt.id} has no contact")
    return attempt.contact_id
