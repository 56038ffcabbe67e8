"""A test, step by step, as a person reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from gateway.model.call import Call, CallOutcome
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStepName
from gateway.services import trials
from gateway.services.keys import ACKNOWLEDGE_DIGIT
from web.admin.calls.story import Moment, steps_of
from web.admin.trials.words import reason_words


@dataclass(frozen=True, slots=True)
class Headline:
    """How the test stands, in a few words; ``detail`` says what there is to do about it."""

    tone: str
    icon: str
    words: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at: datetime
    words: str


def headline(trial: Trial, call: Call | None, now: datetime) -> Headline:
    """Return how a test stands; ``call`` is its latest leg."""
    if trial.is_stale(now):
        return _closed(TrialOutcome.EXPIRED, trials.why_stale(trial))
    if trial.state is TrialState.OVER and trial.outcome is not TrialOutcome.DONE and trial.outcome is not None:
        return _closed(trial.outcome, trial.reason or "")
    if trial.kind is TrialKind.MESSAGE:
        return _message(trial)
    if call is not None and (call.ended_at is None or trial.state is TrialState.OVER):
        return _call(call)
    if trial.has(TrialStepName.TAKEN):
        return Headline("info", "hourglass-split", _("Waits for a line"))
    return Headline("info", "hourglass", _("Waits for the engine"))


def lines_of(trial: Trial, legs: Sequence[Call], now: datetime) -> list[Line]:
    """Return what happened, in its order."""
    found = [Line(trial.asked_at, _("Asked for by %(name)s", name=trial.asked_by))]
    calls = {call.id: call for call in legs}
    for step in trial.steps:
        if step.name is TrialStepName.DIALLED:
            call = calls.get(step.detail["call_id"])
            found.append(Line(step.at, _("Dials %(to)s by trunk %(trunk)s", **step.detail)))
            found += _in_call(call) if call is not None else ()
        else:
            found.append(Line(step.at, _step(step.name, step.detail.get("reason", ""))))
    if trial.finished_at is not None and trial.reason is not None:
        found.append(Line(trial.finished_at, reason_words(trial.reason)))
    elif trial.is_stale(now):
        found.append(Line(now, reason_words(trials.why_stale(trial))))
    return found


def _in_call(call: Call) -> Iterator[Line]:
    for step in steps_of(call):
        words = {
            Moment.RANG: _("Their phone rings"),
            Moment.ANSWERED: _("Answered"),
            Moment.ACKNOWLEDGE: _("Key 1 pressed: that is confirmed to them"),
            Moment.WRONG_PIN: _("1 pressed with a wrong PIN"),
            Moment.HANDOFF: _("Key 2 pressed: a test has no operator"),
            Moment.OTHER_KEY: _("Key %(key)s pressed", key=step.key),
            Moment.ENDED: _("Ended"),
        }.get(step.moment)
        if words is not None:
            yield Line(step.at or call.started_at, words)


def _step(name: TrialStepName, reason: str) -> str:
    words = {
        TrialStepName.TAKEN: _("The engine has taken it"),
        TrialStepName.SENT: _("Handed to WhatsApp"),
        TrialStepName.DELIVERED: _("Delivered to their phone"),
        TrialStepName.READ: _("Read"),
        TrialStepName.UNKNOWN: _("Unknown whether it was accepted; it is not sent again by itself"),
    }
    return str(words.get(name) or _("Failed: %(reason)s", reason=reason or _("no reason was given")))


def _closed(outcome: TrialOutcome, reason: str) -> Headline:
    words = {
        TrialOutcome.REFUSED: _("Not possible now"),
        TrialOutcome.EXPIRED: _("Not begun in time"),
        TrialOutcome.INTERRUPTED: _("Interrupted"),
    }[outcome]
    return Headline("warning", "exclamation-triangle", words, reason_words(reason))


def _message(trial: Trial) -> Headline:
    accepted = _("WhatsApp has accepted it. Whether it arrives is reported within seconds, or when they are online.")
    # What counts most comes first.
    told = {
        TrialStepName.READ: Headline("success", "check2-all", _("Read")),
        TrialStepName.DELIVERED: Headline("success", "check2-all", _("Delivered")),
        TrialStepName.FAILED: Headline("danger", "x-circle", _("Not delivered")),
        TrialStepName.SENT: Headline("info", "check2", _("Sent"), accepted),
        TrialStepName.UNKNOWN: Headline("warning", "question-circle", _("Unknown")),
        TrialStepName.TAKEN: Headline("info", "send", _("Is being sent")),
    }
    waits = Headline("info", "hourglass", _("Waits for the engine"))
    return next((each for name, each in told.items() if trial.has(name)), waits)


def _call(call: Call) -> Headline:
    return _going_on(call) if call.ended_at is None else _ended(call.outcome)


def _going_on(call: Call) -> Headline:
    if ACKNOWLEDGE_DIGIT in call.digits:
        return Headline("success", "check-circle", _("Key 1 pressed"))
    if call.answered_at is not None:
        return Headline("info", "telephone-inbound", _("Answered"))
    words = _("Rings") if call.ringing_at is not None else _("Dials by trunk %(trunk)s", trunk=call.trunk)
    return Headline("info", "telephone-outbound", words)


def _ended(outcome: CallOutcome | None) -> Headline:
    if outcome is CallOutcome.ACKNOWLEDGED:
        return Headline("success", "check-circle", _("It works: answered, and key 1 arrived"))
    impossible = {
        CallOutcome.INVALID_NUMBER: _("The network knows no such number"),
        CallOutcome.TRUNK_TROUBLE: _("No trunk could place it"),
    }
    missed = {
        CallOutcome.NO_KEY: _("Answered, without key 1"),
        CallOutcome.MACHINE: _("An answering machine took it"),
        CallOutcome.NO_ANSWER: _("It rang, and nobody answered"),
        CallOutcome.BUSY: _("Busy"),
        CallOutcome.DECLINED: _("Declined"),
    }
    if outcome in impossible:
        return Headline("danger", "telephone-x", impossible[outcome])
    words = missed.get(outcome) if outcome is not None else None
    return Headline("warning", "telephone", words or _("Ended, and nobody knows how"))
