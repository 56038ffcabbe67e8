"""What must hold at every moment: whenever something is committed, dialled or sent, and whenever all is at rest.

What is found within the engine's code is noted and not raised: an actor that raises is started again.
"""

import re
import sqlite3
from collections import Counter
from datetime import datetime
from pathlib import Path

from actors.auditor import AuditResult
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.model.event import EventStatus
from gateway.model.ladder import WaitUntil, next_step
from gateway.model.trial import TrialState
from gateway.ports.messages import Message
from gateway.ports.phone import CallOrder
from gateway.ports.record import EscalationRecord, UnitOfWork
from gateway.store import SqlRecord
from tests.properties.clockwork import Clock, Timers
from tests.properties.ledger import Ledger
from tests.properties.outside import SimPbx
from tests.properties.tenancy import Expected, Tenancy, essence

LINK, REPORT = "https://alerts.example/a/", "https://alerts.example/status/"
TRIAL_REPORT = "https://alerts.example/trials/"


class Laws:
    """``violations`` is what was broken, ``seen`` counts what happened, ``expected`` is each event's snapshot."""

    def __init__(self, *, record: SqlRecord, file: Path, clock: Clock, pbx: SimPbx, tenancy: Tenancy) -> None:
        self._record, self._clock, self._pbx, self._tenancy = record, clock, pbx, tenancy
        self._sql = sqlite3.connect(file, isolation_level=None)
        self._ledger = Ledger(self._sql, tenancy.voice_cap)
        self._handed_over: set[int] = set()
        self._tests_sent: set[int] = set()
        self._version = -1
        self._waiting: list[tuple[int, datetime | None]] = []
        self.violations: list[str] = []
        self.seen: Counter[str] = Counter()
        self.expected: dict[int, Expected] = {}

    def close(self) -> None:
        self._sql.close()

    def on_commit(self) -> None:
        """Look at the ledger of voice seconds after each commit of the engine's."""
        self.violations.extend(self._ledger.look())

    def on_audit(self, result: AuditResult) -> None:
        """The auditor is the net below: nothing may ever fall into it."""
        self.seen["audit"] += 1
        if result.repaired or not result.well:
            self.violations.append(f"the auditor found something: {result}")

    def on_broken(self) -> None:
        self.violations.append("an actor that the engine cannot do without has failed")

    # --- when a phone is made to ring ---------------------------------------------------------------------------------

    def on_dialled_again(self, order: CallOrder) -> None:
        self.violations.append(f"{order.call_id} is dialled twice")

    def on_dial(self, order: CallOrder) -> None:
        with self._record.read() as work:
            call = work.calls.get(order.call_id)
            attempts = work.attempts.of_call(order.call_id)
            if call is None or not (attempts or self._is_test(work, call)):
                self.violations.append(f"{order.call_id} rings, and is not on record")
                return
            for other in self._pbx.live():
                beside = work.calls.get(other.order.call_id)
                if beside is not None and beside.contact_id == call.contact_id:
                    self.violations.append(f"two calls to contact {call.contact_id} at once")
            for attempt in attempts:
                self._check_announced(work, order, attempt, call.contact_id)
            if not attempts:
                self._check_test(work, call)
                return
        expected = [self.expected[attempt.event_id] for attempt in attempts]
        if order.ring_timeout != max(each.policy.ring_timeout for each in expected):
            self.violations.append(f"{order.call_id} rings as long as no snapshot says")
        self.seen["call"] += 1
        self.seen["bundled call"] += len(attempts) > 1
        self.seen["call after an edit"] += any(self._is_edited(attempt) for attempt in attempts)

    def _is_test(self, work: UnitOfWork, call: Call) -> bool:
        trial = work.trials.open_of(call.contact_id)
        return trial is not None and trial.state is TrialState.BEGUN and trial.call_id == call.id

    def _check_test(self, work: UnitOfWork, call: Call) -> None:
        self.seen["test call"] += 1
        due = [
            attempt for attempt in work.attempts.pending_calls(call.contact_id) if attempt.began_at < call.started_at
        ]
        if due:
            self.violations.append(f"{call.id} only tries whether the phone rings, while {due} are due")

    def _check_announced(self, work: UnitOfWork, order: CallOrder, attempt: Attempt, contact_id: int) -> None:
        what = f"{order.call_id}, which announces event {attempt.event_id},"
        event, expected = work.events.get(attempt.event_id), self.expected[attempt.event_id]
        if event is None or event.status is not EventStatus.OPEN:
            self.violations.append(f"{what} was dialled after the event's end was committed")
        for leg in work.calls.legs_of_attempt(attempt.id):
            known = self._pbx.legs.get(leg.id)
            if known is not None and known.rang:
                self.violations.append(f"{what} repeats an attempt that rang already")
        phones = {person_id: phone for person_id, _, phone, _ in expected.people}
        if phones.get(contact_id) != order.to_number:
            self.violations.append(f"{what} goes to {order.to_number}, not to {phones.get(contact_id)}")
        if expected.handoff != order.handoff_number:
            self.violations.append(f"{what} would hand over to {order.handoff_number}, not to {expected.handoff}")

    def _is_edited(self, attempt: Attempt) -> bool:
        with self._record.read() as work:
            event = work.events.get(attempt.event_id)
        assert event is not None
        return self.expected[event.id] != self._tenancy.expected(self._tenancy.by_id(event.license_id))

    # --- when a message is handed over --------------------------------------------------------------------------------

    def on_send(self, message: Message) -> None:
        if (message.status_callback_url or "").startswith(TRIAL_REPORT):
            self._check_test_message(message)
            return
        with self._record.read() as work:
            attempt = self._attempt_of(work, message)
        if attempt is None or attempt.state is not AttemptState.PENDING or attempt.id in self._handed_over:
            self.violations.append(f"a message that is not asked for, or was sent before: {message}; {attempt}")
            return
        self._handed_over.add(attempt.id)
        expected = self.expected[attempt.event_id]
        numbers = {person_id: whatsapp for person_id, _, _, whatsapp in expected.people}
        to = expected.owner if attempt.contact_id is None else numbers.get(attempt.contact_id)
        if message.to != to:
            self.violations.append(f"event {attempt.event_id}: {message.level} to {message.to}, not to {to}")
        self.seen[message.level] += 1

    def _check_test_message(self, message: Message) -> None:
        trial_id = int((message.status_callback_url or "").removeprefix(TRIAL_REPORT))
        with self._record.read() as work:
            trial = work.trials.get(trial_id)
        if trial is None or trial.state is not TrialState.BEGUN or trial_id in self._tests_sent:
            self.violations.append(f"a test message that is not asked for, or was sent before: {message}; {trial}")
        self._tests_sent.add(trial_id)
        self.seen["test message"] += 1

    def _attempt_of(self, work: UnitOfWork, message: Message) -> Attempt | None:
        if message.level is not Level.OWNER:
            return work.attempts.get(int((message.status_callback_url or "").removeprefix(REPORT)))
        found = re.search(re.escape(LINK) + "([0-9]+)", message.text)
        link = work.acknowledgements.link(int(found[1])) if found else None
        told = [a for a in work.attempts.of_event(link.event_id) if a.level is Level.OWNER] if link else []
        return told[-1] if told else None

    # --- when nothing more can happen at this moment ------------------------------------------------------------------

    def at_rest(self, timers: Timers) -> None:
        """Raise where something is wrong, or something should go on and does not."""
        assert not self.violations, self.violations
        (version,) = self._sql.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            with self._record.read() as work:
                escalations = [work.events.escalation(event_id) for event_id in work.events.unfinished_ids()]
                called = {leg.contact_id for leg in work.calls.unfinished()}
            self._waiting = [self._wait_of(escalation, called) for escalation in escalations if escalation is not None]
            self._version = version
        wakes_at = timers.next_at()
        for event_id, until in self._waiting:
            assert wakes_at is not None, f"event {event_id} waits until {until}, and nothing will wake it"
            assert self._clock.at < wakes_at, "time has passed over a timer"
            assert until is None or wakes_at <= until, f"event {event_id} waits until {until}, and sleeps to {wakes_at}"

    def _wait_of(self, escalation: EscalationRecord, called: set[int]) -> tuple[int, datetime | None]:
        """Return when the ladder goes on; ``None`` where that is when a call ends."""
        event = escalation.event
        assert essence(escalation.snapshot) == self.expected[event.id], f"the snapshot of event {event.id} was changed"
        step = next_step(escalation.snapshot, event.status, escalation.history, self._clock.at)
        assert isinstance(step, WaitUntil), f"event {event.id} stands still: nobody does {step}"
        pending = [a for a in escalation.history if a.level is Level.CALL and a.state is AttemptState.PENDING]
        assert step.at is not None or pending, f"event {event.id} waits for nothing"
        waits = {a.contact_id for a in pending}
        self.seen["call that waits for another"] += bool(waits & called) and not all(a.call_id for a in pending)
        return event.id, step.at
