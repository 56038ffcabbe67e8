"""The engine at the end of a license's voice minutes: voice levels are skipped, texts go on, the owner hears it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app.bootstrap import audio_dir
from gateway.app.engine import Engine
from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.model.event import Severity
from gateway.model.license import SourceKind
from gateway.model.quota import VoiceSeconds
from gateway.ports.messages import Delivery, Message
from gateway.ports.phone import CallAnswered, CallEnded, CallOrder, PhoneListener
from gateway.ports.speech import Audio, AudioFormat
from gateway.services import sources, tenants
from gateway.services.intake import Alert, accept
from gateway.services.queries import show_event
from gateway.services.quota import quota_status
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.waiting import until

SPOKEN = timedelta(seconds=30)
TALKED_SECONDS = 70


@dataclass
class FakeChannel:
    """Sends everything, and keeps it. What becomes of voice notes is ``voice_note``."""

    sent: list[Message] = field(default_factory=list)
    voice_note: AttemptState = AttemptState.SENT

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        return None

    def send(self, message: Message) -> Delivery:
        self.sent.append(message)
        state = self.voice_note if message.level is Level.VOICE_NOTE else AttemptState.SENT
        return Delivery(state=state, provider="fake", provider_id=f"m{len(self.sent)}")


@dataclass
class FakeSpeech:
    """Speaks anything in thirty seconds."""

    directory: Path

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        return Audio(path=self.directory / "spoken", duration=SPOKEN, engine="fake")


class FakePhone:
    """Every call is answered at once and hung up after the same time, without a key."""

    def __init__(self) -> None:
        self.placed: list[CallOrder] = []
        self.listener: PhoneListener = print

    def trunks(self) -> Sequence[str]:
        return ("carrier",)

    def node_of(self, trunk: str) -> str:
        return f"pbx of {trunk}"

    def place(self, order: CallOrder) -> None:
        self.placed.append(order)
        at = datetime.now(UTC)
        self.listener(CallAnswered(order.call_id, at))
        ended = CallEnded(
            call_id=order.call_id,
            at=at,
            outcome=CallOutcome.NO_KEY,
            answered_at=at,
            billed_seconds=TALKED_SECONDS,
        )
        self.listener(ended)

    def hang_up(self, call_id: str) -> None:
        raise NotImplementedError

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        raise NotImplementedError

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        raise NotImplementedError

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        raise NotImplementedError

    def forget(self, call_id: str) -> None:
        """Nothing is kept."""


class Rig:
    """A license of two voice minutes with two contacts, and a running engine."""

    def __init__(self, database_url: str, directory: Path, *, overdraft: bool) -> None:
        text = f"""
