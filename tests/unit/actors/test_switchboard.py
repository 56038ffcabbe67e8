"""SwitchboardActor, built unstarted, its messages handed to it one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pykka
import pytest

from actors.line_messages import (
    AskerFailed,
    AskForLine,
    CompareLines,
    LineAlive,
    LineEnded,
    LineGranted,
    LineRefused,
    LineUnused,
    LookAtLines,
    TellLines,
    WithdrawRequest,
)
from actors.pool import ActorPool
from actors.switchboard import SwitchboardActor
from actors.timers import Timer
from gateway.model.call import CallOutcome
from gateway.model.call_safety import LineRules
from gateway.model.urgency import Urgency
from gateway.ports.heartbeats import LinesState
from gateway.ports.phone import CallEnded, TrunkReported
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services import calls
from gateway.services.lines import Line, LineRequest, Lines, TrunkLimits
from gateway.services.trunk_health import TrunkHealth
from gateway.store import open_record
from tests.integration.quota_rig import NOW, QuotaRig


@dataclass
class Asker:
    """A contact's actor, as far as the switchboard knows it."""

    got: list[object] = field(default_factory=list)
    dead: bool = False

    def tell(self, message: object) -> None:
        if self.dead:
            raise pykka.ActorDeadError("gone")
        self.got.append(message)

    @property
    def line(self) -> Line:
        (granted,) = [each for each in self.got if isinstance(each, LineGranted)]
        return granted.line


class Timers:
    """Keeps when something would happen."""

    def __init__(self) -> None:
        self.delays: list[timedelta] = []

    def after(self, delay: timedelta, action: object) -> Timer:
        self.delays.append(delay)
        return Timer(lambda: None)


class AwayRecord:
    """A record that cannot be reached."""

    def read(self) -> Any:
        raise RecordUnavailableError("away")


class Hall:
    """A switchboard over two trunks, one line each, on a record with one license."""

    def __init__(self, record: Record) -> None:
        self.record, self.rig = record, QuotaRig(record, contacts=3, tier="pro")
        self.at = NOW
        self.usable = ["a", "t"]
        self.timers, self.pool, self.broken = Timers(), ActorPool(threads=1), False
        self.told: list[LinesState] = []
        self.open(record)

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def open(self, record: Any) -> None:
        """Start another switchboard, as the next process would."""
        self.lines = Lines(
            limits=[TrunkLimits(name=name, max_calls=1, calls_per_second=100) for name in ("a", "t")],
            usable=lambda: self.usable,
            health=TrunkHealth(rules=LineRules(breaker_failures=2), now=self.now, monotonic=self.seconds),
            monotonic=self.seconds,
        )
        self.actor = SwitchboardActor(
            pool=self.pool,
            record=record,
            clock=self,
            timers=self.timers,  # type: ignore[arg-type] # only its one method is used
            lines=self.lines,
            trunks=["a", "t"],
            on_broken=self._break,
            on_told=self.told.append,
            monotonic=self.seconds,
        )
        self.actor.on_start()

    def _break(self) -> None:
        self.broken = True

    def tell(self, message: object) -> None:
        self.actor.on_receive(message)

    def ask(self, contact: int = 0, *, avoid: str = "") -> Asker:
        asker: Any = Asker()
        request = LineRequest(
            contact_id=self.rig.contacts[contact].id, urgency=Urgency(1, self.at), avoid=frozenset(avoid.split())
        )
        self.tell(AskForLine(request, asker))
        return asker

    def end(self, call_id: str, outcome: CallOutcome = CallOutcome.NO_ANSWER) -> None:
        self.tell(LineEnded(CallEnded(call_id=call_id, at=self.at, outcome=outcome, hangup_cause=34)))


@pytest.fixture
def hall(sqlite_url: str) -> Iterator[Hall]:
    record = open_record(sqlite_url)
    hall = Hall(record)
    yield hall
    hall.pool.stop(5)
    record.close()


