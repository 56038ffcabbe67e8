"""Test messages on record: sent once whatever happens, followed by reports, and never taken for an alert."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.messages import GiveUpTrial, LookForTrials, TryCall
from actors.pool import ActorPool
from actors.trials import TrialsActor
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState, Level
from gateway.model.audit import Actor
from gateway.model.event import EventStatus
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStepName
from gateway.model.whatsapp import OPTED_OUT, MessageFault
from gateway.ports.messages import BUTTON_VARIABLE, Delivery, Message
from gateway.ports.record import Record
from gateway.services import trials
from gateway.services.exceptions import TrialRefusedError
from gateway.services.replies import WrittenMessage, take_reply
from gateway.services.trial_messages import CHANNEL_OFF, RESULT_UNKNOWN, TrialCourier, take_report
from gateway.wording import phrases
from tests.records import Tenant, add_event, add_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_CONFIG = Config()


@dataclass
class Provider:
    """A channel that accepts what it is given, unless a test says otherwise."""

    sent: list[Message] = field(default_factory=list)
    delivery: Delivery = field(
        default_factory=lambda: Delivery(state=AttemptState.SENT, provider="twilio", provider_id="SM1")
    )
    before: Callable[[], None] = lambda: None

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        del message_level, window_open
        return None

    def send(self, message: Message) -> Delivery:
        self.before()
        self.sent.append(message)
        return replace(self.delivery, to=message.to)


class FixedClock:
    at = NOW

    def now(self) -> datetime:
        return self.at


class Desk:
    """One contact, whoever tries them, and the engine's part that sends."""

    def __init__(self, record: Record) -> None:
        self.record, self.clock, self.provider = record, FixedClock(), Provider()
        self.tenant: Tenant = add_tenant(record)
        self.contact = self.tenant.contacts[0]
        self.courier = self.courier_with(self.provider)

    def courier_with(self, channel: Provider | None) -> TrialCourier:
        return TrialCourier(
            record=self.record,
            clock=self.clock,
            channel=channel,
            status_url=lambda trial_id: f"https://alerts.example/status?trial={trial_id}",
            home_url="https://alerts.example/",
        )

    def ask(self, kind: TrialKind = TrialKind.MESSAGE) -> int:
        return trials.ask(
            self.record,
            contact_id=self.contact.id,
            kind=kind,
            tiers=_CONFIG.tiers,
            safety=_CONFIG.call_safety.safety(),
            actor=Actor(name="root@example.org"),
            at=self.clock.at,
        ).id

    def trial(self, trial_id: int) -> Trial:
        with self.record.read() as work:
            found = work.trials.get(trial_id)
        assert found is not None
        return found

    def ended(self, trial_id: int) -> tuple[TrialOutcome | None, str | None]:
        trial = self.trial(trial_id)
        assert trial.state is TrialState.OVER
        return trial.outcome, trial.reason

    def steps(self, trial_id: int) -> list[TrialStepName]:
        return [step.name for step in self.trial(trial_id).steps]


class Engine:
    """A trials' actor, built unstarted: whatever it submits is done at once."""

    def __init__(self, desk: Desk) -> None:
        self.told: list[object] = []
        self.pool = ActorPool(threads=1)
        self.seconds = 0.0
        executor: Any = self
        timers: Any = self
        self.actor = TrialsActor(
            pool=self.pool,
            record=desk.record,
            clock=desk.clock,
            timers=timers,
            executor=executor,
            courier=desk.courier,
            dispatcher=self.told.append,
            monotonic=lambda: self.seconds,
        )
        self.works = True
        self.waits: list[timedelta] = []

    def submit(self, work: Callable[[], None]) -> None:
        if self.works:
            work()

    def after(self, delay: timedelta, action: object) -> None:
        self.waits.append(delay)

    def look(self) -> None:
        self.seconds += 1
        self.actor.on_receive(LookForTrials())


