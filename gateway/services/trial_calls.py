"""Making a test call: everything but the dialling itself. Each step is on record before the next one is made."""

from dataclasses import dataclass, replace

import structlog

from gateway.model.call import Call, CallOutcome
from gateway.model.caps import CallCaps
from gateway.model.contact import Contact
from gateway.model.quota import QUOTA_SPENT, VoiceUseKind
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStepName
from gateway.ports.clock import Clock
from gateway.ports.phone import CallOrder, provider_of
from gateway.ports.record import Record, UnitOfWork
from gateway.services import caps, trials
from gateway.services.call_safety import CallGuard
from gateway.services.keys import ACKNOWLEDGE_DIGIT
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)

ALERT_FIRST = "alert_first"
NEVER_DIALLED = "never_dialled"
END_NOT_REPORTED = "end_not_reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCalls:
    """The test calls on record. Without ``call_caps`` or ``guard`` nothing forbids a call."""

    record: Record
    clock: Clock
    quota: VoiceQuota
    call_caps: CallCaps | None = None
    guard: CallGuard | None = None

    def find(self, trial_id: int) -> Trial | None:
        """Return a test call that is not over."""
        with self.record.read() as work:
            trial = work.trials.get(trial_id)
        open_call = trial is not None and trial.kind is TrialKind.CALL and trial.state is not TrialState.OVER
        return trial if open_call else None

    def begun_of(self, contact_id: int) -> Trial | None:
        """Return the contact's test call that was dialled and is not over."""
        with self.record.read() as work:
            trial = work.trials.open_of(contact_id)
        begun = trial is not None and trial.kind is TrialKind.CALL and trial.state is TrialState.BEGUN
        return trial if begun else None

    def take(self, trial: Trial) -> str | None:
        """Take note that an engine works on it. Returns why it must not be dialled, and then it is over."""
        at = self.clock.now()
        with self.record.read() as work:
            contact = work.contacts.get(trial.contact_id)
        number, reason = contact.phone if contact is not None else "", None
        if self.guard is not None:
            reason = self.guard.refusal(self.record, number, license_id=trial.license_id, at=at)
        if reason is not None:
            self.refuse(trial.id, reason)
            return reason
        with self.record.write() as work:
            current = work.trials.get(trial.id)
            if current is not None and current.state is TrialState.ASKED and not current.has(TrialStepName.TAKEN):
                work.trials.update(trials.with_step(current, TrialStepName.TAKEN, at))
                work.commit()
        return None

    def refuse(self, trial_id: int, reason: str) -> None:
        """Record that nothing is dialled, and why."""
        log.info("trial_refused", trial_id=trial_id, reason=reason)
        trials.finish(self.record, trial_id, TrialOutcome.REFUSED, reason=reason, at=self.clock.now())

    def begin(self, trial_id: int, contact_id: int, order: CallOrder, node: str) -> bool:
        """Record a leg that is about to be dialled, and reserve what it may take of the voice minutes.

        Returns ``False`` where it must not be dialled: the trial is over, then or by now. What is due for an alert goes
        first, and is looked for here: whoever begins to call about it afterwards finds the leg. Asked again, as where
        the record went away before it said what it had done, it returns whether the leg is on record and not over.
        """
        at = self.clock.now()
        with self.record.write() as work:
            if (known := work.calls.get(order.call_id)) is not None:
                return known.ended_at is None
            contact = work.contacts.get(contact_id)
            if contact is None:
                return False
            work.licenses.lock(contact.license_id)
            work.calls.lock_number(order.to_number)
            trial = work.trials.get(trial_id)
            if trial is None or trial.state is TrialState.OVER:
                return False
            reason = self._refusal(work, contact, order)
            if reason is not None:
                log.info("trial_refused", trial_id=trial_id, reason=reason)
                trials.over(work, trial, TrialOutcome.REFUSED, reason, at)
                work.commit()
                return False
            work.calls.add(
                Call(
                    id=order.call_id,
                    license_id=trial.license_id,
                    contact_id=contact.id,
                    provider=provider_of(order.trunk),
                    node=node,
                    trunk=order.trunk,
                    to_number=order.to_number,
                    started_at=at,
                )
            )
            work.trials.update(_begun(trial, order, self.clock))
            work.commit()
        return True

    def settle(self, trial_id: int, call: Call | None, *, gave_way: bool = False) -> TrialOutcome:
        """Close a trial that makes no further leg."""
        outcome, reason = TrialOutcome.DONE, None
        if call is None or call.ended_at is None:
            outcome, reason = TrialOutcome.INTERRUPTED, END_NOT_REPORTED
        elif gave_way:
            outcome, reason = TrialOutcome.INTERRUPTED, ALERT_FIRST
        elif call.outcome is CallOutcome.CANCELLED:
            # Nobody but a restarted engine takes a test call back: its predecessor had not dialled it yet.
            outcome, reason = TrialOutcome.INTERRUPTED, NEVER_DIALLED
        log.info("trial_over", trial_id=trial_id, outcome=outcome.value, reason=reason)
        trials.finish(self.record, trial_id, outcome, reason=reason, at=self.clock.now())
        return outcome

    def is_confirmed(self, call_id: str) -> bool:
        """Tell whether the callee has pressed 1, with the PIN where they have one."""
        with self.record.read() as work:
            call = work.calls.get(call_id)
        return call is not None and ACKNOWLEDGE_DIGIT in call.digits

    def call(self, call_id: str) -> Call | None:
        """Return a leg."""
        with self.record.read() as work:
            return work.calls.get(call_id)

    def latest_call(self, trial_id: int) -> Call | None:
        """Return the latest leg of a test call."""
        with self.record.read() as work:
            trial = work.trials.get(trial_id)
            return work.calls.get(trial.call_id) if trial is not None and trial.call_id is not None else None

    def _refusal(self, work: UnitOfWork, contact: Contact, order: CallOrder) -> str | None:
        at = self.clock.now()
        if work.attempts.pending_calls(contact.id):
            return ALERT_FIRST
        if self.call_caps is not None:
            capped = caps.refusal_within(
                work, self.call_caps, contact_id=contact.id, to_number=order.to_number, event_ids=(), at=at
            )
            if capped is not None:
                return capped
        reserved = self.quota.reserve(
            work,
            license_id=contact.license_id,
            kind=VoiceUseKind.CALL,
            reference=order.call_id,
            longest=order.longest,
            critical=False,
            at=at,
        )
        return None if reserved else QUOTA_SPENT


def _begun(trial: Trial, order: CallOrder, clock: Clock) -> Trial:
    stepped = trials.with_step(
        trial, TrialStepName.DIALLED, clock.now(), call_id=order.call_id, trunk=order.trunk, to=order.to_number
    )
    return replace(stepped, state=TrialState.BEGUN, call_id=order.call_id)