def test_lines_are_granted_while_there_are_any_and_handed_on_when_calls_end(hall: Hall) -> None:
    first, second, third = (hall.ask(contact) for contact in range(3))
    assert [first.line.trunk, second.line.trunk, third.got] == ["a", "t", []]
    hall.tell(LineAlive(first.line.call_id))
    hall.end(first.line.call_id)
    hall.at += timedelta(seconds=1)
    hall.tell(LookAtLines())
    assert third.line.trunk == "a"


def test_whoever_no_trunk_can_serve_is_refused(hall: Hall) -> None:
    assert hall.ask(avoid="a t").got == [LineRefused("every_trunk_in_trouble")]


def test_a_line_that_was_not_used_goes_to_the_next(hall: Hall) -> None:
    first, waiting = hall.ask(0, avoid="t"), hall.ask(1, avoid="t")
    hall.at += timedelta(seconds=1)
    hall.tell(LineUnused(first.line.call_id))
    assert waiting.line.trunk == "a"


def test_whoever_withdraws_or_is_gone_gets_nothing_and_keeps_nothing(hall: Hall) -> None:
    first, gone, other = hall.ask(0, avoid="t"), hall.ask(1, avoid="t"), hall.ask(2, avoid="t")
    hall.tell(WithdrawRequest(hall.rig.contacts[2].id))
    gone.dead = True
    hall.at += timedelta(seconds=1)
    hall.tell(LineUnused(first.line.call_id))
    assert (gone.got, other.got) == ([], [])
    hall.at += timedelta(seconds=1)
    last = hall.ask(0, avoid="t")
    assert last.line.trunk == "a", "the line that the dead one was granted is free again"


def test_an_asker_that_fails_loses_what_it_has_not_dialled_and_keeps_what_it_has(hall: Hall) -> None:
    dialled = hall.rig.dial(hall.rig.due_call(contact=0))
    assert dialled is not None
    contact = hall.rig.contacts[0].id
    hall.lines.occupy(Line(call_id=dialled, trunk="t", contact_id=contact), since=hall.seconds())
    hall.ask(0)
    assert hall.lines.in_use() == {"a": 1, "t": 1}
    hall.tell(AskerFailed(contact))
    assert hall.lines.in_use() == {"a": 0, "t": 1}


def test_after_a_restart_the_legs_in_progress_have_their_lines(hall: Hall) -> None:
    call_id = hall.rig.dial(hall.rig.due_call())
    assert call_id is not None
    hall.open(hall.record)
    assert hall.lines.in_use() == {"a": 0, "t": 1}
    waiting = hall.ask(1, avoid="a")
    hall.rig.hang_up(call_id, 5)
    hall.end(call_id)
    hall.at += timedelta(seconds=1)
    hall.tell(LookAtLines())
    assert waiting.line.trunk == "t"


def test_after_a_restart_a_trunk_that_kept_failing_is_still_left_alone(hall: Hall) -> None:
    for _ in range(2):
        call_id = hall.rig.dial(hall.rig.due_call())
        assert call_id is not None
        trouble(hall, call_id)
    hall.open(hall.record)
    assert hall.ask(1, avoid="a").got == [LineRefused("every_trunk_in_trouble")]
    hall.at += timedelta(seconds=16)
    assert hall.ask(2, avoid="a").line.trunk == "t", "one call finds out"


def test_a_leg_that_nobody_can_be_speaking_on_any_more_holds_no_line(hall: Hall) -> None:
    assert hall.rig.dial(hall.rig.due_call()) is not None
    hall.at += timedelta(hours=5)
    hall.open(hall.record)
    assert hall.lines.in_use() == {"a": 0, "t": 0}


