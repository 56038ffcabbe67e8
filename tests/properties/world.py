"""A world in which everything waits to be moved: the engine's real actors on a real record, with time, threads,
the phone network and the providers played by the test.

The engine can be killed at any commit. What survives is what survives in life: the record, the phone system with its
calls, and the messages that were sent.
"""

import heapq
import itertools
import shutil
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from actors.clerk import ClerkActor
from actors.contact import ContactActor
from actors.dispatcher import DispatcherActor
from actors.event import EventActor, tell_if_alive
from actors.messages import LookForSignals, PhoneReported, TakeUpEverything
from actors.pool import PooledActor
from actors.switchboard import SwitchboardActor
from actors.timers import Timer
from actors.workers import AnnouncerBooth, CourierOutbox
from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.model.call_safety import LineRules
from gateway.model.event import EventStatus
from gateway.model.license import SourceKind
from gateway.ports.messages import Delivery, Message
from gateway.ports.phone import (
    LONGEST_CALL,
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    PhoneNodeDown,
    PhoneNodeUp,
    PhoneReport,
)
from gateway.ports.record import UnitOfWork
from gateway.ports.speech import Audio, AudioFormat
from gateway.services import tenants
from gateway.services.announce import Announcer
from gateway.services.deliver import Courier
from gateway.services.intake import Alert, AlertAction, accept
from gateway.services.lines import Lines, TrunkLimits
from gateway.services.quota import VoiceQuota
from gateway.services.tokens import SourceTokens
from gateway.services.trunk_health import TrunkHealth
from gateway.store import SqlRecord, open_record

BEGIN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NODE, TRUNK = "pbx1", "carrier"
CONFIG = """
policy:
  l1_wait: 3s
  l2_wait: 3s
  events_per_minute: 100000
  call_retry_for: 10m
  owner_retry_for: 30m
"""


class Killed(BaseException):
    """The engine process is gone, at this very instruction."""


class Clock:
    def __init__(self) -> None:
        self.at = BEGIN

    def now(self) -> datetime:
        return self.at


class Timers:
    """Timers that fire when the test moves the clock past them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[datetime, int, Timer]] = []
        self._order = itertools.count()

    def after(self, delay: timedelta, action: Callable[[], None]) -> Timer:
        timer = Timer(action)
        heapq.heappush(self._heap, (self._clock.at + max(delay, timedelta()), next(self._order), timer))
        return timer

    def next_at(self) -> datetime | None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire(self) -> None:
        while (at := self.next_at()) is not None and at <= self._clock.at:
            timer = heapq.heappop(self._heap)[2]
            if timer.action is not None:
                timer.action()


class Pool:
    """The queue of actors that have something to do; the test says who is next."""

    def __init__(self) -> None:
        self.due: deque[PooledActor] = deque()

    def schedule(self, actor: PooledActor) -> None:
        self.due.append(actor)

    def run(self, place: int = 0) -> None:
        if self.due:
            self.due.rotate(-(place % len(self.due)))
            self.due.popleft().run_slice()


class Executor:
    """Background work that is done when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], object]] = []

    def submit(self, work: Callable[[], object], /, *_: object) -> None:
        self.due.append(work)

    def run(self, place: int = 0) -> None:
        if self.due:
            self.due.pop(place % len(self.due))()


@dataclass(slots=True)
class SimLeg:
    """A call as the phone system knows it."""

    order: CallOrder
    at: datetime
    answered_at: datetime | None = None
    ended: CallEnded | None = None
    keys: list[KeyPressed] = field(default_factory=list)


