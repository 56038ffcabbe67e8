"""How often the preparation of a call waits for a slow voice: once, for what is said for the first time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.config.schema import Config
from gateway.model.license import SourceKind
from gateway.ports.phone import Prompt
from gateway.ports.speech import Audio, AudioFormat
from gateway.services import sources, tenants
from gateway.services.announce import Announcer
from gateway.services.intake import Alert, accept
from gateway.services.lines import Line
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from gateway.tts.prompts import render_prompts
from tests.records import add_due_call

AT = datetime(2026, 11, 2, 3, tzinfo=UTC)


class OneTrunk:
    def trunks(self) -> Sequence[str]:
        return ("carrier",)


class Clock:
    def now(self) -> datetime:
        return AT


@dataclass
class Speaker:
    said: list[str] = field(default_factory=list)

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        self.said.append(text)
        return Audio(path=Path("/nowhere/a.wav"), duration=timedelta(seconds=1), engine="fake")


def test_only_the_announcement_waits_for_a_slow_voice(sqlite_url: str) -> None:
    record, config, tokens = open_record(sqlite_url), Config(), SourceTokens(hash_key=b"k" * 32)
    slow, hurried = Speaker(), Speaker()

    def prompts(language: str) -> Mapping[Prompt, Path]:
        return render_prompts(hurried, language)

    announcer = Announcer(
        record=record,
        clock=Clock(),
        phone=OneTrunk(),  # type: ignore[arg-type] # only its one method is used
        speech=slow,
        hurried_speech=hurried,
        prompts=prompts,
    )
    license_ = tenants.add_license(record, config, name="Acme", tier="pro", at=AT, handoff_number="+15550199")
    contact = tenants.add_contact(record, license_id=license_.id, name="Ana", phone="+15550123")
    source = sources.add_source(record, tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="s", at=AT)
    alert = Alert(title="North gate forced open")
    accepted = accept(record, config=config, token_hash=tokens.hash(source.token), alert=alert, now=AT)
    assert accepted.event_id is not None
    attempt = add_due_call(record, accepted.event_id, contact.id, at=AT)
    prepared = announcer.prepare(contact.id, [attempt.id], Line(call_id="a" * 32, trunk="carrier", contact_id=1))
    assert prepared.order is not None
    assert prepared.order.whisper is not None
    (announcement,) = slow.said
    assert "North gate forced open" in announcement
    assert len(hurried.said) > len(Prompt), "the prompts, how long they are, and what the operator hears first"
    assert announcement not in hurried.said
    record.close()