def test_lines_that_got_lost_are_found_by_comparing_with_the_record(hall: Hall) -> None:
    ended = hall.rig.dial(hall.rig.due_call())
    assert ended is not None
    hall.open(hall.record)
    hall.rig.hang_up(ended, 5)
    granted = hall.ask(1)
    assert granted.line.trunk == "a"
    hall.tell(CompareLines())
    assert hall.lines.in_use() == {"a": 1, "t": 0}, "the call is over; the grant may yet be dialled"
    hall.at += timedelta(minutes=3)
    hall.tell(CompareLines())
    assert hall.lines.in_use() == {"a": 0, "t": 0}


def test_without_the_record_nobody_is_called_until_it_is_back(hall: Hall) -> None:
    hall.open(AwayRecord())
    asker = hall.ask()
    assert asker.got == []
    hall.actor._record = hall.record
    hall.tell(LookAtLines())
    assert asker.line.trunk == "a"


def test_a_trunk_whose_carrier_does_not_answer_is_passed_over(hall: Hall) -> None:
    hall.tell(TrunkReported(trunk="a", reachable=False))
    assert hall.ask(0).line.trunk == "t"
    hall.tell(TrunkReported(trunk="a", reachable=True, registered=False))
    hall.at += timedelta(seconds=1)
    assert hall.ask(1).line.trunk == "a", "without registration it is tried after the others"


def test_while_somebody_waits_it_looks_again_by_itself_and_not_otherwise(hall: Hall) -> None:
    before = len(hall.timers.delays)
    hall.tell(LookAtLines())
    assert len(hall.timers.delays) == before
    hall.usable = []
    hall.ask()
    assert timedelta() < hall.timers.delays[-1] <= timedelta(milliseconds=250)


def test_a_switchboard_that_fails_ends_the_engine(hall: Hall) -> None:
    hall.actor.on_fault(RuntimeError("broken"))
    assert hall.broken


def trouble(hall: Hall, call_id: str) -> None:
    """Record that a trunk could not carry a call."""
    report = CallEnded(call_id=call_id, at=hall.at, outcome=CallOutcome.TRUNK_TROUBLE, hangup_cause=34)
    calls.end_call(hall.record, report, quota=hall.rig.quota)


def test_it_tells_how_the_lines_are_when_asked(hall: Hall) -> None:
    hall.tell(TellLines())
    (quiet,) = hall.told
    assert (quiet.waiting, [one.in_use for one in quiet.trunks]) == (0, [0, 0])
    first, second, _ = (hall.ask(contact) for contact in range(3))
    for line in (first.line, second.line):
        hall.end(line.call_id, CallOutcome.TRUNK_TROUBLE)
    hall.at += timedelta(seconds=1)
    hall.tell(LookAtLines())
    hall.usable.remove("t")
    hall.tell(TrunkReported("t", reachable=False, registered=False))
    hall.tell(TellLines())
    a, t = hall.told[-1].trunks
    assert (a.trunk, a.in_use, a.max_calls, a.in_reach, a.reachable) == ("a", 1, 1, True, True)
    assert (t.trunk, t.in_reach, t.reachable, t.registered) == ("t", False, False, False)


def test_it_tells_until_when_a_trunk_is_left_alone(hall: Hall) -> None:
    for _ in range(2):
        hall.end(hall.ask(avoid="t").line.call_id, CallOutcome.TRUNK_TROUBLE)
        hall.at += timedelta(seconds=1)
    began = hall.at
    hall.at += timedelta(seconds=5)
    hall.tell(TellLines())
    a, t = hall.told[-1].trunks
    assert (a.breaker, t.breaker, t.again_at) == ("open", "closed", None)
    assert a.again_at is not None
    pause = LineRules().breaker_pause
    assert timedelta() <= began + pause - a.again_at <= timedelta(seconds=1), "from when it was left alone"


def test_without_the_record_it_says_nothing_of_the_lines(hall: Hall) -> None:
    hall.open(AwayRecord())
    hall.tell(TellLines())
    assert hall.told == []
