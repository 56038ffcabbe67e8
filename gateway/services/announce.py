"""What a call says. Blocks while speech is rendered: it runs beside the actors, not on their threads."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog

from gateway.model.attempt import AttemptState, Level
from gateway.model.call import Call, MachinePolicy
from gateway.model.caps import CallCaps
from gateway.model.languages import speakable
from gateway.model.policy import Snapshot, SnapshotContact
from gateway.ports.clock import Clock
from gateway.ports.phone import KEY_WAIT, LONGEST_CALL, MESSAGE_ROUNDS, CallOrder, Phone, Prompt
from gateway.ports.record import Record
from gateway.ports.speech import Audio, AudioFormat, Speech, SpeechError
from gateway.services import calls, caps, last_words, spoken_words
from gateway.services.acknowledge import AckResult
from gateway.services.call_safety import CallGuard
from gateway.services.due import DueAlert, due_alerts
from gateway.services.lines import ALL_IN_TROUBLE, NO_PHONE_SYSTEM, Line
from gateway.services.own_words import OwnWords
from gateway.wording import phrases
from gateway.wording.templates import Facts, TemplateName

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCall:
    """What is still to be announced, with the order that does it or the reason why nobody can place it now.

    ``left`` is due as well, and for a call of its own. ``may_pass``: the phone system of a leg on record is not in
    reach, as for a moment after a start.
    """

    attempt_ids: tuple[int, ...]
    left: tuple[int, ...] = ()
    order: CallOrder | None = None
    failure: str | None = None
    may_pass: bool = False


class Announcer:
    """Prepares calls and speaks their last words. Without ``call_caps`` no call is one too many.

    A call waits for a slow voice once, for its announcement: all else is spoken by ``hurried_speech``.
    """

    def __init__(
        self,
        *,
        record: Record,
        clock: Clock,
        phone: Phone,
        speech: Speech,
        prompts: Callable[[str], Mapping[Prompt, Path]],
        call_caps: CallCaps | None = None,
        guard: CallGuard | None = None,
        hurried_speech: Speech | None = None,
    ) -> None:
        self._record = record
        self._clock = clock
        self._phone = phone
        self._speech = speech
        self._prompts = prompts
        self._call_caps = call_caps
        self._guard = guard
        self._own_words = OwnWords(record=record, clock=clock)
        self._hurried_speech = hurried_speech if hurried_speech is not None else speech

    def prepare(self, contact_id: int, attempt_ids: Collection[int], way: Line | Call) -> PreparedCall:
        """Speak the announcement of everything that is still due.

        ``way`` is the line that the call goes through, or a leg on record that was never dialled: the call has its id,
        its trunk and what it announces.
        """
        due = due_alerts(self._record, attempt_ids, self._clock.now())
        if not due:
            return PreparedCall(attempt_ids=())
        if isinstance(way, Call):
            return self._prepared(contact_id, due, way)
        # One call reaches one number in one language: alerts from before and after an edit of these are not bundled.
        callee = min(due, key=lambda alert: alert.urgency).callee(contact_id)
        together = tuple(alert for alert in due if alert.callee(contact_id) == callee)
        left = tuple(alert.attempt.id for alert in due if alert not in together)
        if self._is_capped(contact_id, together):
            return PreparedCall(attempt_ids=(), left=left)
        return replace(self._prepared(contact_id, together, way), left=left)

    def _prepared(self, contact_id: int, due: Sequence[DueAlert], way: Line | Call) -> PreparedCall:
        due_ids = tuple(alert.attempt.id for alert in due)
        usable = self._phone.trunks()
        if isinstance(way, Call) and way.trunk not in usable:
            failure = ALL_IN_TROUBLE if usable else NO_PHONE_SYSTEM
            return PreparedCall(attempt_ids=due_ids, failure=failure, may_pass=not usable)
        snapshot = due[-1].snapshot
        contact = snapshot.contact(contact_id)
        try:
            announcement = self._phone_audio(self._announcement(contact, due), contact.language)
            prompts = self._prompts(contact.language)
            longest = self._longest(announcement, contact.language)
        except SpeechError as error:
            log.exception("announcement_not_spoken", contact_id=contact_id, attempt_ids=due_ids)
            return PreparedCall(attempt_ids=due_ids, failure=f"speech: {error}")
        order = CallOrder(
            call_id=way.id if isinstance(way, Call) else way.call_id,
            trunk=way.trunk or "",
            to_number=contact.phone,
            ring_timeout=max(alert.snapshot.policy.ring_timeout for alert in due),
            language=contact.language,
            announcement=announcement.path,
            prompts=prompts,
            handoff_number=self._handoff_number(snapshot),
            longest=longest,
            pin_wanted=self._has_pin(contact_id),
            machine=_machine_policy(due),
        )
        if order.handoff_number is not None:
            order = replace(order, whisper=self._whisper(contact.name, due))
        return PreparedCall(attempt_ids=due_ids, order=order)

    def confirm(self, call_id: str, contact_id: int, results: Sequence[AckResult]) -> None:
        """Tell the callee that their key stopped the escalation, or who was first; then end the call."""
        language = last_words.language_of(self._record, call_id, contact_id)
        self._say(call_id, last_words.after_key(language, results), language)

    def stand_down(self, call_id: str, contact_id: int) -> None:
        """Tell the callee in mid-call who has taken the alert, or that it was withdrawn; then end the call."""
        language = last_words.language_of(self._record, call_id, contact_id)
        self._say(call_id, last_words.when_over(self._record, call_id, language), language)

    def _is_capped(self, contact_id: int, due: Sequence[DueAlert]) -> bool:
        """Tell whether the call would be one too many; then its attempts are skipped, and the ladder goes on.

        A leg on record was looked at before it was recorded: it is not looked at again.
        """
        if self._call_caps is None:
            return False
        at = self._clock.now()
        reason = caps.refusal(
            self._record,
            self._call_caps,
            contact_id=contact_id,
            to_number=due[-1].snapshot.contact(contact_id).phone,
            event_ids={alert.attempt.event_id for alert in due},
            at=at,
        )
        if reason is None:
            return False
        attempt_ids = tuple(alert.attempt.id for alert in due)
        log.warning("call_capped", contact_id=contact_id, attempt_ids=attempt_ids, reason=reason)
        calls.settle_attempts(self._record, attempt_ids=attempt_ids, state=AttemptState.SKIPPED, reason=reason, at=at)
        return True

    def _say(self, call_id: str, text: str, language: str) -> None:
        try:
            sound = self._phone_audio(text, language)
        except SpeechError as error:
            # The dialplan says a neutral word of its own and hangs up; the record is right in any case.
            log.warning("confirmation_not_spoken", call_id=call_id, error=str(error))
            return
        self._phone.say_and_hang_up(call_id, sound.path)

    def _longest(self, announcement: Audio, language: str) -> timedelta:
        """Return how long a call lasts in which nobody presses a key."""
        menu, goodbye = (
            self._phone_audio(phrases.prompt(language, prompt.value), language, self._hurried_speech).duration
            for prompt in (Prompt.MENU, Prompt.GOODBYE)
        )
        return longest_call(announcement.duration, menu, goodbye)

    def _phone_audio(self, text: str, language: str, speech: Speech | None = None) -> Audio:
        speech = speech if speech is not None else self._speech
        return speech.render(text, language=speakable(language), audio_format=AudioFormat.PHONE)

    def _announcement(self, contact: SnapshotContact, due: Sequence[DueAlert]) -> str:
        """Return what the call says, in the words of the license where it has its own: those of the newest alert."""
        newest = due[-1]

        def word(name: TemplateName, language: str, facts: Facts) -> str:
            return self._own_words.of(
                name,
                language,
                facts,
                snapshot=newest.snapshot,
                event_id=newest.attempt.event_id,
                level=Level.CALL,
                contact_id=contact.id,
            )

        return spoken_words.announcement(contact, due, word)

    def _handoff_number(self, snapshot: Snapshot) -> str | None:
        """Return the operator's number, ``None`` where there is none or it must not be called."""
        number = snapshot.handoff_number
        refusal = None if number is None or self._guard is None else self._guard.destination_refusal(number)
        if refusal is not None:
            log.warning("handoff_refused", license=snapshot.license_name, reason=refusal)
            return None
        return number

    def _whisper(self, name: str, due: Sequence[DueAlert]) -> Path | None:
        """Speak what the operator hears before they are connected: without it they are connected all the same."""
        snapshot = due[-1].snapshot
        titles = [replace(alert, body="") for alert in due]
        said = _built_in_announcement(snapshot.language, titles)
        whisper = phrases.whisper(snapshot.language, name=name, announcement=said)
        try:
            return self._phone_audio(whisper, snapshot.language, self._hurried_speech).path
        except SpeechError as error:
            log.warning("whisper_not_spoken", license=snapshot.license_name, error=str(error))
            return None

    def _has_pin(self, contact_id: int) -> bool:
        with self._record.read() as work:
            contact = work.contacts.get(contact_id)
        return contact is not None and contact.has_pin


def longest_call(announcement: timedelta, menu: timedelta, goodbye: timedelta) -> timedelta:
    """Return how long a call lasts in which nobody presses a key, from the lengths of what it says."""
    return min(MESSAGE_ROUNDS * (announcement + menu + KEY_WAIT) + goodbye, LONGEST_CALL)


def _machine_policy(due: Sequence[DueAlert]) -> MachinePolicy:
    """Return what the call does about a machine: of several events' policies, the one that does least."""
    wanted = {alert.snapshot.policy.answering_machine for alert in due}
    return next(policy for policy in MachinePolicy if policy in wanted)


def _built_in_announcement(language: str, due: Sequence[DueAlert]) -> str:
    if len(due) == 1:
        alert = due[0]
        return phrases.announcement(
            language,
            license_name=alert.snapshot.license_name,
            severity=alert.severity,
            title=alert.title,
            body=alert.body,
        )
    titles = [alert.title for alert in due]
    return phrases.announcement_of_several(language, license_name=due[0].snapshot.license_name, titles=titles)