class SimPbx:
    """The phone system: it outlives engines, keeps what happened, and lets no id be dialled twice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.connected = True
        self.legs: dict[str, SimLeg] = {}
        self.reports: deque[PhoneReport] = deque()
        self.on_dial: Callable[[CallOrder], None] = lambda _order: None
        self.violations: list[str] = []

    def live(self) -> list[SimLeg]:
        return [leg for leg in self.legs.values() if leg.ended is None]

    # The port.

    def trunks(self) -> Sequence[str]:
        return (TRUNK,) if self.connected else ()

    def node_of(self, trunk: str) -> str:
        assert trunk == TRUNK
        return NODE

    def place(self, order: CallOrder) -> None:
        if not self.connected:
            self._report(CallEnded(call_id=order.call_id, at=self._clock.at, outcome=CallOutcome.TRUNK_TROUBLE))
            return
        if (known := self.legs.get(order.call_id)) is not None:
            # A phone passes over an order for a leg that lives; one that has ended must never be ordered again.
            if known.ended is not None:
                self.violations.append(f"{order.call_id} is dialled twice")
            return
        self.on_dial(order)
        self.legs[order.call_id] = SimLeg(order, self._clock.at)
        self._report(CallRinging(order.call_id, self._clock.at))

    def end_what_is_too_long(self) -> None:
        """Do what every phone does by itself: ring no longer than it was told to, and end each call some day."""
        for leg in self.live():
            limit = LONGEST_CALL if leg.answered_at else leg.order.ring_timeout
            if self._clock.at >= (leg.answered_at or leg.at) + limit:
                self.end(leg, CallOutcome.NO_ANSWER)

    def hang_up(self, call_id: str) -> None:
        leg = self.legs.get(call_id)
        if leg is not None and leg.ended is None and self.connected:
            self.end(leg, CallOutcome.CANCELLED if leg.answered_at is None else CallOutcome.NO_KEY)

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        self.hang_up(call_id)

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        raise AssertionError("nobody here has a PIN")

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        assert node == NODE
        if not self.connected:
            return
        for call_id in call_ids:
            leg = self.legs.get(call_id)
            if leg is None:
                self._report(CallNeverDialled(call_id))
                continue
            state = CallRinging(call_id, leg.at)
            self._report(state if leg.answered_at is None else CallAnswered(call_id, leg.answered_at))
            for key in leg.keys:
                self._report(key)
            if leg.ended is not None:
                self._report(leg.ended)

    def forget(self, call_id: str) -> None:
        pass

    # What callees and the network do.

    def answer(self, leg: SimLeg) -> None:
        if leg.ended is None and leg.answered_at is None:
            leg.answered_at = self._clock.at
            self._report(CallAnswered(leg.order.call_id, self._clock.at))

    def press(self, leg: SimLeg, digit: str) -> None:
        if leg.ended is None:
            self.answer(leg)
            key = KeyPressed(leg.order.call_id, digit, len(leg.keys) + 1, self._clock.at)
            leg.keys.append(key)
            self._report(key)

    def end(self, leg: SimLeg, outcome: CallOutcome) -> None:
        if leg.ended is None:
            answered = leg.answered_at is not None
            leg.ended = CallEnded(
                call_id=leg.order.call_id,
                at=self._clock.at,
                outcome=CallOutcome.NO_KEY if answered else outcome,
                hangup_cause=34 if outcome is CallOutcome.TRUNK_TROUBLE else None,
                answered_at=leg.answered_at,
                billed_seconds=int((self._clock.at - leg.answered_at).total_seconds()) + 1 if leg.answered_at else 0,
            )
            self._report(leg.ended)

    def disconnect(self) -> None:
        if self.connected:
            self.connected = False
            self.reports.clear()
            self.reports.append(PhoneNodeDown(NODE, "cut"))

    def connect(self) -> None:
        if not self.connected:
            self.connected = True
            self.reports.append(PhoneNodeUp(NODE))

    def _report(self, report: PhoneReport) -> None:
        if self.connected:
            self.reports.append(report)


class SimChannel:
    """A provider: what it accepts stays sent, and its answer may be lost."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.next_results: deque[AttemptState] = deque()

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        return "window_closed" if message_level is Level.VOICE_NOTE and not window_open else None

    def find(self, message: Message, since: datetime) -> Delivery | None:
        return None

    def send(self, message: Message) -> Delivery:
        state = self.next_results.popleft() if self.next_results else AttemptState.SENT
        if state in {AttemptState.SENT, AttemptState.UNKNOWN}:
            self.sent.append(message)
        sid = f"m{len(self.sent)}" if state is AttemptState.SENT else None
        return Delivery(state=state, provider="sim", provider_id=sid, reason=None)


class SimSpeech:
    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        return Audio(path=Path("/nowhere/a.wav"), duration=timedelta(seconds=4), engine="sim")


class MortalRecord:
    """The record, as seen by an engine that can be killed just before or just after a commit."""

    def __init__(self, record: SqlRecord, world: "World") -> None:
        self._record, self._world = record, world

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        with self._record.write() as work:
            commit = work.commit

            def mortal() -> None:
                self._world.maybe_die("before a commit")
                commit()
                self._world.maybe_die("after a commit")

            work.commit = mortal  # type: ignore[method-assign]
            yield work

    def read(self) -> Any:
        return self._record.read()

    def check(self) -> None:
        self._record.check()