var_dir: {directory}
database_url: {database_url}
policy: {{l1_wait: 20ms, l2_wait: 20ms, call_gap: 20ms, call_attempts: 1, events_per_minute: 1000}}
tiers: {{small: {{voice_minutes: 2}}}}
"""
        self.config: Config = parse_config(text, {})[0]
        self.record = open_record(database_url)
        self.whatsapp, self.owner, self.phone = FakeChannel(), FakeChannel(), FakePhone()
        now = datetime.now(UTC)
        self.license_id = tenants.add_license(
            self.record,
            self.config,
            name="Acme",
            tier="small",
            at=now,
            owner_telegram="1001",
            overdraft=overdraft,
        ).id
        for n in range(2):
            tenants.add_contact(self.record, license_id=self.license_id, name=f"P{n}", phone=f"+1555012{n:04}")
        tokens = SourceTokens(hash_key=b"k" * 32)
        made = sources.add_source(
            self.record, tokens, license_id=self.license_id, kind=SourceKind.WEBHOOK, name="s", at=now
        )
        self._token_hash = tokens.hash(made.token)
        channels = dict.fromkeys((Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN), self.whatsapp)
        self.engine = Engine(
            self.config,
            channels=channels | {Level.OWNER: self.owner},
            speech=FakeSpeech(audio_dir(self.config)),
            phone=self.phone,
        )
        self.phone.listener = self.engine._phone_reported

    def escalate(self, title: str, severity: Severity = Severity.WARN) -> list[tuple[str, str, str, str | None]]:
        """Have an alert escalate to its end, and return contact, level, state and reason of each attempt."""
        accepted = accept(
            self.record,
            config=self.config,
            token_hash=self._token_hash,
            alert=Alert(title=title, severity=severity),
            now=datetime.now(UTC),
        )
        event_id = accepted.event_id
        assert event_id is not None
        until(lambda: self._show(event_id)["status"] == "exhausted", 20, f"{title} is exhausted")
        with self.record.read() as work:
            attempts = work.attempts.of_event(event_id)
            names = {c.id: c.name for c in work.contacts.of_license(self.license_id)}
        return [
            (names[a.contact_id], a.level.value, a.state.value, a.reason) for a in attempts if a.contact_id is not None
        ]

    def notices(self) -> list[str]:
        return [message.text for message in self.owner.sent if "its voice minutes of" in message.text]

    def voice(self) -> VoiceSeconds:
        now = datetime.now(UTC)
        return quota_status(self.record, self.config.tiers, license_id=self.license_id, at=now).voice

    def _show(self, event_id: int) -> dict[str, Any]:
        shown = show_event(self.record, event_id)
        assert shown is not None
        return shown


@pytest.fixture
def rig(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(database_url, tmp_path / "var", overdraft=getattr(request, "param", False))
    rig.engine.start()
    try:
        yield rig
    finally:
        rig.engine.stop()
        rig.record.close()


def test_when_the_voice_minutes_are_spent_texts_go_on_and_the_owner_is_told_once_at_each_mark(rig: Rig) -> None:
    first = rig.escalate("First")
    # Of 120 seconds: a note of 30, a call of 70, and a last note of 30, for which 20 remained.
    assert first == [
        ("P0", "whatsapp_text", "sent", None),
        ("P0", "whatsapp_voice", "sent", None),
        ("P0", "phone", "missed", "no_key"),
        ("P1", "whatsapp_text", "sent", None),
        ("P1", "whatsapp_voice", "sent", None),
        ("P1", "phone", "skipped", "voice_quota_spent"),
    ]
    assert rig.voice() == VoiceSeconds(used=130)
    for title in ("Second", "Third"):
        assert rig.escalate(title) == [
            (name, *attempt)
            for name in ("P0", "P1")
            for attempt in (
                ("whatsapp_text", "sent", None),
                ("whatsapp_voice", "skipped", "voice_quota_spent"),
                ("phone", "skipped", "voice_quota_spent"),
            )
        ]
    until(lambda: len(rig.notices()) == 2, 10, "the owner was told of both marks")
    near, spent = rig.notices()
    assert "83%" in near
    assert "1 min 40 secs of 2 mins" in near
    assert "2 mins 10 secs of 2 mins" in spent
    assert rig.voice() == VoiceSeconds(used=130)
    assert len(rig.phone.placed) == 1


@pytest.mark.parametrize("rig", [True], indirect=True)
def test_with_overdraft_people_are_called_about_what_is_critical_and_about_nothing_else(rig: Rig) -> None:
    rig.escalate("First")
    placed = len(rig.phone.placed)
    assert ("P0", "phone", "skipped", "voice_quota_spent") in rig.escalate("Second")
    assert len(rig.phone.placed) == placed
    assert rig.escalate("Third", Severity.CRITICAL) == [
        (name, *attempt)
        for name in ("P0", "P1")
        for attempt in (
            ("whatsapp_text", "sent", None),
            ("whatsapp_voice", "sent", None),
            ("phone", "missed", "no_key"),
        )
    ]
    assert rig.voice() == VoiceSeconds(used=130 + 2 * (30 + TALKED_SECONDS))


def test_a_call_reserves_what_it_says_three_times_with_its_pauses(rig: Rig) -> None:
    rig.escalate("First")
    (order,) = rig.phone.placed
    # Announcement, menu and four seconds for a key, three times, and the good-bye.
    assert order.longest == 3 * (2 * SPOKEN + timedelta(seconds=4)) + SPOKEN


@pytest.mark.parametrize(
    ("state", "used"),
    [(AttemptState.FAILED, 0), (AttemptState.UNAVAILABLE, 0), (AttemptState.SKIPPED, 0), (AttemptState.UNKNOWN, 60)],
)
def test_a_voice_note_counts_unless_it_certainly_did_not_leave(rig: Rig, state: AttemptState, used: int) -> None:
    rig.whatsapp.voice_note = state
    tenants.set_license(rig.record, rig.config, rig.license_id, tenants.LicenseChange(voice_minutes="unlimited"))
    rig.escalate("First")
    assert rig.voice() == VoiceSeconds(used=used + 2 * TALKED_SECONDS)
