"""A contact's actor that makes test calls, at a desk."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from actors.messages import CallPrepared, TrialPrepared, TryCall
from actors.trial_contact import TrialContactActor
from gateway.model.audit import Actor
from gateway.model.call import Call
from gateway.model.caps import CallCaps
from gateway.model.trial import Trial, TrialKind
from gateway.ports.phone import CallOrder, KeyPressed
from gateway.services import trials
from gateway.services.lines import Line
from gateway.services.quota import VoiceQuota
from gateway.services.trial_calls import TrialCalls
from tests.unit.actors.contact_desk import NOW, Desk

ROOT = Actor(name="root@example.org")


@dataclass
class FakeTrialBooth:
    """Keeps what it is asked to prepare and to say."""

    asked: list[tuple[int, Line]] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)

    def prepare(self, contact_id: int, trial_id: int, line: Line) -> None:
        self.asked.append((trial_id, line))

    def confirm(self, call_id: str, contact_id: int) -> None:
        self.confirmed.append(call_id)


class TrialDesk(Desk):
    """One contact with an actor that makes test calls. ``record`` may be one that fails."""

    def new_actor(self) -> TrialContactActor:
        self.trial_booth = FakeTrialBooth()
        shared: dict[str, Any] = {"record": self.record, "clock": self.clock, "quota": VoiceQuota(self.config.tiers)}
        return TrialContactActor(
            contact_id=self.contact.id,
            pool=self.pool,
            timers=self.timers,
            phone=self.phone,
            booth=self.booth,
            dispatcher=self.told.append,
            switchboard=self.switchboard.tell,
            trial_calls=TrialCalls(**shared, call_caps=CallCaps(per_contact_hour=3)),
            trial_booth=self.trial_booth,
            **shared,
        )

    def restart(self) -> None:
        """Let another engine's actor begin where this one is."""
        self.actor = self.new_actor()
        self.actor.on_start()

    def ask(self, at: datetime = NOW) -> int:
        """Ask for a test call and return the trial's id."""
        return trials.ask(
            self.record,
            contact_id=self.contact.id,
            kind=TrialKind.CALL,
            tiers=self.config.tiers,
            safety=self.config.call_safety.safety(),
            actor=ROOT,
            at=at,
        ).id

    def try_call(self) -> int:
        """Ask for a test call, and tell the actor."""
        trial_id = self.ask(self.clock.at)
        self.tell(TryCall(self.contact.id, trial_id))
        return trial_id

    def prepare_trial(self, failure: str = "") -> str:
        """Answer the newest request to prepare a test call, and return the call's id."""
        trial_id, line = self.trial_booth.asked[-1]
        order = CallOrder(
            call_id=line.call_id,
            trunk=line.trunk,
            to_number=self.contact.phone,
            ring_timeout=timedelta(seconds=30),
            language="en",
            announcement=Path("/nowhere/a.wav"),
            prompts={},
            longest=timedelta(seconds=20),
        )
        self.tell(TrialPrepared(self.contact.id, trial_id, line.call_id, None if failure else order, failure))
        return line.call_id

    def dial(self) -> tuple[int, str]:
        """Have a test call dialled, and return its trial and its id."""
        return self.try_call(), self.prepare_trial()

    def press(self, call_id: str, digit: str, sequence: int = 1) -> None:
        self.report(KeyPressed(call_id, digit, sequence, NOW))

    def prepare_nothing_again(self) -> None:
        """Answer that nothing is left to announce, as the announcer does for a leg that announces no event."""
        preparation, asked_for, way = self.booth.asked[-1]
        assert isinstance(way, Call)
        self.tell(CallPrepared(self.contact.id, preparation, asked_for, (), None))

    def trial(self, trial_id: int) -> Trial:
        with self.record.read() as work:
            found = work.trials.get(trial_id)
        assert found is not None
        return found

    def call(self, call_id: str) -> Call:
        with self.record.read() as work:
            found = work.calls.get(call_id)
        assert found is not None
        return found