@pytest.fixture
def desk(record: Record) -> Desk:
    return Desk(record)


@pytest.fixture
def engine(desk: Desk) -> Iterator[Engine]:
    engine = Engine(desk)
    yield engine
    engine.pool.stop(5)


def test_a_test_message_is_begun_on_record_before_it_is_sent_and_sent_once(desk: Desk) -> None:
    trial_id = desk.ask()
    seen: list[TrialState] = []
    desk.provider.before = lambda: seen.append(desk.trial(trial_id).state)
    desk.courier.deliver(trial_id)
    desk.courier.deliver(trial_id)
    assert seen == [TrialState.BEGUN]
    assert len(desk.provider.sent) == 1
    assert desk.ended(trial_id) == (TrialOutcome.DONE, None)
    assert desk.steps(trial_id) == [TrialStepName.TAKEN, TrialStepName.SENT]


def test_its_words_fit_both_free_text_and_the_template_of_alerts(desk: Desk) -> None:
    trial_id = desk.ask()
    desk.courier.deliver(trial_id)
    (message,) = desk.provider.sent
    assert not message.window_open
    language = desk.contact.language
    assert message.text == phrases.trial_text(language, license_name=desk.tenant.license.name)
    assert message.template_variables["3"] == phrases.trial_title(language)
    assert all(message.template_variables.values()), "Twilio refuses empty values"
    assert message.template_variables[BUTTON_VARIABLE] == f"test-{trial_id}"
    assert message.status_callback_url == f"https://alerts.example/status?trial={trial_id}"


def test_an_open_window_is_made_use_of(desk: Desk) -> None:
    with desk.record.write() as work:
        work.contacts.open_window(desk.contact.id, NOW + timedelta(hours=1))
        work.commit()
    desk.courier.deliver(desk.ask())
    assert desk.provider.sent[0].window_open


def test_nothing_goes_to_whoever_wrote_stop_meanwhile_nor_without_a_channel(desk: Desk) -> None:
    trial_id = desk.ask()
    with desk.record.write() as work:
        work.contacts.block_whatsapp(desk.contact.id, OPTED_OUT, NOW)
        work.commit()
    desk.courier.deliver(trial_id)
    assert desk.provider.sent == []
    assert desk.ended(trial_id) == (TrialOutcome.REFUSED, OPTED_OUT)
    with desk.record.write() as work:
        work.contacts.unblock_whatsapp(desk.contact.id)
        work.commit()
    trial_id = desk.ask()
    desk.courier_with(None).deliver(trial_id)
    assert desk.ended(trial_id) == (TrialOutcome.REFUSED, CHANNEL_OFF)


def test_what_a_failure_tells_of_the_number_is_learnt(desk: Desk) -> None:
    desk.provider.delivery = Delivery(
        state=AttemptState.FAILED, provider="twilio", reason="63003: no account", fault=MessageFault.UNREACHABLE
    )
    trial_id = desk.ask()
    desk.courier.deliver(trial_id)
    assert desk.steps(trial_id)[-1] is TrialStepName.FAILED
    with desk.record.read() as work:
        contact = work.contacts.get(desk.contact.id)
    assert contact is not None
    assert contact.whatsapp_blocked == "63003: no account"


def test_an_engine_killed_while_it_sent_leaves_an_unknown_result_that_a_report_may_still_settle(
    desk: Desk, engine: Engine
) -> None:
    trial_id = desk.ask()

    def power_cut() -> None:
        raise SystemExit

    desk.provider.before = power_cut
    with pytest.raises(SystemExit):
        desk.courier.deliver(trial_id)
    desk.provider.before = lambda: None
    engine.look()
    assert desk.provider.sent == []
    assert desk.ended(trial_id) == (TrialOutcome.INTERRUPTED, RESULT_UNKNOWN)
    report = Delivery(state=AttemptState.DELIVERED, provider="twilio", provider_id="SM9")
    assert take_report(desk.record, report, trial_id=trial_id, at=NOW)
    assert desk.ended(trial_id) == (TrialOutcome.DONE, None)
    assert desk.steps(trial_id)[-1] is TrialStepName.DELIVERED


