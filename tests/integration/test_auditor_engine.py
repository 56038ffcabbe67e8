"""An engine that loses things and finds them again, and one whose machine's clock was set while it was away."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app import engine as engine_module
from gateway.app.clock import SteadyClock
from gateway.app.engine import Engine
from gateway.model.attempt import Level
from tests.integration.test_engine import Rig
from tests.waiting import until

# Two audits in a row see the same fault; the engine itself looks for lost wake-ups once a second.
OFTEN = timedelta(milliseconds=1100)


@pytest.fixture
def rig(sqlite_url: str, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(sqlite_url, tmp_path / "var")
    set_engine(rig, audit_every=OFTEN)
    yield rig
    rig.record.close()


def set_engine(rig: Rig, **values: Any) -> None:
    rig.config = rig.config.model_copy(update={"engine": rig.config.engine.model_copy(update=values)})


def set_policy(rig: Rig, **values: Any) -> None:
    rig.config = rig.config.model_copy(update={"policy": rig.config.policy.model_copy(update=values)})


def actor_of(ref: Any) -> Any:
    actor = ref._actor_weakref()
    assert actor is not None
    return actor


def dispatcher_of(engine: Engine) -> Any:
    assert engine._dispatcher is not None
    return actor_of(engine._dispatcher)


def auditor_part(rig: Rig) -> str | None:
    with rig.record.read() as work:
        return next((beat.parts.get("auditor") for beat in work.heartbeats.latest()), None)


def waits_long(engine: Engine, event_id: int) -> bool:
    """Tell whether the event's actor looks again after a wait of the policy's that is longer than any time limit."""
    at = engine._agenda.copy().get(event_id)
    return at is not None and at > engine._clock.now() + timedelta(minutes=30)


def test_an_actor_that_vanished_is_replaced_and_its_event_goes_on(rig: Rig) -> None:
    set_policy(rig, l1_wait=timedelta(hours=1))
    with rig.engine() as engine:
        event_id = rig.accept()
        until(lambda: rig.entry(event_id, "attempt_result"), 5, "the text is sent")
        # What is still told of the result would make another actor at once.
        until(lambda: waits_long(engine, event_id), 5, "the actor waits for its next step, no more for the result")
        until(lambda: engine._pulse._last_audit, 5, "an audit was made")
        lost = dispatcher_of(engine)._events.pop(event_id)
        fault = until(lambda: rig.entry(event_id, "engine_fault"), 20, "the auditor notices")
        assert fault is not None
        assert fault["detail"] == {"what": "auditor: no actor minded the event"}
        until(lambda: event_id in dispatcher_of(engine)._events, 5, "it has an actor again")
        lost.stop(block=False)
    assert len(rig.channel.sent) == 1, "nothing is sent again"


def waits_briefly(engine: Engine, event_id: int) -> bool:
    """Tell whether the event's actor looks again within the policy's wait, which is shorter than any time limit."""
    at = engine._agenda.copy().get(event_id)
    return at is not None and at < engine._clock.now() + timedelta(seconds=2)


def test_a_timer_that_got_lost_is_made_up_for(rig: Rig) -> None:
    set_policy(rig, l1_wait=timedelta(seconds=1))
    with rig.engine() as engine:
        event_id = rig.accept()
        until(lambda: rig.entry(event_id, "attempt_result"), 5, "the text is sent")
        until(lambda: waits_briefly(engine, event_id), 5, "the actor waits for its next step, no more for the result")
        timer = actor_of(dispatcher_of(engine)._events[event_id])._timer
        timer.cancel()
        until(lambda: rig.entry(event_id, "engine_fault"), 20, "the auditor notices")
        until(lambda: len(rig.channel.sent) >= 2, 5, "the next contact is told")
    assert [message.to for message in rig.channel.sent[:2]] == [contact.whatsapp for contact in rig.contacts]


def test_the_last_audit_is_a_part_of_the_engines_heartbeat(rig: Rig) -> None:
    with rig.engine() as engine:
        rig.accept()
        until(lambda: (auditor_part(rig) or "").startswith("ok: 1 open events"), 10, "the audit is told")
        assert engine._pulse._is_well()


def test_an_engine_whose_dispatcher_is_stuck_is_not_well(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig.engine() as engine:
        until(engine._pulse._is_well, 5, "an audit went well")
        with monkeypatch.context() as stuck:
            stuck.setattr(dispatcher_of(engine), "_tell_auditor", lambda _message: None)
            # On a busy machine it may be noticed first that the audits themselves come late.
            until(lambda: "dispatcher" in engine._pulse._audit_part(), 20, "it is noticed")
            assert not engine._pulse._is_well()


class JumpedClock(SteadyClock):
    """The clock of a process that began after the machine's clock was set."""

    jump = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.jump


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(hours=5)])
def test_after_a_restart_with_the_clock_set_every_step_is_done_once_and_in_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    set_policy(rig, l1_wait=timedelta(seconds=1), stand_down=False)
    with rig.engine():
        event_id = rig.accept()
        until(lambda: rig.entry(event_id, "attempt_result"), 5, "the text is sent")
    monkeypatch.setattr(JumpedClock, "jump", jump)
    monkeypatch.setattr(engine_module, "SteadyClock", JumpedClock)
    with rig.engine():
        until(lambda: rig.show(event_id)["status"] == "exhausted", 20, "everybody was told, one after the other")
        until(lambda: rig.finished(event_id), 5, "nothing is left to do")
    assert [message.to for message in rig.channel.sent] == [contact.whatsapp for contact in rig.contacts]
    assert [message.level for message in rig.owner.sent] == [Level.OWNER]
