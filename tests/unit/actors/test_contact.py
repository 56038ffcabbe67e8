"""ContactActor, built unstarted, its messages handed to it one by one."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.contact import ContactActor
from actors.line_messages import AskForLine, LineGranted, LineUnused, WithdrawRequest
from actors.messages import CallOverdue, CallPrepared, EventChanged, PhoneReported, PlaceCall, PrepareAgain, Withdraw
from actors.pool import ActorPool
from actors.timers import Timer
from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState
from gateway.model.call import Call, CallOutcome
from gateway.model.event import Severity
from gateway.model.license import SourceKind
from gateway.ports.phone import CallAnswered, CallEnded, CallNeverDialled, CallOrder, KeyPressed
from gateway.ports.record import Record
from gateway.services import call_queries, sources, tenants
from gateway.services.acknowledge import AckResult, acknowledge
from gateway.services.due import due_alerts
from gateway.services.intake import Alert, accept
from gateway.services.lines import Line, LineRequest
from gateway.services.quota import VoiceQuota
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.records import add_due_call

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@dataclass
class FakePhone:
    """Keeps its orders."""

    usable: tuple[str, ...] = ("first", "second")
    placed: list[CallOrder] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    refused: list[tuple[str, bool]] = field(default_factory=list)

    def trunks(self) -> Sequence[str]:
        return self.usable

    def node_of(self, trunk: str) -> str:
        return "pbx1"

    def place(self, order: CallOrder) -> None:
        self.placed.append(order)

    def hang_up(self, call_id: str) -> None:
        self.hung_up.append(call_id)

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        raise NotImplementedError

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        self.refused.append((call_id, again))

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        self.looked_up.extend(call_ids)

    def forget(self, call_id: str) -> None:
        self.forgotten.append(call_id)


@dataclass
class FakeBooth:
    """Keeps what it is asked to prepare and to say."""

    asked: list[tuple[int, tuple[int, ...], Line | Call]] = field(default_factory=list)
    confirmed: list[tuple[AckResult, ...]] = field(default_factory=list)
    stood_down: list[str] = field(default_factory=list)

    def prepare(self, contact_id: int, preparation: int, attempt_ids: tuple[int, ...], way: Line | Call) -> None:
        self.asked.append((preparation, attempt_ids, way))

    def confirm(self, call_id: str, contact_id: int, results: tuple[AckResult, ...]) -> None:
        self.confirmed.append(results)

    def stand_down(self, call_id: str, contact_id: int) -> None:
        self.stood_down.append(call_id)


@dataclass
class FakeSwitchboard:
    """Keeps what it is told. A line that is asked for is granted when the test says so."""

    told: list[object] = field(default_factory=list)
    wanted: LineRequest | None = None
    granted: int = 0

    def tell(self, message: object) -> None:
        self.told.append(message)
        match message:
            case AskForLine(request, _):
                self.wanted = request
            case WithdrawRequest():
                self.wanted = None

    def line(self) -> LineGranted | None:
        """Return the grant of what is asked for, if anything is."""
        wanted, self.wanted = self.wanted, None
        if wanted is None:
            return None
        self.granted += 1
        trunk = next(name for name in ("first", "second", "third", "fourth") if name not in wanted.avoid)
        return LineGranted(Line(call_id=f"{self.granted:032x}", trunk=trunk, contact_id=wanted.contact_id))


class FakeTimers:
    """Keeps what is due, and never fires by itself."""

    def __init__(self) -> None:
        self.delays: list[timedelta] = []

    def after(self, delay: timedelta, action: object) -> Timer:
        self.delays.append(delay)
        return Timer(lambda: None)


class FixedClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Desk:
    """One contact with an actor, and the means to play everybody around it."""

    def __init__(self, record: Record, config: Config) -> None:
        self.record, self.config = record, config
        self.phone, self.booth, self.timers, self.clock = FakePhone(), FakeBooth(), FakeTimers(), FixedClock()
        self.switchboard = FakeSwitchboard()
        self.lines_are_free = True
        self.told: list[object] = []
        license_ = tenants.add_license(record, config, name="Acme", tier="pro", at=NOW, handoff_number="+15550999")
        self.contact = tenants.add_contact(record, license_id=license_.id, name="Ana", phone="+15550123")
        self.tokens = SourceTokens(hash_key=b"k" * 32)
        self.token = sources.add_source(
            record, self.tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="s", at=NOW
        ).token
        self.pool = ActorPool(threads=1)
        self.actor = self.new_actor()

    def new_actor(self) -> ContactActor:
        return ContactActor(
            contact_id=self.contact.id,
            pool=self.pool,
            record=self.record,
            clock=self.clock,
            timers=self.timers,  # type: ignore[arg-type] # only its one method is used
            phone=self.phone,
            booth=self.booth,
            quota=VoiceQuota(self.config.tiers),
            dispatcher=self.told.append,
            switchboard=self.switchboard.tell,
        )

    def tell(self, message: object) -> None:
        """Tell the actor something, then whatever the switchboard answers."""
        self.actor.on_receive(message)
        while self.lines_are_free and (granted := self.switchboard.line()) is not None:
            self.actor.on_receive(granted)

    def due(self, title: str = "Alert", severity: Severity | None = None) -> tuple[int, int]:
        """Make an event whose call is due, tell the actor, and return event and attempt."""
        accepted = accept(
            self.record,
            config=self.config,
            token_hash=self.tokens.hash(self.token),
            alert=Alert(title=title, severity=severity),
            now=NOW,
        )
        assert accepted.event_id is not None
        attempt = add_due_call(self.record, accepted.event_id, self.contact.id, at=NOW)
        self.tell(PlaceCall(self.contact.id, accepted.event_id, attempt.id))
        return accepted.event_id, attempt.id

    def prepare(self, *, left: int | None = None) -> str:
        """Answer the newest request to prepare a call, ``left`` for the next one, and return the call's id."""
        preparation, asked_for, way = self.booth.asked[-1]
        asked_for = tuple(attempt_id for attempt_id in asked_for if attempt_id != left)
        due = [alert.attempt.id for alert in due_alerts(self.record, asked_for, NOW)]
        order = CallOrder(
            call_id=way.id if isinstance(way, Call) else way.call_id,
            trunk=way.trunk or "",
            to_number=self.contact.phone,
            ring_timeout=timedelta(seconds=30),
            language="en",
            announcement=Path("/nowhere/a.wav"),
            prompts={},
        )
        self.tell(
            CallPrepared(
                contact_id=self.contact.id,
                preparation=preparation,
                asked_for=asked_for,
                attempt_ids=tuple(due),
                order=order if due else None,
            )
        )
        return order.call_id

    def prepare_nothing(self) -> str:
        """Answer likewise, that nothing is left to announce, and return the id that the call would have had."""
        preparation, asked_for, way = self.booth.asked[-1]
        assert isinstance(way, Line)
        self.tell(CallPrepared(self.contact.id, preparation, asked_for, (), None))
        return way.call_id

    def report(self, report: object) -> None:
        self.tell(PhoneReported(report))  # type: ignore[arg-type]

    def end(self, call_id: str, outcome: CallOutcome) -> None:
        cause = 34 if outcome is CallOutcome.TRUNK_TROUBLE else None
        self.report(CallEnded(call_id=call_id, at=NOW, outcome=outcome, hangup_cause=cause))

    def state(self, attempt_id: int) -> AttemptState:
        with self.record.read() as work:
            attempt = work.attempts.get(attempt_id)
        assert attempt is not None
        return attempt.state

    def acknowledge(self, event_id: int) -> None:
        acknowledge(self.record, event_ids=[event_id], contact_id=None, by="Dana", via=AcknowledgedVia.ADMIN, at=NOW)
        self.tell(Withdraw(self.contact.id, event_id))


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    record = open_record(sqlite_url)
    desk = Desk(record, Config())
    yield desk
    desk.pool.stop(5)
    record.close()


