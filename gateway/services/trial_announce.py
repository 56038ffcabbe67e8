"""What a test call says. Blocks while speech is rendered: it runs beside the actors, not on their threads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.config.schema import Config
from gateway.model.languages import speakable
from gateway.ports.phone import CallOrder, Phone, Prompt
from gateway.ports.record import Record
from gateway.ports.speech import Audio, AudioFormat, Speech, SpeechError
from gateway.services import last_words
from gateway.services.announce import longest_call
from gateway.services.intake import policy_of
from gateway.services.lines import NO_PHONE_SYSTEM, Line
from gateway.wording import phrases

log = structlog.get_logger(__name__)


class CannotAnnounceError(Exception):
    """A test call cannot be prepared; the message is the reason's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnnouncer:
    """Prepares test calls, and speaks their last words. ``speech`` is one that nobody waits for long."""

    record: Record
    phone: Phone
    speech: Speech
    prompts: Callable[[str], Mapping[Prompt, Path]]
    config: Config

    def prepare(self, contact_id: int, line: Line) -> CallOrder:
        """Return the order of a test call by a line. Raises ``CannotAnnounceError``, ``RecordUnavailableError``.

        The callee is the contact as they are now, and is asked for their PIN where they have one. There is no operator
        to be connected to: they would be called for nothing.
        """
        with self.record.read() as work:
            contact = work.contacts.get(contact_id)
            license_ = work.licenses.get(contact.license_id) if contact is not None else None
        if contact is None or license_ is None or line.trunk not in self.phone.trunks():
            raise CannotAnnounceError(NO_PHONE_SYSTEM)
        policy = policy_of(self.config, license_)
        try:
            announcement = self._audio(
                phrases.trial_announcement(contact.language, license_name=license_.name), contact.language
            )
            menu, goodbye = (
                self._audio(phrases.prompt(contact.language, prompt.value), contact.language).duration
                for prompt in (Prompt.MENU, Prompt.GOODBYE)
            )
            prompts = self.prompts(contact.language)
        except SpeechError as error:
            log.exception("trial_not_spoken", contact_id=contact_id)
            raise CannotAnnounceError(f"speech: {error}") from error
        return CallOrder(
            call_id=line.call_id,
            trunk=line.trunk,
            to_number=contact.phone,
            ring_timeout=policy.ring_timeout,
            language=contact.language,
            announcement=announcement.path,
            prompts=prompts,
            longest=longest_call(announcement.duration, menu, goodbye),
            pin_wanted=contact.has_pin,
            machine=policy.answering_machine,
        )

    def confirm(self, call_id: str, contact_id: int) -> None:
        """Tell the callee that their key has arrived; then end the call."""
        language = last_words.language_of(self.record, call_id, contact_id)
        try:
            sound = self._audio(phrases.trial_confirmed(language), language)
        except SpeechError as error:
            # The dialplan says a neutral word of its own and hangs up; the record is right in any case.
            log.warning("confirmation_not_spoken", call_id=call_id, error=str(error))
            return
        self.phone.say_and_hang_up(call_id, sound.path)

    def _audio(self, text: str, language: str) -> Audio:
        return self.speech.render(text, language=speakable(language), audio_format=AudioFormat.PHONE)
