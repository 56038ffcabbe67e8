"""A contact's actor that makes test calls as well, whenever no alert wants the contact's phone.

The promises of ``ContactActor`` hold with them: one call at a time, each on record before it is dialled, none dialled
twice. An alert that falls due ends a test call, and goes first.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

import structlog

from actors.contact import ContactActor
from actors.event import Tell, tell_if_alive
from actors.line_messages import AskForLine, LineGranted, LineRefused, LineUnused, WithdrawRequest
from actors.messages import CallOverdue, GiveUpTrial, PhoneReported, PlaceCall, TrialPrepared, TryCall
from gateway.model.call import CallOutcome
from gateway.model.trial import TAKEN_WITHIN, Trial, TrialState
from gateway.model.urgency import Urgency
from gateway.ports.phone import TWILIO, CallAnswered, CallEnded, CallRinging, KeyPressed
from gateway.services.lines import Line, LineRequest
from gateway.services.trial_calls import ALERT_FIRST, TrialCalls

log = structlog.get_logger(__name__)

# Behind every alert.
_RANK = 9
# A phone system that is connected reports at once that it has ended a call. One that is not lets a test call run on,
# which by then has ended by itself: an alert waits no longer for it.
_HANGS_UP_WITHIN = timedelta(minutes=2)


class TrialBooth(Protocol):
    """Where a test call is prepared and its last words are spoken: slow work, done on other threads."""

    def prepare(self, contact_id: int, trial_id: int, line: Line) -> None:
        """Speak what it says, then tell the dispatcher ``TrialPrepared``. Returns at once."""
        ...

    def confirm(self, call_id: str, contact_id: int) -> None:
        """Tell the callee that their key has arrived, and end the call. Returns at once."""
        ...


@dataclass(slots=True)
class _Trial:
    """The test call under way: it waits for a line, then for its words (``line``), then for its end (``call_id``)."""

    id: int
    tried: frozenset[str] = frozenset()
    line: Line | None = None
    call_id: str | None = None
    confirmed: bool = False
    gave_way: bool = False


class TrialContactActor(ContactActor):
    """Calls one person about everything that is due, and to try whether that works."""

    def __init__(
        self, *, contact_id: int, switchboard: Tell, trial_calls: TrialCalls, trial_booth: TrialBooth, **contact: Any
    ) -> None:
        super().__init__(contact_id=contact_id, switchboard=switchboard, **contact)
        self._trial_calls = trial_calls
        self._trial_booth = trial_booth
        self._trial: _Trial | None = None

    def begin(self) -> None:
        """Take up a call that is in progress, after a restart, and the trial that it is made for."""
        super().begin()
        self._trial = None
        begun = self._trial_calls.begun_of(self._contact_id)
        if begun is not None:
            self._resume(begun)

    def handle(self, message: object) -> None:
        """Handle a command or a report."""
        match message:
            case TryCall(_, trial_id):
                self._try(trial_id)
            case GiveUpTrial(_, trial_id):
                self._give_up(trial_id)
            case TrialPrepared():
                self._trial_prepared(message)
            case LineGranted(line) if self._awaits_line():
                self._trial_granted(line)
            case LineRefused(reason) if self._awaits_line():
                self._trial_refused(reason)
            case PlaceCall():
                refused = self._give_way()
                super().handle(message)
                if refused is not None:
                    self._trial_calls.refuse(refused, ALERT_FIRST)
            case _:
                super().handle(message)
                self._watch(message)

    def _watch(self, message: object) -> None:
        """See what a report that was handled means for the trial."""
        match message:
            case CallOverdue(_, call_id):
                self._end_overdue(call_id)
            case PhoneReported(KeyPressed() as key):
                self._confirm(key.call_id)
            case PhoneReported(CallRinging() | CallAnswered() as report):
                self._hang_up_again(report.call_id)

    # --- from the wish to the call ------------------------------------------------------------------------------------

    def _try(self, trial_id: int) -> None:
        if self._trial is not None and self._trial.id == trial_id:
            return
        trial = self._trial_calls.find(trial_id)
        if trial is None:
            return
        if trial.state is TrialState.BEGUN:
            self._resume(trial)
        elif self._is_wanted():
            self._trial_calls.refuse(trial_id, ALERT_FIRST)
        elif self._trial_calls.take(trial) is None:
            self._trial = _Trial(trial_id)
            self._ask_for_trial(self._trial)

    def _is_wanted(self) -> bool:
        """Tell whether an alert is called about, or is about to be."""
        return self._call.leg is not None or self._preparing or bool(self._due.attempt_ids)

    def _awaits_line(self) -> bool:
        trial = self._trial
        return trial is not None and trial.line is None and trial.call_id is None

    def _ask_for_trial(self, trial: _Trial) -> None:
        # Twilio's calls are followed by way of their alerts, and cost more: it stands in for alerts alone.
        request = LineRequest(
            contact_id=self._contact_id,
            urgency=Urgency(_RANK, self._clock.now()),
            avoid=trial.tried | {TWILIO},
        )
        self._switchboard(AskForLine(request, self.actor_ref))
        me, given_up = self.actor_ref, GiveUpTrial(self._contact_id, trial.id)
        self._timers.after(TAKEN_WITHIN, lambda: tell_if_alive(me, given_up))

    def _trial_granted(self, line: Line) -> None:
        if self._trial is not None:
            self._trial.line = line
            self._trial_booth.prepare(self._contact_id, self._trial.id, line)

    def _trial_refused(self, reason: str) -> None:
        trial, self._trial = self._trial, None
        if trial is None:
            return
        if trial.tried:
            self._trial_calls.settle(trial.id, self._trial_calls.latest_call(trial.id))
        else:
            self._trial_calls.refuse(trial.id, reason)

    def _trial_prepared(self, prepared: TrialPrepared) -> None:
        trial = self._trial
        if trial is None or trial.line is None or trial.line.call_id != prepared.call_id:
            # An alert came in between, and the line was given back.
            return
        order = prepared.order
        if order is None:
            self._switchboard(LineUnused(prepared.call_id))
            self._trial_refused(prepared.failure)
            return
        # Recorded first: if the process ends after this, the next one asks the phone system about this id.
        if not self._trial_calls.begin(trial.id, self._contact_id, order, self._phone.node_of(order.trunk)):
            self._switchboard(LineUnused(order.call_id))
            self._trial = None
            return
        trial.line, trial.call_id = None, order.call_id
        self._follow(order.call_id)
        self._log.info("trial_dialled", trial_id=trial.id, call_id=order.call_id, trunk=order.trunk)
        self._phone.place(order)

    def _follow(self, call_id: str, at_most: timedelta | None = None) -> None:
        self._call.release()
        leg = self._call.follow(call_id) if at_most is None else self._call.follow(call_id, at_most)
        # No event's end ends it: it announces none.
        leg.confirming = True

    def _resume(self, begun: Trial) -> None:
        """Go on with a test call that was dialled, or close it: nothing of it is dialled again."""
        call = self._trial_calls.latest_call(begun.id)
        leg = self._call.leg
        if call is not None and call.ended_at is None and leg is not None and leg.call_id == call.id:
            leg.confirming = True
            self._trial = _Trial(begun.id, call_id=call.id)
        else:
            self._trial_calls.settle(begun.id, call)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def _confirm(self, call_id: str) -> None:
        trial = self._trial
        if trial is None or trial.call_id != call_id or trial.confirmed:
            return
        if self._trial_calls.is_confirmed(call_id):
            trial.confirmed = True
            self._trial_booth.confirm(call_id, self._contact_id)

    def _ended(self, report: CallEnded) -> None:
        trial = self._trial
        if trial is None or trial.call_id != report.call_id:
            super()._ended(report)
            return
        if report.outcome is CallOutcome.NO_KEY and self._trial_calls.is_confirmed(report.call_id):
            report = replace(report, outcome=CallOutcome.ACKNOWLEDGED)
        super()._ended(report)
        call = self._trial_calls.call(report.call_id)
        gave_way = trial.gave_way and report.outcome is not CallOutcome.ACKNOWLEDGED
        in_trouble = call is not None and call.outcome is CallOutcome.TRUNK_TROUBLE
        if call is not None and in_trouble and not gave_way and not self._is_wanted():
            # Another trunk, as for an alert.
            self._trial = _Trial(trial.id, tried=trial.tried | {call.trunk or ""})
            self._ask_for_trial(self._trial)
        else:
            self._trial_calls.settle(trial.id, call, gave_way=gave_way)
            self._trial = None

    def _end_overdue(self, call_id: str) -> None:
        trial = self._trial
        if trial is not None and trial.call_id == call_id and self._call.leg is None:
            self._trial_calls.settle(trial.id, None)
            self._trial = None

    # --- when it must not go on ---------------------------------------------------------------------------------------

    def _give_way(self) -> int | None:
        """Leave the phone to an alert. Returns the trial that thereby was not begun at all."""
        trial = self._trial
        if trial is None or trial.gave_way:
            return None
        if trial.call_id is None:
            return self._drop(trial)
        trial.gave_way = True
        self._log.info("trial_gives_way", trial_id=trial.id, call_id=trial.call_id)
        self._phone.hang_up(trial.call_id)
        self._follow(trial.call_id, _HANGS_UP_WITHIN)
        if self._call.leg is not None:
            self._call.leg.withdrawn = True
        return None

    def _hang_up_again(self, call_id: str) -> None:
        """End a call that could not be ended at first, because its phone system was out of reach."""
        trial = self._trial
        if trial is not None and trial.gave_way and trial.call_id == call_id:
            self._phone.hang_up(call_id)

    def _give_up(self, trial_id: int) -> None:
        """Wait no longer for a line."""
        trial = self._trial
        if trial is None or trial.id != trial_id or trial.call_id is not None:
            return
        self._drop(trial)
        if trial.tried:
            self._trial_calls.settle(trial_id, self._trial_calls.latest_call(trial_id))

    def _drop(self, trial: _Trial) -> int:
        self._trial = None
        if trial.line is not None:
            self._switchboard(LineUnused(trial.line.call_id))
        else:
            self._switchboard(WithdrawRequest(self._contact_id))
        return trial.id