def test_a_call_is_on_record_before_the_phone_hears_of_it(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    assert [order.call_id for order in desk.phone.placed] == [call_id]
    with desk.record.read() as work:
        assert work.calls.get(call_id) is not None
        assert [attempt.id for attempt in work.attempts.of_call(call_id)] == [attempt_id]


def test_being_told_twice_places_one_call(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    desk.tell(PlaceCall(desk.contact.id, event_id, attempt_id))
    desk.prepare()
    desk.tell(PlaceCall(desk.contact.id, event_id, attempt_id))
    assert len(desk.booth.asked) == 1
    assert len(desk.phone.placed) == 1


def test_what_falls_due_during_a_call_waits_and_is_announced_together(desk: Desk) -> None:
    desk.due("One")
    first = desk.prepare()
    waiting = [desk.due(title)[1] for title in ("Two", "Three")]
    assert len(desk.booth.asked) == 1, "one call at a time"
    desk.end(first, CallOutcome.NO_ANSWER)
    assert desk.booth.asked[-1][1] == tuple(waiting)


def test_what_is_left_for_a_call_of_its_own_is_called_about_next(desk: Desk) -> None:
    desk.due("One")
    first = desk.prepare()
    together, left = (desk.due(title)[1] for title in ("Two", "Three"))
    desk.end(first, CallOutcome.NO_ANSWER)
    second = desk.prepare(left=left)
    with desk.record.read() as work:
        assert [attempt.id for attempt in work.attempts.of_call(second)] == [together]
    assert desk.state(left) is AttemptState.PENDING
    desk.end(second, CallOutcome.NO_ANSWER)
    assert desk.booth.asked[-1][1] == (left,)


def test_trunk_trouble_goes_on_in_the_same_attempt(desk: Desk) -> None:
    _, attempt_id = desk.due()
    desk.end(desk.prepare(), CallOutcome.TRUNK_TROUBLE)
    assert desk.state(attempt_id) is AttemptState.PENDING
    assert desk.booth.asked[-1][1] == (attempt_id,)
    (alert,) = due_alerts(desk.record, [attempt_id], NOW)
    assert alert.trunks_in_trouble == {"first"}
    second = desk.prepare()
    desk.end(second, CallOutcome.BUSY)
    assert desk.state(attempt_id) is AttemptState.MISSED


def test_a_leg_that_never_reached_the_network_says_nothing_of_its_trunk_unless_it_happens_again_and_again(
    desk: Desk,
) -> None:
    _, attempt_id = desk.due()
    in_trouble = []
    for _ in range(3):
        desk.report(CallEnded(call_id=desk.prepare(), at=NOW, outcome=CallOutcome.TRUNK_TROUBLE))
        (alert,) = due_alerts(desk.record, [attempt_id], NOW)
        in_trouble.append(alert.trunks_in_trouble)
    assert in_trouble == [frozenset(), frozenset(), {"first"}]


def test_a_leg_that_is_to_be_dialled_again_waits_a_moment_for_its_phone_system_and_no_longer(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(CallNeverDialled(call_id))

    def out_of_reach() -> None:
        preparation, asked_for, _ = desk.booth.asked[-1]
        desk.tell(CallPrepared(desk.contact.id, preparation, asked_for, asked_for, None, "out_of_reach", may_pass=True))

    out_of_reach()
    assert desk.state(attempt_id) is AttemptState.PENDING
    desk.tell(PrepareAgain(desk.booth.asked[-1][0]))
    assert len(desk.booth.asked) == 3, "it is tried again"
    desk.clock.at += timedelta(minutes=1)
    out_of_reach()
    assert isinstance(desk.booth.asked[-1][2], Line), "another line is asked for, in the same attempt"
    assert desk.state(attempt_id) is AttemptState.PENDING


def test_an_event_that_is_over_before_the_call_is_dialled_is_not_called_about(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    desk.acknowledge(event_id)
    call_id = desk.prepare()
    assert desk.phone.placed == []
    assert LineUnused(call_id) in desk.switchboard.told
    assert desk.state(attempt_id) is AttemptState.CANCELLED


def test_an_acknowledgement_elsewhere_hangs_a_ringing_call_up(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.acknowledge(event_id)
    assert desk.phone.hung_up == [call_id]
    desk.end(call_id, CallOutcome.CANCELLED)
    assert desk.state(attempt_id) is AttemptState.CANCELLED
    assert desk.phone.forgotten == [call_id]


def test_a_call_goes_on_while_it_still_announces_an_open_event(desk: Desk) -> None:
    desk.due("One")
    first = desk.prepare()
    (two, _), (three, _) = desk.due("Two"), desk.due("Three")
    desk.end(first, CallOutcome.NO_ANSWER)
    bundled = desk.prepare()
    desk.acknowledge(two)
    assert desk.phone.hung_up == []
    desk.acknowledge(three)
    assert desk.phone.hung_up == [bundled]


def test_a_callee_in_mid_message_is_told_that_somebody_else_has_it(desk: Desk) -> None:
    event_id, _ = desk.due()
    call_id = desk.prepare()
    desk.report(CallAnswered(call_id, NOW))
    desk.acknowledge(event_id)
    assert desk.booth.stood_down == [call_id]
    assert desk.phone.hung_up == []


def test_key_1_acknowledges_and_is_confirmed_and_its_call_is_not_hung_up(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(KeyPressed(call_id, "1", 1, NOW))
    desk.tell(Withdraw(desk.contact.id, event_id))
    ((result,),) = desk.booth.confirmed
    assert (result.event_id, result.first, result.by) == (event_id, True, "Ana")
    assert desk.phone.hung_up == []
    assert desk.booth.stood_down == []
    desk.end(call_id, CallOutcome.NO_KEY)
    assert desk.state(attempt_id) is AttemptState.ACKNOWLEDGED


def test_a_key_that_is_reported_twice_is_recorded_once(desk: Desk) -> None:
    event_id, _ = desk.due()
    call_id = desk.prepare()
    for _ in range(2):
        desk.report(KeyPressed(call_id, "1", 1, NOW))
    call = call_queries.find(desk.record, call_id)
    assert call is not None
    assert call.digits == "1"
    with desk.record.read() as work:
        kinds = [entry.type.value for entry in work.timeline.of_event(event_id)]
    assert kinds.count("acknowledged") == 1
    assert kinds.count("key_pressed") == 1


def test_key_2_hands_off_and_the_event_goes_on(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(KeyPressed(call_id, "2", 1, NOW))
    assert desk.state(attempt_id) is AttemptState.HANDED_OFF
    assert EventChanged(event_id) in desk.told
    desk.acknowledge(event_id)
    assert desk.phone.hung_up == [], "the conversation with the operator is not cut"
    assert desk.timers.delays[-1] > timedelta(hours=1)


def test_a_leg_that_was_never_dialled_is_dialled_under_its_own_id(desk: Desk) -> None:
    desk.due()
    call_id = desk.prepare()
    desk.report(CallNeverDialled(call_id))
    assert desk.prepare() == call_id
    assert [order.call_id for order in desk.phone.placed] == [call_id, call_id]


def test_a_leg_that_was_never_dialled_is_dropped_when_its_event_is_over(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.acknowledge(event_id)
    desk.report(CallNeverDialled(call_id))
    assert len(desk.phone.placed) == 1
    assert desk.state(attempt_id) is AttemptState.CANCELLED


def test_a_call_whose_end_is_never_reported_is_missed_but_its_key_counts_when_it_is_found(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.tell(CallOverdue(desk.contact.id, call_id))
    assert desk.state(attempt_id) is AttemptState.MISSED
    desk.report(KeyPressed(call_id, "1", 1, NOW))
    with desk.record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    assert event.acknowledged_by == "Ana"


def test_after_a_restart_the_call_in_progress_is_looked_up_and_not_placed_again(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    successor = desk.new_actor()
    successor.on_start()
    successor.on_receive(PlaceCall(desk.contact.id, event_id, attempt_id))
    assert desk.phone.looked_up == [call_id]
    assert len(desk.booth.asked) == 1
    assert len(desk.phone.placed) == 1


def test_after_a_restart_a_waiting_call_about_an_event_that_is_over_is_cancelled(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    desk.actor = desk.new_actor()
    desk.acknowledge(event_id)
    assert desk.state(attempt_id) is AttemptState.CANCELLED
    assert EventChanged(event_id) in desk.told


def test_an_invalid_number_is_flagged(desk: Desk) -> None:
    _, attempt_id = desk.due()
    desk.end(desk.prepare(), CallOutcome.INVALID_NUMBER)
    assert desk.state(attempt_id) is AttemptState.INVALID_NUMBER
    with desk.record.read() as work:
        contact = work.contacts.get(desk.contact.id)
    assert contact is not None
    assert contact.phone_invalid_at == NOW
