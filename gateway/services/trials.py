"""Test calls and test messages: asking for one, and what becomes of it.

Whoever asks writes a row, the engine makes it happen. Whatever is dialled or sent is recorded as begun first, so that
an engine that is killed never does it a second time.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.config.schema import TierConfig
from gateway.model.audit import Actor
from gateway.model.call import Call
from gateway.model.call_safety import CallSafety
from gateway.model.contact import Contact
from gateway.model.trial import ONE_PER, Trial, TrialKind, TrialOutcome, TrialState, TrialStep, TrialStepName
from gateway.model.whatsapp import OPTED_OUT
from gateway.ports.record import Record, UnitOfWork
from gateway.services.audit import note_change
from gateway.services.call_safety import destination_refusal
from gateway.services.checked import contact_target
from gateway.services.exceptions import TrialRefusedError, UnknownContactError
from gateway.services.quota import effective_tier

UNDER_WAY = "trial_under_way"
TOO_SOON = "trial_too_soon"
TIER_WITHOUT_CALLS = "tier_without_calls"
NOT_TAKEN = "not_taken"
NO_LINE_IN_TIME = "no_line_in_time"

_NOTHING_LEFT = frozenset({TrialOutcome.REFUSED, TrialOutcome.EXPIRED})


def ask(
    record: Record,
    *,
    contact_id: int,
    kind: TrialKind,
    tiers: Mapping[str, TierConfig],
    safety: CallSafety,
    actor: Actor,
    at: datetime,
) -> Trial:
    """Ask for a test call or a test message, and enter that in the audit log.

    Raises ``UnknownContactError``; ``TrialRefusedError`` where one is under way, the last one was less than a minute
    ago, or a call or message would certainly be refused.
    """
    with record.write() as work:
        contact = work.contacts.get(contact_id)
        if contact is None:
            raise UnknownContactError(contact_id)
        # Of two who ask at once, the second one finds the first one's.
        work.licenses.lock(contact.license_id)
        _make_way(work, contact_id, at)
        reason = _refusal(work, contact, kind, tiers, safety)
        if reason is not None:
            raise TrialRefusedError(reason)
        trial = work.trials.add(
            license_id=contact.license_id, contact_id=contact_id, kind=kind, asked_by=actor.name, asked_at=at
        )
        note_change(
            work,
            actor,
            f"contact.test_{kind.value}",
            contact_target(contact),
            at=at,
            license_id=contact.license_id,
            after={"trial": trial.id, "to": contact.phone if kind is TrialKind.CALL else contact.whatsapp},
        )
        work.commit()
    return trial


def _make_way(work: UnitOfWork, contact_id: int, at: datetime) -> None:
    """Close a trial that nobody took in time. Raises ``TrialRefusedError`` where there was one just now."""
    last = work.trials.open_of(contact_id)
    if last is not None:
        if not last.is_stale(at):
            raise TrialRefusedError(UNDER_WAY)
        over(work, last, TrialOutcome.EXPIRED, why_stale(last), at)
        return
    last = work.trials.newest_of(contact_id)
    if last is None or last.outcome in _NOTHING_LEFT:
        return
    # What is dated in the future was written before the machine's clock was set back.
    if last.asked_at <= at < last.asked_at + ONE_PER:
        raise TrialRefusedError(TOO_SOON)


def _refusal(
    work: UnitOfWork, contact: Contact, kind: TrialKind, tiers: Mapping[str, TierConfig], safety: CallSafety
) -> str | None:
    if kind is TrialKind.MESSAGE:
        return OPTED_OUT if contact.whatsapp_blocked == OPTED_OUT else None
    license_ = work.licenses.get(contact.license_id)
    if license_ is not None and not effective_tier(tiers, license_).call:
        return TIER_WITHOUT_CALLS
    return destination_refusal(safety, contact.phone)


def why_stale(trial: Trial) -> str:
    """Return why a trial was not begun in time: no engine took it, or there was no line."""
    return NO_LINE_IN_TIME if trial.has(TrialStepName.TAKEN) else NOT_TAKEN


def over(work: UnitOfWork, trial: Trial, outcome: TrialOutcome, reason: str | None, at: datetime) -> None:
    """Record how a trial ended."""
    work.trials.update(replace(trial, state=TrialState.OVER, outcome=outcome, reason=reason, finished_at=at))


def finish(record: Record, trial_id: int, outcome: TrialOutcome, *, at: datetime, reason: str | None = None) -> None:
    """Record how a trial ended, in a transaction of its own; nothing where that is known already."""
    with record.write() as work:
        trial = work.trials.get(trial_id)
        if trial is not None and trial.state is not TrialState.OVER:
            over(work, trial, outcome, reason, at)
            work.commit()


def with_step(trial: Trial, name: TrialStepName, at: datetime, **detail: str) -> Trial:
    """Return a trial with one more step."""
    return replace(trial, steps=(*trial.steps, TrialStep(name=name, at=at, detail=detail)))


def legs_of(work: UnitOfWork, trial: Trial) -> list[Call]:
    """Return the legs of a test call, in their order."""
    ids = [step.detail["call_id"] for step in trial.steps if step.name is TrialStepName.DIALLED]
    return [call for call_id in ids if (call := work.calls.get(call_id)) is not None]


def version_of(work: UnitOfWork, trial_id: int, at: datetime) -> str:
    """Return a word that changes whenever something about the trial does."""
    trial = work.trials.get(trial_id)
    stands = (trial, legs_of(work, trial), trial.is_stale(at)) if trial is not None else None
    return hashlib.sha256(repr(stands).encode()).hexdigest()[:16]