class World:
    """Everything, with one engine that lives and dies."""

    def __init__(self, directory: Path, template: Path) -> None:
        file = directory / "tocsin.db"
        shutil.copyfile(template, file)
        self.config: Config = parse_config(f"var_dir: {directory}\ndatabase_url: sqlite:///{file}\n{CONFIG}", {})[0]
        self.record = open_record(self.config.database_url)
        self.clock = Clock()
        self.pbx = SimPbx(self.clock)
        self.pbx.on_dial = self._check_dial
        self.channel, self.owner = SimChannel(), SimChannel()
        self.deaths = 0
        self._steps_to_live: int | None = None
        self.tokens = SourceTokens(hash_key=b"k" * 32)
        license_ = tenants.add_license(
            self.record,
            self.config,
            name="Acme",
            tier="enterprise",
            at=BEGIN,
            owner_telegram="1001",
            handoff_number="+15550999",
        )
        self.license_id = license_.id
        self.contacts = [
            tenants.add_contact(self.record, license_id=license_.id, name=f"P{n}", phone=f"+1555012{n:04}")
            for n in range(2)
        ]
        self.token = tenants.add_source(
            self.record, self.tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="s", at=BEGIN
        ).token
        self.event_ids: list[int] = []
        self.acknowledged: set[int] = set()
        self.start_engine()

    # --- the engine's life --------------------------------------------------------------------------------------------

    def start_engine(self) -> None:
        """Start an engine on what is there, as a new process would."""
        self._steps_to_live = None
        self.pool, self.executor, self.timers = Pool(), Executor(), Timers(self.clock)
        self.pbx.reports.clear()
        mortal: Any = MortalRecord(self.record, self)
        quota = VoiceQuota(self.config.tiers)
        courier = Courier(
            record=mortal,
            clock=self.clock,
            channels={
                Level.TEXT: self.channel,
                Level.VOICE_NOTE: self.channel,
                Level.STAND_DOWN: self.channel,
                Level.OWNER: self.owner,
            },
            phone_configured=True,
            speech=SimSpeech(),
            link_url=lambda link_id: f"https://alerts.example/a/{link_id}",
            media_url=lambda path: f"https://alerts.example/media/{path.name}",
            status_url=lambda _attempt_id: None,
            quota=quota,
        )
        announcer = Announcer(
            record=mortal, clock=self.clock, phone=self.pbx, speech=SimSpeech(), prompts=lambda _language: {}
        )
        executor: Any = self.executor
        outbox = CourierOutbox(executor=executor, courier=courier, dispatcher=self.tell)
        booth = AnnouncerBooth(executor=executor, announcer=announcer, dispatcher=self.tell)
        shared: dict[str, Any] = {"pool": self.pool, "record": mortal, "clock": self.clock, "timers": self.timers}
        actors = shared | {"dispatcher": self.tell}
        clerk = self.clerk = ClerkActor.start(**shared, refusals=courier, on_broken=lambda: None)

        def seconds() -> float:
            return self.clock.at.timestamp()

        switchboard = self.switchboard = SwitchboardActor.start(
            **shared,
            lines=Lines(
                limits=[TrunkLimits(name=TRUNK)],
                usable=self.pbx.trunks,
                health=TrunkHealth(rules=LineRules(), now=self.clock.now, monotonic=seconds),
                monotonic=seconds,
            ),
            trunks=[TRUNK],
            on_broken=lambda: None,
            monotonic=seconds,
        )
        event_actors = {name: each for name, each in actors.items() if name != "record"}
        self.dispatcher = DispatcherActor.start(
            **shared,
            phone=self.pbx,
            new_event_actor=lambda event_id, surveyed: EventActor.start(
                event_id=event_id, surveyed=surveyed, clerk=clerk.tell, outbox=outbox, **event_actors
            ),
            new_contact_actor=lambda contact_id: ContactActor.start(
                contact_id=contact_id, phone=self.pbx, booth=booth, quota=quota, switchboard=switchboard.tell, **actors
            ),
            on_broken=lambda: None,
        )
        self.tell(TakeUpEverything())
        if self.pbx.connected:
            self.pbx.reports.append(PhoneNodeUp(NODE))

    def tell(self, message: object) -> None:
        tell_if_alive(self.dispatcher, message)

    def die_after(self, steps: int) -> None:
        """Let the engine die at a commit to come."""
        self._steps_to_live = steps

    def maybe_die(self, where: str) -> None:
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
            self.tell(PhoneReported(self.pbx.reports.popleft()))

    def settle(self, most: int = 5000) -> None:
        """Let everything happen that can happen at this moment of time."""
        for _ in range(most):
            if self.pool.due:
                self.mortal(self.pool.run)
            elif self.pbx.reports:
                self.report()
            elif self.executor.due:
                self.mortal(self.executor.run)
            else:
                with self.record.read() as work:
                    waiting = bool(work.signals.pending(1))
                if not waiting:
                    return
                self.tell(LookForSignals())
        raise AssertionError("the engine does not come to rest")

    def advance(self, by: timedelta) -> None:
        """Move the clock, stopping at every timer on the way."""
        until = self.clock.at + by
        while self.clock.at < until:
            soon = min(until, self.clock.at + timedelta(seconds=15))
            self.clock.at = max(self.clock.at, min(self.timers.next_at() or soon, soon))
            self.pbx.end_what_is_too_long()
            self.timers.fire()
            self.settle()

    # --- what people and sources do -----------------------------------------------------------------------------------

    def post(self, key: str, *, resolve: bool = False) -> None:
        action = AlertAction.RESOLVE if resolve else AlertAction.TRIGGER
        accepted = accept(
            self.record,
            config=self.config,
            token_hash=self.tokens.hash(self.token),
            alert=Alert(title=f"Alert {key}", dedup_key=key, action=action),
            now=self.clock.at,
        )
        if accepted.event_id is not None and accepted.event_id not in self.event_ids:
            self.event_ids.append(accepted.event_id)

    def status(self, event_id: int) -> EventStatus:
        with self.record.read() as work:
            event = work.events.get(event_id)
        assert event is not None
        return event.status

    def _check_dial(self, order: CallOrder) -> None:
        """Hold what must be true whenever a phone is made to ring."""
        with self.record.read() as work:
            call = work.calls.get(order.call_id)
            announced = [work.events.get(attempt.event_id) for attempt in work.attempts.of_call(order.call_id)]
        # Noted and not raised: what an actor raises is taken for a fault of the actor's.
        if any(leg.order.to_number == order.to_number for leg in self.pbx.live()):
            self.pbx.violations.append(f"two calls to {order.to_number} at once")
        if call is None or not announced:
            self.pbx.violations.append(f"{order.call_id} rings, and is not on record")
        if any(event is None or event.status is not EventStatus.OPEN for event in announced):
            self.pbx.violations.append(f"{order.call_id} was dialled after the acknowledgement was committed")

    def check_rest(self) -> None:
        """Hold what must be true when nothing more can happen at this moment."""
        assert not self.pbx.violations, self.pbx.violations
        with self.record.read() as work:
            open_ids = work.events.open_ids()
            histories = {event_id: work.attempts.of_event(event_id) for event_id in open_ids}
        for event_id in open_ids:
            pending = [a for a in histories[event_id] if a.state is AttemptState.PENDING]
            assert self.timers.next_at() is not None or pending, f"event {event_id} is open and waits for nothing"
        for event_id in self.acknowledged:
            assert self.status(event_id) is EventStatus.ACKNOWLEDGED, "an acknowledgement was lost"

    def finish(self) -> None:
        """Let nobody react any more, and run the world to its end."""
        self._steps_to_live = None
        self.pbx.connect()
        self.settle()
        for _ in range(400):
            for leg in self.pbx.live():
                self.pbx.end(leg, CallOutcome.NO_ANSWER)
            self.settle()
            self.check_rest()
            with self.record.read() as work:
                if not work.events.unfinished_ids():
                    break
            self.advance(timedelta(seconds=30))
        with self.record.read() as work:
            unfinished = work.events.unfinished_ids()
            assert not unfinished, f"an escalation does not end:\n{self.story(unfinished[0])}"
            for call in work.calls.unfinished():
                leg = self.pbx.legs.get(call.id)
                event_id = work.attempts.of_call(call.id)[0].event_id
                raise AssertionError(f"a call without an end: {call}; {leg}\n{self.story(event_id)}")
            for event_id in self.event_ids:
                event = work.events.get(event_id)
                assert event is not None
                attempts = work.attempts.of_event(event_id)
                if event.status is EventStatus.EXHAUSTED:
                    assert any(a.level is Level.OWNER for a in attempts), "exhausted, and the owner was not told"
                keys = [(a.contact_id, a.level, a.number) for a in attempts]
                assert len(keys) == len(set(keys)), "an attempt was made twice"

    def story(self, event_id: int) -> str:
        """Return an event's timeline and attempts, for whoever looks for a fault."""
        with self.record.read() as work:
            event, entries = work.events.get(event_id), work.timeline.of_event(event_id)
            attempts = work.attempts.of_event(event_id)
        lines = [f"{self.clock.at} {event}", *(f"{e.at} {e.type} {e.contact_id} {e.detail}" for e in entries)]
        return "\n".join(lines + [str(attempt) for attempt in attempts])

    def close(self) -> None:
        self.record.close()
