"""A world in which everything waits to be moved: the engine's real actors on a real record, with time, threads,
the phone network and the providers played by the test.

The engine can be killed at any commit. What survives is what survives in life: the record, the phone system with its
calls, and the messages that were sent.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from actors.auditor import AuditResult
from actors.messages import LookForSignals, PhoneReported
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.audit import Actor
from gateway.model.call import CallOutcome
from gateway.model.event import EventStatus, Severity
from gateway.model.trial import TrialKind
from gateway.ports.phone import PhoneNodeUp
from gateway.services import trials
from gateway.services.acknowledge import acknowledge
from gateway.services.exceptions import TrialRefusedError
from gateway.services.intake import Alert, AlertAction, LicenseInactiveError, accept
from gateway.services.replies import WrittenMessage, take_reply
from tests.properties import ending
from tests.properties.clockwork import Clock, Killed, MortalRecord
from tests.properties.engine import Engine
from tests.properties.laws import Laws
from tests.properties.outside import NODE, SimChannel, SimPbx
from tests.properties.stage import BEGIN, Stage
from tests.properties.tenancy import Tenant, essence

AT_ONCE = timedelta(milliseconds=1)
# So long after a loss of the database every actor is at work again.
RECOVERS_WITHIN = timedelta(minutes=2)


class World:
    """Everything, with one engine that lives and dies."""

    def __init__(self, stage: Stage) -> None:
        self.tenancy = stage.set()
        self.config, self.record = stage.config, stage.record
        self.clock = Clock(BEGIN)
        self.pbx = SimPbx(self.clock)
        self.laws = Laws(record=self.record, file=stage.file, clock=self.clock, pbx=self.pbx, tenancy=self.tenancy)
        self.pbx.on_dial, self.pbx.on_dialled_again = self.laws.on_dial, self.laws.on_dialled_again
        self.channel, self.owner = SimChannel(self.laws.on_send), SimChannel(self.laws.on_send)
        self.deaths = 0
        self._steps_to_live: int | None = None
        self.event_ids: list[int] = []
        self.acknowledged: set[int] = set()
        self.database_is_away = False
        self.start_engine()

    # --- the engine's life --------------------------------------------------------------------------------------------

    def start_engine(self) -> None:
        """Start an engine on what is there, as a new process would."""
        self._steps_to_live = None
        self._well_since = self.clock.at
        self.pbx.reports.clear()
        self.engine = Engine(
            config=self.config,
            record=MortalRecord(
                self.record,
                maybe_die=self._maybe_die,
                on_commit=self.laws.on_commit,
                is_away=lambda: self.database_is_away,
            ),
            clock=self.clock,
            pbx=self.pbx,
            channel=self.channel,
            owner=self.owner,
            on_audit=self._audited,
            on_broken=self.laws.on_broken,
        )
        if self.pbx.connected:
            self.pbx.reports.append(PhoneNodeUp(NODE))

    def die_after(self, steps: int) -> None:
        """Let the engine die at a commit to come."""
        self._steps_to_live = steps

    def _maybe_die(self, where: str) -> None:
        if self._steps_to_live is not None:
            self._steps_to_live -= 1
            if self._steps_to_live < 0:
                raise Killed(where)

    def mortal(self, step: Callable[[], None]) -> None:
        """Do one thing inside the engine; if it dies of it, start another engine."""
        try:
            step()
        except Killed:
            self.deaths += 1
            self.start_engine()

    def report(self) -> None:
        """Let the engine hear the phone system's oldest report."""
        if self.pbx.reports:
            self.engine.tell(PhoneReported(self.pbx.reports.popleft()))

    def settle(self, most: int = 5000) -> None:
        """Let everything happen that can happen at this moment of time, and look whether all is as it should be."""
        for _ in range(most):
            if self.engine.pool.due:
                self.mortal(self.engine.pool.run)
            elif self.pbx.reports:
                self.report()
            elif self.engine.executor.due:
                # All of it before any actor hears of it, as on several threads: calls that are prepared at once begin
                # at once.
                while self.engine.executor.due:
                    self.mortal(self.engine.executor.run)
            else:
                with self.record.read() as work:
                    waiting = bool(work.signals.pending(1))
                if waiting and not self.database_is_away:
                    self.engine.tell(LookForSignals())
                elif not self._fire_at_once():
                    self._check_rest()
                    return
        raise AssertionError("the engine does not come to rest")

    def _fire_at_once(self) -> bool:
        """Fire the timers that were set to fire at once, and tell whether there were any."""
        wakes_at = self.engine.timers.next_at()
        if wakes_at is None or wakes_at > self.clock.at + AT_ONCE:
            return False
        self.clock.at = wakes_at
        self.engine.timers.fire()
        return True

    def advance(self, by: timedelta) -> None:
        """Move the clock, stopping at every timer and at every end of a call on the way."""
        until = self.clock.at + by
        while self.clock.at < until:
            stops = [until, *self.pbx.ends_at(), self.engine.timers.next_at() or until]
            self.clock.at = max(self.clock.at, min(stops))
            self.pbx.end_what_is_too_long()
            self.engine.timers.fire()
            self.settle()

    def lose_database(self) -> None:
        """Let the engine be without its database until further notice."""
        self.database_is_away = True

    def find_database(self) -> None:
        """Let the engine have it back."""
        if self.database_is_away:
            self.database_is_away = False
            self._well_since = self.clock.at + RECOVERS_WITHIN

    def _audited(self, result: AuditResult) -> None:
        if self._is_well():
            self.laws.on_audit(result)

    def _is_well(self) -> bool:
        """Tell whether the engine has its database, and has had it for a while."""
        return not self.database_is_away and self.clock.at >= self._well_since

    def _check_rest(self) -> None:
        assert not self.laws.violations, self.laws.violations
        if not self._is_well():
            return
        self.laws.at_rest(self.engine.timers)
        for event_id in self.acknowledged:
            assert self.status(event_id) is EventStatus.ACKNOWLEDGED, "an acknowledgement was lost"

    # --- what people and sources do -----------------------------------------------------------------------------------

    def post(self, tenant: Tenant, key: str, *, resolve: bool = False) -> None:
        """Post an alert; whether it is taken, and what its event will follow, is as the last edit says."""
        action = AlertAction.RESOLVE if resolve else AlertAction.TRIGGER
        alert = Alert(title=f"Alert {key}", dedup_key=key, action=action, severity=Severity.CRITICAL)
        token_hash = self.tenancy.tokens.hash(tenant.token)
        if not tenant.active:
            with pytest.raises(LicenseInactiveError):
                accept(self.record, config=self.config, token_hash=token_hash, alert=alert, now=self.clock.at)
            return
        accepted = accept(self.record, config=self.config, token_hash=token_hash, alert=alert, now=self.clock.at)
        if accepted.event_id is None or accepted.event_id in self.event_ids:
            return
        self.event_ids.append(accepted.event_id)
        expected = self.laws.expected[accepted.event_id] = self.tenancy.expected(tenant)
        with self.record.read() as work:
            escalation = work.events.escalation(accepted.event_id)
        assert (escalation is None) == (accepted.status is EventStatus.THROTTLED)
        assert escalation is None or essence(escalation.snapshot) == expected, "the next event follows the last edit"

    def acknowledge(self, event_id: int, contact_id: int | None) -> None:
        """Acknowledge by link for a contact, or in the admin pages for somebody else."""
        (result,) = acknowledge(
            self.record,
            event_ids=[event_id],
            contact_id=contact_id,
            by=None if contact_id else "Dana",
            via=AcknowledgedVia.LINK if contact_id else AcknowledgedVia.ADMIN,
            at=self.clock.at,
        )
        if result.status is EventStatus.ACKNOWLEDGED:
            self.acknowledged.add(event_id)

    def try_contact(self, contact_id: int, kind: TrialKind) -> None:
        """Let somebody press the button of a test; where that is refused, nothing happens."""
        with suppress(TrialRefusedError):
            trials.ask(
                self.record,
                contact_id=contact_id,
                kind=kind,
                tiers=self.config.tiers,
                safety=self.config.call_safety.safety(),
                actor=Actor(name="root@example.org"),
                at=self.clock.at,
            )
            self.engine.look_for_trials()

    def write(self, number: str, text: str) -> None:
        """Let whoever has the number write by WhatsApp: that opens their window, and may acknowledge."""
        message = WrittenMessage(number=number, text=text, provider="sim")
        reply = take_reply(self.record, message, at=self.clock.at)
        if reply.result is not None and reply.result.status is EventStatus.ACKNOWLEDGED:
            self.acknowledged.add(reply.result.event_id)

    def status(self, event_id: int) -> EventStatus:
        with self.record.read() as work:
            event = work.events.get(event_id)
        assert event is not None
        return event.status

    # --- the end ------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Let nobody react any more, and run the world to its end: then everything must have ended well."""
        self._steps_to_live = None
        self.find_database()
        self.pbx.connect()
        self.settle()
        for _ in range(400):
            for leg in self.pbx.live():
                self.pbx.end(leg, CallOutcome.NO_ANSWER)
            self.settle()
            with self.record.read() as work:
                unfinished = work.events.unfinished_ids()
            if not unfinished and not self.pbx.live():
                break
            self.advance(timedelta(seconds=30))
        # Until what a dead engine left is settled.
        self.advance(timedelta(minutes=20))
        assert not unfinished, f"an escalation does not end:\n{self.story(unfinished[0])}"
        found = list(ending.faults(self.record, self.pbx, self.config.call_caps.caps(), self.laws.expected))
        self._count_ends()
        stories = [self.story(event_id) for event_id in sorted({event_id for event_id, _ in found} - {0})]
        assert not found, "\n".join([*(f"event {event_id}: {fault}" for event_id, fault in found), *stories])

    def _count_ends(self) -> None:
        seen = self.laws.seen
        with self.record.read() as work:
            for event_id in self.event_ids:
                seen[self.status(event_id)] += 1
                seen.update(a.reason for a in work.attempts.of_event(event_id) if a.reason)
        seen["death"] += self.deaths

    def story(self, event_id: int) -> str:
        """Return an event's timeline and attempts, for whoever looks for a fault."""
        with self.record.read() as work:
            event, entries = work.events.get(event_id), work.timeline.of_event(event_id)
            attempts = work.attempts.of_event(event_id)
        lines = [f"{self.clock.at} {event}", *(f"{e.at} {e.type} {e.contact_id} {e.detail}" for e in entries)]
        return "\n".join(lines + [str(attempt) for attempt in attempts])

    def close(self) -> None:
        self.laws.close()
        self.record.close()
