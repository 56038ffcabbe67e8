"""A ContactActor, built unstarted, at a desk: everybody whom it speaks to is a fake, the record is real."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from actors.contact import ContactActor
from actors.line_messages import AskForLine, LineGranted, WithdrawRequest
from actors.messages import CallPrepared, PhoneReported, PlaceCall, Withdraw
from actors.pool import ActorPool
from actors.timers import Timer
from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState
from gateway.model.call import Call, CallOutcome
from gateway.model.event import Severity
from gateway.model.license import SourceKind
from gateway.ports.phone import CallEnded, CallOrder
from gateway.ports.record import Record
from gateway.services import sources, tenants
from gateway.services.acknowledge import AckResult, acknowledge
from gateway.services.due import due_alerts
from gateway.services.intake import Alert, accept
from gateway.services.lines import Line, LineRequest
from gateway.services.quota import VoiceQuota
from gateway.services.tokens import SourceTokens
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
