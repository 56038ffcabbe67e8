"""The caps on calls, counted from what is on record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.config.schema import Config
from gateway.model.attempt import Attempt, AttemptState
from gateway.model.call import Call, CallOutcome
from gateway.model.caps import CallCaps
from gateway.model.contact import Contact
from gateway.model.license import SourceKind
from gateway.ports.phone import Prompt
from gateway.ports.record import Record
from gateway.ports.speech import Audio, AudioFormat
from gateway.services import sources, tenants
from gateway.services.announce import Announcer, PreparedCall
from gateway.services.intake import Alert, accept
from gateway.services.lines import Line
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.records import add_due_call

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PHONE = "+15550123"


class OneTrunk:
    """A phone with a trunk that is always there."""

    def trunks(self) -> Sequence[str]:
        return ("carrier",)


class Mute:
    """Speech without a sound."""

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        return Audio(path=Path("/nowhere/a.wav"), duration=SECOND, engine="mute")


LINE = Line(call_id="a" * 32, trunk="only", contact_id=1)


class Desk:
    """Licenses whose contacts share a number, and an announcer that minds the caps."""

    def __init__(self, record: Record) -> None:
        self.record, self.at = record, T0
        self.config = Config.model_validate({"policy": {"events_per_minute": 1000}})
        self.tokens = SourceTokens(hash_key=b"k" * 32)
        prompts: Callable[[str], Mapping[Prompt, Path]] = lambda _language: {}  # noqa: E731 - a name for its type
        self.announcer = Announcer(
            record=record,
            clock=self,
            phone=OneTrunk(),  # type: ignore[arg-type] # only its one method is used
            speech=Mute(),
            prompts=prompts,
            call_caps=CallCaps(),
        )
        self.licenses: list[tuple[Contact, str]] = []
        self.license()

    def now(self) -> datetime:
        return self.at

    def license(self) -> int:
        added = tenants.add_license(self.record, self.config, name="Acme", tier="pro", at=T0)
        contact = tenants.add_contact(self.record, license_id=added.id, name="Ana", phone=PHONE)
        token = sources.add_source(
            self.record, self.tokens, license_id=added.id, kind=SourceKind.WEBHOOK, name="s", at=T0
        ).token
        self.licenses.append((contact, token))
        return len(self.licenses) - 1

    def due(
        self, *, event_id: int | None = None, number: int = 1, of: int = 0, contact_id: int | None = None
    ) -> Attempt:
        """Let a call be due, about a new event unless told which, to the license's first contact unless told whom."""
        contact, token = self.licenses[of]
        if event_id is None:
            accepted = accept(
                self.record,
                config=self.config,
                token_hash=self.tokens.hash(token),
                alert=Alert(title=uuid4().hex),
                now=self.at,
            )
            assert accepted.event_id is not None
            event_id = accepted.event_id
        return add_due_call(self.record, event_id, contact_id or contact.id, at=self.at, number=number)

    def prepare(self, *attempts: Attempt, of: int = 0) -> PreparedCall:
        return self.announcer.prepare(self.licenses[of][0].id, [attempt.id for attempt in attempts], LINE)

    def called(self, *attempts: Attempt, of: int = 0, outcome: CallOutcome = CallOutcome.NO_ANSWER) -> str:
        """Record a leg that made these attempts, from its beginning to its end, and return its id."""
        contact, _ = self.licenses[of]
        with self.record.write() as work:
            call = Call(
                id=uuid4().hex,
                license_id=contact.license_id,
                contact_id=contact.id,
                provider="asterisk",
                node="pbx1",
                trunk="carrier",
                to_number=PHONE,
                started_at=self.at,
                ended_at=self.at,
                outcome=outcome,
            )
            work.calls.add(call)
            work.calls.tie(call.id, [attempt.id for attempt in attempts])
            work.commit()
        return call.id

    def result(self, attempt: Attempt) -> tuple[AttemptState, str | None]:
        with self.record.read() as work:
            found = work.attempts.get(attempt.id)
        assert found is not None
        return found.state, found.reason


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    record = open_record(database_url)
    yield Desk(record)
    record.close()


def test_the_ladder_of_one_event_is_never_capped(desk: Desk) -> None:
    event_id: int | None = None
    for number in (1, 2, 3):
        attempt = desk.due(event_id=event_id, number=number)
        event_id = attempt.event_id
        assert desk.prepare(attempt).order is not None
        desk.called(attempt)
        desk.at += 20 * SECOND


def test_a_third_new_alert_within_the_minute_is_skipped_and_the_ladder_goes_on(desk: Desk) -> None:
    for _ in range(2):
        attempt = desk.due()
        assert desk.prepare(attempt).order is not None
        desk.called(attempt)
    capped = desk.due()
    assert desk.prepare(capped) == PreparedCall(attempt_ids=())
    assert desk.result(capped) == (AttemptState.SKIPPED, "call_cap_contact_minute")
    with desk.record.read() as work:
        details = [entry.detail for entry in work.timeline.of_event(capped.event_id)]
    assert details[-1] == {"attempt_id": capped.id, "result": "skipped", "reason": "call_cap_contact_minute"}
    desk.at += 61 * SECOND
    assert desk.prepare(desk.due()).order is not None


def test_a_new_alert_rides_along_with_a_repeated_call(desk: Desk) -> None:
    first = desk.due()
    desk.called(first)
    desk.called(desk.due())
    repeated = desk.due(event_id=first.event_id, number=2)
    assert desk.prepare(desk.due(), repeated).order is not None


def test_a_leg_that_was_never_dialled_does_not_count(desk: Desk) -> None:
    for outcome in (CallOutcome.TRUNK_TROUBLE, CallOutcome.CANCELLED) * 4:
        desk.called(desk.due(), outcome=outcome)
    assert desk.prepare(desk.due()).order is not None


def test_a_number_is_capped_over_all_licenses(desk: Desk) -> None:
    for _ in range(15):
        desk.called(desk.due(of=0), of=0) if len(desk.licenses) % 2 else desk.called(desk.due(of=1), of=1)
        desk.license()
        desk.at += 9 * 60 * SECOND
    newest = len(desk.licenses) - 1
    capped = desk.due(of=newest)
    desk.prepare(capped, of=newest)
    assert desk.result(capped) == (AttemptState.SKIPPED, "call_cap_number_3h")
