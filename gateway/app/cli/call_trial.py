"""One test call, on one trunk after the other while they are in trouble, told step by step."""

import queue
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from gateway.app.cli.call_steps import Attempt, Steps, Words, in_ms
from gateway.channels.asterisk.explain import Handling, explain, explain_ami
from gateway.channels.asterisk.numbers import dialled_number
from gateway.channels.asterisk.outcomes import LegEnd
from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.config.schema import TrunkConfig
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    MachineDetected,
    OperatorReported,
    PhoneNodeDown,
    PhoneNodeUp,
    PhoneReport,
    TrunkReported,
)

Reports = queue.SimpleQueue[PhoneReport | TrunkReported]

_CONNECT_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.05
# The announcement three times, a transfer that nobody takes, and some slack: longer than any test call.
_LONGEST_CALL_SECONDS = 600.0
_AFTER_HANGUP_SECONDS = 5.0
_ACKNOWLEDGE_DIGIT = "1"


class TrialError(Exception):
    """The test call could not be made, or its end stays unknown; the message says what to do about it."""


class Trial:
    """A test call. ``diagnose`` looks closer at a trunk of which neither a status nor a cause tells what is wrong."""

    def __init__(
        self,
        *,
        phone: AsteriskPhone,
        reports: Reports,
        clock: Clock,
        steps: Steps,
        words: Words,
        to_number: str,
        diagnose: Callable[[str], str | None],
        ring_timeout: timedelta,
    ) -> None:
        self._phone = phone
        self._reports = reports
        self._clock = clock
        self._steps = steps
        self._words = words
        self._to_number = to_number
        self._diagnose = diagnose
        self._ring_timeout = ring_timeout
        self._dialled_at = clock.now()
        self.digits = ""
        self.attempts: list[Attempt] = []
        self.interrupted = False
        self._trunks: frozenset[str] = frozenset()
        self._states: dict[str, dict[str, bool]] = {}

    def run(self, trunks: Sequence[TrunkConfig]) -> Attempt:
        """Call and return the last attempt. Raises ``TrialError`` where no trunk could be given the call.

        ``KeyboardInterrupt`` meanwhile hangs the call up; then ``interrupted`` is true.
        """
        self._trunks = frozenset(trunk.name for trunk in trunks)
        try:
            self._await_nodes({trunk.node for trunk in trunks})
        except KeyboardInterrupt:
            raise TrialError("interrupted before anything was dialled") from None
        for trunk in trunks:
            if trunk.name not in self._phone.trunks():
                self._out_of_reach(trunk)
                continue
            attempt = self._place(trunk)
            trouble = attempt.ended is not None and attempt.ended.outcome is CallOutcome.TRUNK_TROUBLE
            if not trouble or self.interrupted:
                return attempt
        tried = [attempt for attempt in self.attempts if attempt.ended is not None]
        if not tried:
            raise TrialError("no trunk can place calls: tocsin doctor says why")
        return tried[-1]

    def _await_nodes(self, nodes: set[str]) -> None:
        """Wait until each node takes orders or is known to be out of reach.

        Nobody reports the former: a node takes orders when its look-up is done.
        """
        end = time.monotonic() + _CONNECT_SECONDS
        while time.monotonic() < end:
            health = [node for node in self._phone.health() if node.node in nodes]
            if all(node.ready or (node.last_error and not node.connected) for node in health):
                return
            try:
                self._node(self._reports.get(timeout=_LOOK_EVERY_SECONDS))
            except queue.Empty:
                continue

    def _node(self, report: PhoneReport | TrunkReported) -> None:
        if isinstance(report, PhoneNodeUp):
            self._steps.tell(self._clock.now(), "node_connected", node=report.node)
            self._phone.look_up(report.node, [])
        elif isinstance(report, PhoneNodeDown):
            self._steps.tell(self._clock.now(), "node_lost", node=report.node, reason=report.reason)
        elif isinstance(report, TrunkReported) and report.trunk in self._trunks:
            news = {
                key: getattr(report, key) for key in ("reachable", "registered") if getattr(report, key) is not None
            }
            before = self._states.setdefault(report.trunk, {})
            if not news.items() <= before.items():
                before |= news
                self._steps.tell(self._clock.now(), "trunk_state", trunk=report.trunk, **news)

    def _out_of_reach(self, trunk: TrunkConfig) -> None:
        errors = [node.last_error for node in self._phone.health() if node.node == trunk.node]
        attempt = Attempt(trunk.name, None, explanation=explain_ami(errors[0] or "" if errors else ""))
        self.attempts.append(attempt)
        self._steps.tell(
            self._clock.now(),
            "trunk_out_of_reach",
            trunk=trunk.name,
            node=trunk.node,
            reason=errors[0] if errors else None,
        )
        self._explain(attempt)

    def _place(self, trunk: TrunkConfig) -> Attempt:
        call_id = uuid4().hex
        attempt = Attempt(trunk.name, dialled_number(self._to_number, trunk))
        self.attempts.append(attempt)
        self._dialled_at = self._clock.now()
        carrier = f"{trunk.host}:{trunk.port}"
        self._steps.tell(
            self._dialled_at,
            "trunk_chosen",
            trunk=trunk.name,
            node=trunk.node,
            carrier=carrier,
            transport=trunk.transport,
        )
        self._steps.tell(
            self._dialled_at,
            "dialled",
            trunk=trunk.name,
            to=self._to_number,
            dialled_as=attempt.dialled_as,
            caller_id=trunk.caller_id,
        )
        order = CallOrder(
            call_id=call_id,
            trunk=trunk.name,
            to_number=self._to_number,
            ring_timeout=self._ring_timeout,
            language=self._words.language,
            announcement=self._words.announcement,
            prompts=self._words.prompts,
        )
        try:
            self._phone.place(order)
            ended = self._follow(call_id, attempt, _LONGEST_CALL_SECONDS)
        except (KeyboardInterrupt, TrialError) as stopped:
            # Whatever happens here must not leave a phone ringing.
            self._phone.hang_up(call_id)
            ended = self._follow(call_id, attempt, _AFTER_HANGUP_SECONDS)
            if isinstance(stopped, TrialError):
                raise
            self.interrupted = True
        attempt.ended = ended
        self._ended(attempt, ended)
        self._phone.forget(call_id)
        return attempt

    def _follow(self, call_id: str, attempt: Attempt, seconds: float) -> CallEnded:
        """Tell what happens until the leg has ended. Raises ``TrialError`` where its end stays unknown."""
        end = time.monotonic() + seconds
        while True:
            try:
                report = self._reports.get(timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                raise TrialError("the end of the call was not reported: tocsin doctor may say why") from None
            if isinstance(report, PhoneNodeUp):
                # The leg's own end may have been missed meanwhile: this asks for it.
                self._steps.tell(self._clock.now(), "node_connected", node=report.node)
                self._phone.look_up(report.node, [call_id])
            elif isinstance(report, PhoneNodeDown | TrunkReported):
                self._node(report)
            elif report.call_id == call_id and (ended := self._take(report, attempt)) is not None:
                return ended

    def _take(self, report: PhoneReport, attempt: Attempt) -> CallEnded | None:
        match report:
            case CallRinging(at=at, post_dial_delay=delay):
                attempt.rang = True
                self._steps.tell(at, "ringing", after_ms=self._since_dialled(at), post_dial_delay_ms=in_ms(delay))
            case CallAnswered(at=at):
                self._steps.tell(at, "answered", after_ms=self._since_dialled(at))
            case KeyPressed():
                self._key(report)
            case OperatorReported(state=state, at=at):
                self._steps.tell(at, "operator", state=state.value)
            case MachineDetected(at=at, reason=reason):
                self._steps.tell(at, "machine_detected", reason=reason)
            case CallNeverDialled(call_id=call_id):
                return CallEnded(call_id=call_id, at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE)
            case CallEnded():
                return report
            case _:
                pass
        return None

    def _key(self, key: KeyPressed) -> None:
        if key.sequence <= len(self.digits):
            return
        self.digits += key.digit
        self._steps.tell(key.at, "key_pressed", digit=key.digit)
        if key.digit == _ACKNOWLEDGE_DIGIT:
            self._phone.say_and_hang_up(key.call_id, self._words.confirmation)

    def _ended(self, attempt: Attempt, ended: CallEnded) -> None:
        self._steps.tell(
            ended.at,
            "ended",
            outcome=ended.outcome.value,
            sip_cause=ended.sip_cause,
            hangup_cause=ended.hangup_cause,
            billed_seconds=ended.billed_seconds,
            post_dial_delay_ms=in_ms(ended.post_dial_delay),
            sip_call_id=ended.sip_call_id,
        )
        if (quality := ended.quality) is not None:
            self._steps.tell(
                ended.at,
                "quality",
                codec=quality.codec,
                jitter_ms=quality.jitter_ms,
                lost_sent_percent=quality.lost_sent_percent,
                lost_received_percent=quality.lost_received_percent,
                round_trip_ms=quality.round_trip_ms,
            )
        attempt.explanation = explain(
            LegEnd(
                sip_cause=ended.sip_cause,
                hangup_cause=ended.hangup_cause,
                answered=ended.answered_at is not None,
                cancelled=ended.outcome is CallOutcome.CANCELLED,
                # What the adapter made of it is the truth; whether it rang decides on a time-out alone.
                rang=attempt.rang or ended.outcome.is_missed,
            )
        )
        self._explain(attempt)
        nothing_known = ended.sip_cause is None and ended.hangup_cause is None
        if ended.outcome is CallOutcome.TRUNK_TROUBLE and nothing_known and not self.interrupted:
            found = self._diagnose(attempt.trunk)
            if found is not None:
                self._steps.tell(self._clock.now(), "diagnosis", trunk=attempt.trunk, found=found)

    def _explain(self, attempt: Attempt) -> None:
        explained = attempt.explanation
        if explained is None or explained.handling is Handling.ANSWERED:
            return
        self._steps.tell(
            self._clock.now(),
            "explained",
            cause=explained.cause or None,
            meaning=explained.meaning,
            handled_as=explained.handling.value,
            who_acts=explained.party.value,
            advice=explained.advice,
        )

    def _since_dialled(self, at: datetime) -> int:
        return max(in_ms(at - self._dialled_at) or 0, 0)
