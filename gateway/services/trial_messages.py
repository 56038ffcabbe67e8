"""Sending a test message by WhatsApp, and what its provider reports of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from gateway.model.attempt import AttemptState, Level
from gateway.model.contact import Contact
from gateway.model.license import License
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStepName
from gateway.model.whatsapp import OPTED_OUT, SPARE, Window, recorded_reason
from gateway.ports.clock import Clock
from gateway.ports.messages import BUTTON_VARIABLE, Delivery, Message, NotificationChannel
from gateway.ports.record import Record
from gateway.services import trials
from gateway.services.buttons import trial_payload
from gateway.services.whatsapp import learn
from gateway.wording import phrases

log = structlog.get_logger(__name__)

CHANNEL_OFF = "channel_off"
RESULT_UNKNOWN = "result_unknown"

_STEPS = {
    AttemptState.SENT: TrialStepName.SENT,
    AttemptState.DELIVERED: TrialStepName.DELIVERED,
    AttemptState.READ: TrialStepName.READ,
    AttemptState.FAILED: TrialStepName.FAILED,
    AttemptState.UNAVAILABLE: TrialStepName.FAILED,
    AttemptState.UNKNOWN: TrialStepName.UNKNOWN,
}
# What was reported before is not taken back by a report that is late.
_ORDER = (TrialStepName.UNKNOWN, TrialStepName.SENT, TrialStepName.DELIVERED, TrialStepName.READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCourier:
    """Sends test messages. ``channel`` is ``None`` where WhatsApp is not set up.

    ``status_url`` makes the address for reports from the trial's id, ``home_url`` stands where an alert has its link.
    """

    record: Record
    clock: Clock
    channel: NotificationChannel | None
    status_url: Callable[[int], str]
    home_url: str

    def deliver(self, trial_id: int) -> None:
        """Send a test message that is asked for, once, and record what became of it. Blocks."""
        message = self._claim(trial_id)
        if message is None or self.channel is None:
            return
        delivery = self.channel.send(message)
        log.info("trial_sent", trial_id=trial_id, state=delivery.state.value, reason=delivery.reason)
        at = self.clock.now()
        with self.record.write() as work:
            trial = work.trials.get(trial_id)
            if trial is None or trial.state is not TrialState.BEGUN:
                return
            if delivery.state is AttemptState.SKIPPED:
                trials.over(work, trial, TrialOutcome.REFUSED, delivery.reason, at)
            else:
                learn(work, delivery, began_at=trial.asked_at, at=at)
                known = replace(
                    trial, provider=delivery.provider, provider_id=delivery.provider_id or trial.provider_id
                )
                trials.over(work, _told(known, delivery, at), TrialOutcome.DONE, None, at)
            work.commit()

    def _claim(self, trial_id: int) -> Message | None:
        """Record that the message is about to be sent, and return it; ``None`` where it is not to be sent."""
        at = self.clock.now()
        with self.record.write() as work:
            trial = work.trials.get(trial_id)
            contact = work.contacts.get(trial.contact_id) if trial is not None else None
            license_ = work.licenses.get(trial.license_id) if trial is not None else None
            if trial is None or contact is None or license_ is None or trial.state is not TrialState.ASKED:
                return None
            reach = work.contacts.whatsapp_reach([contact.id]).get(contact.whatsapp)
            window_open = reach is not None and reach.window(at, SPARE) is Window.OPEN
            reason = self._refusal(contact, window_open=window_open)
            if reason is not None:
                trials.over(work, trial, TrialOutcome.REFUSED, reason, at)
                work.commit()
                return None
            taken = trials.with_step(trial, TrialStepName.TAKEN, at)
            work.trials.update(replace(taken, state=TrialState.BEGUN))
            work.commit()
        return self._message(trial, contact, license_, window_open=window_open)

    def _refusal(self, contact: Contact, *, window_open: bool) -> str | None:
        if self.channel is None:
            return CHANNEL_OFF
        if contact.whatsapp_blocked == OPTED_OUT:
            return OPTED_OUT
        return self.channel.refuse(Level.TEXT, window_open=window_open)

    def _message(self, trial: Trial, contact: Contact, license_: License, *, window_open: bool) -> Message:
        language = contact.language
        return Message(
            level=Level.TEXT,
            to=contact.whatsapp,
            text=phrases.trial_text(language, license_name=license_.name),
            template_variables={
                "1": license_.name,
                "2": phrases.severity_word(language, "info"),
                "3": phrases.trial_title(language),
                "4": self.home_url,
                BUTTON_VARIABLE: trial_payload(trial.id),
            },
            window_open=window_open,
            language=language,
            status_callback_url=self.status_url(trial.id),
        )


def give_up(record: Record, *, asked_before: datetime, at: datetime) -> None:
    """Close the messages, asked for before then, that were about to be sent: they may have left, and are not repeated.

    They are those of an engine that has ended, or whose result could not be recorded.
    """
    with record.write() as work:
        found = [trial for trial in work.trials.in_state(TrialState.BEGUN) if trial.kind is TrialKind.MESSAGE]
        begun = [trial for trial in found if trial.asked_at <= asked_before]
        for trial in begun:
            log.warning("trial_interrupted", trial_id=trial.id)
            trials.over(work, trial, TrialOutcome.INTERRUPTED, RESULT_UNKNOWN, at)
        if begun:
            work.commit()


def take_report(record: Record, report: Delivery, *, trial_id: int, at: datetime) -> bool:
    """Record what a provider reports about a test message; tell whether it is known. Reports may repeat and be late.

    A report also tells of a message whose sending was interrupted.
    """
    with record.write() as work:
        trial = work.trials.get(trial_id)
        if trial is None or trial.state is TrialState.ASKED:
            return False
        known = replace(trial, provider=report.provider, provider_id=trial.provider_id or report.provider_id)
        told = _told(known, report, at)
        if told.steps == trial.steps:
            return True
        learn(work, report, began_at=trial.asked_at, at=at)
        if told.outcome is TrialOutcome.INTERRUPTED:
            told = replace(told, outcome=TrialOutcome.DONE, reason=None)
        work.trials.update(told)
        work.commit()
    return True


def _told(trial: Trial, delivery: Delivery, at: datetime) -> Trial:
    """Return a trial with the step that a delivery or a report makes, unchanged where it says nothing new."""
    name = _STEPS.get(delivery.state)
    if name is None or trial.has(name):
        return trial
    arrived = trial.has(TrialStepName.DELIVERED) or trial.has(TrialStepName.READ)
    if name in _ORDER and any(trial.has(later) for later in _ORDER[_ORDER.index(name) :]):
        return trial
    if name is TrialStepName.FAILED:
        if arrived:
            return trial
        reason = recorded_reason(delivery.fault, delivery.reason)
        return trials.with_step(trial, name, at, **({"reason": reason} if reason else {}))
    return trials.with_step(trial, name, at)