def test_a_report_that_overtakes_the_answer_is_not_taken_back_by_it(desk: Desk) -> None:
    trial_id = desk.ask()

    def reported() -> None:
        report = Delivery(state=AttemptState.DELIVERED, provider="twilio", provider_id="SM1")
        assert take_report(desk.record, report, trial_id=trial_id, at=NOW)

    desk.provider.before = reported
    desk.courier.deliver(trial_id)
    assert desk.steps(trial_id) == [TrialStepName.TAKEN, TrialStepName.DELIVERED]
    assert desk.ended(trial_id) == (TrialOutcome.DONE, None)


def test_the_actor_hands_over_what_was_asked_for_and_sends_a_message_once(desk: Desk, engine: Engine) -> None:
    engine.works = False
    trial_id = desk.ask()
    engine.look()
    engine.works = True
    engine.look()
    assert desk.provider.sent == [], "it is handed over, and somebody will do it"
    desk.courier.deliver(trial_id)
    assert engine.told == []
    desk.clock.at = NOW + timedelta(minutes=2)
    call_id = desk.ask(TrialKind.CALL)
    engine.look()
    assert engine.told == [TryCall(desk.contact.id, call_id)]


def test_what_was_asked_for_too_long_ago_is_not_begun(desk: Desk, engine: Engine) -> None:
    trial_id = desk.ask(TrialKind.CALL)
    desk.clock.at = NOW + timedelta(minutes=1)
    engine.look()
    assert engine.told == [GiveUpTrial(desk.contact.id, trial_id)]
    assert desk.ended(trial_id) == (TrialOutcome.EXPIRED, trials.NOT_TAKEN)


def test_many_wake_ups_make_few_looks(desk: Desk, engine: Engine) -> None:
    engine.look()
    desk.ask(TrialKind.CALL)
    engine.actor.on_receive(LookForTrials())
    assert engine.told == []
    assert engine.waits == [timedelta(milliseconds=250)], "it is looked for in a moment"
    engine.look()
    assert len(engine.told) == 1


@pytest.mark.parametrize("way", ["button", "quoted"])
def test_an_answer_to_a_test_message_acknowledges_no_alert(desk: Desk, way: str) -> None:
    trial_id = desk.ask()
    desk.courier.deliver(trial_id)
    event_id = add_event(desk.record, desk.tenant.new_event("key", created_at=NOW))
    with desk.record.write() as work:
        work.attempts.add(replace(desk.tenant.attempt(event_id), state=AttemptState.SENT))
        work.commit()
    more = {"payload": f"test-{trial_id}"} if way == "button" else {"replied_to": "SM1"}
    message = WrittenMessage(number=desk.contact.whatsapp, text="1", provider="twilio")
    assert take_reply(desk.record, replace(message, **more), at=NOW).result is None  # type: ignore[arg-type]
    assert _status(desk, event_id) is EventStatus.OPEN
    assert take_reply(desk.record, message, at=NOW).result is not None
    assert _status(desk, event_id) is EventStatus.ACKNOWLEDGED, "an answer to the alert itself counts"


def _status(desk: Desk, event_id: int) -> EventStatus:
    with desk.record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    return event.status


def test_of_two_who_ask_at_once_one_is_refused(desk: Desk) -> None:
    together = threading.Barrier(2)

    def ask() -> str:
        together.wait(10)
        try:
            desk.ask()
        except TrialRefusedError as refused:
            return refused.reason
        return "asked"

    with ThreadPoolExecutor(2) as threads:
        answers = [one.result(30) for one in [threads.submit(ask) for _ in range(2)]]
    assert sorted(answers) == ["asked", trials.UNDER_WAY]
