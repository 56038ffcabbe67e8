"""What the messages of an escalation say: the text, the voice note, the stand-down and the owner's report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gateway.model.attempt import Attempt, Level
from gateway.model.event import EventStatus
from gateway.model.languages import speakable
from gateway.ports.messages import BUTTON_VARIABLE, Message
from gateway.ports.record import EscalationRecord
from gateway.ports.speech import Audio, AudioFormat, Speech
from gateway.services import spoken_words
from gateway.services.advance import Begun
from gateway.services.buttons import button_payload
from gateway.services.own_words import OwnWords
from gateway.wording import phrases, whatsapp
from gateway.wording.results import tried_line
from gateway.wording.templates import Facts, TemplateName

# WhatsApp refuses line breaks in a template's variables, and long ones; the whole template may have 1024 characters.
_VARIABLE_LIMIT = 250


class Composer:
    """Makes the messages of escalations, complete for the channel that sends them.

    ``link_url`` makes the address of an acknowledgement link from its id, ``media_url`` that of a voice note,
    ``status_url`` that for reports about an attempt's message.
    """

    def __init__(
        self,
        *,
        speech: Speech,
        own_words: OwnWords,
        link_url: Callable[[int], str],
        media_url: Callable[[Path], str],
        status_url: Callable[[int], str | None],
    ) -> None:
        self._speech = speech
        self._own_words = own_words
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
        text = self._worded(TemplateName.TEXT, begun.attempt, escalation, replace(_facts(escalation), link=link))
        severity_word = phrases.severity_word(contact.language, event.severity.value)
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
        contact = escalation.snapshot.contact(_contact_id(attempt))

        def word(name: TemplateName, language: str, facts: Facts) -> str:
            del language
            return self._worded(name, attempt, escalation, facts)

        text = spoken_words.voice_note(contact, escalation, word)
        language = speakable(contact.language)
        return self._speech.render(text, language=language, audio_format=AudioFormat.VOICE_NOTE)

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
            text=self._worded(
                TemplateName.STAND_DOWN, begun.attempt, escalation, replace(_facts(escalation), by=by or "")
            ),
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
        link = self._link_url(begun.link_id) if begun.link_id is not None else ""
        facts = replace(_facts(escalation), tried=tried_lines(escalation), link=link)
        text = self._worded(TemplateName.OWNER_REPORT, begun.attempt, escalation, facts)
        return Message(level=Level.OWNER, to=snapshot.owner_telegram or "", text=text)

    def _worded(self, name: TemplateName, attempt: Attempt, escalation: EscalationRecord, facts: Facts) -> str:
        """Return a message to the attempt's contact, or to the owner, in their language and the license's words."""
        snapshot = escalation.snapshot
        contact = None if attempt.contact_id is None else snapshot.contact(attempt.contact_id)
        return self._own_words.of(
            name,
            snapshot.language if contact is None else contact.language,
            facts if contact is None else replace(facts, contact=contact.name),
            snapshot=snapshot,
            event_id=attempt.event_id,
            level=attempt.level,
            contact_id=attempt.contact_id,
        )


def _facts(escalation: EscalationRecord) -> Facts:
    event = escalation.event
    return Facts(
        license_name=escalation.snapshot.license_name,
        severity=event.severity.value,
        title=event.title,
        body=event.body,
    )


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
