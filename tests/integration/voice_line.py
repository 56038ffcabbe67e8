"""A call through Twilio as its callbacks see it: signed requests, and what was said to the callee."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from flask.testing import FlaskClient

from gateway.channels.twilio.voice_outcomes import read_voice_report
from gateway.config.schema import Config, WebConfig
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.model.contact import Contact
from gateway.ports.phone import Prompt
from gateway.ports.record import Record, RecordUnavailableError, UnitOfWork
from gateway.ports.speech import Audio, AudioFormat, SpeechError
from gateway.services import calls, tenants
from gateway.services.call_script import CallScript, ScriptSigner
from gateway.services.quota import VoiceQuota
from gateway.store import SqlRecord
from tests.clouds.twilio_twiml import parse
from tests.unit.web.installation import Installation, open_event
from web.services import VoiceCalls

SIGNED = {"X-Twilio-Signature": "signed"}
CALL_ID, SID = "c" * 32, "CA" + "1" * 32
OPERATOR = "+15550999"


@dataclass
class FakeSpeech:
    """Speaks nothing, and keeps what it was asked to say."""

    directory: Path
    said: list[str] = field(default_factory=list)
    fails: bool = False

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        if self.fails:
            raise SpeechError("no voice today")
        self.said.append(text)
        return Audio(path=self.directory / f"said-{len(self.said)}.wav", duration=timedelta(seconds=1), engine="fake")


class MoodyRecord:
    """A record that is away when told so."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.away = False

    def write(self) -> AbstractContextManager[UnitOfWork]:
        self._look()
        return self.record.write()

    def read(self) -> AbstractContextManager[UnitOfWork]:
        self._look()
        return self.record.read()

    def check(self) -> None:
        self.record.check()

    def _look(self) -> None:
        if self.away:
            raise RecordUnavailableError("away")


@dataclass
class Line:
    """One call, as Twilio sees it."""

    there: Installation
    client: FlaskClient
    speech: FakeSpeech
    record: MoodyRecord
    event_id: int
    contact: Contact
    script: CallScript
    signer: ScriptSigner

    def post(self, step: str, **form: str) -> list[ET.Element]:
        """Ask for a step of the call, and return the verbs of the answer."""
        answer = self.client.post(self.address(step), data=self.form(**form), headers=SIGNED)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return parse(answer.get_data(), answer.mimetype or "")

    def follow(self, address: str | None, **form: str) -> list[ET.Element]:
        """Ask what an earlier answer named."""
        assert address is not None
        path = address.removeprefix("https://alerts.example.com")
        answer = self.client.post(path, data=self.form(**form), headers=SIGNED)
        assert answer.status_code == 200
        return parse(answer.get_data(), answer.mimetype or "")

    def report(self, status: str, **form: str) -> None:
        answer = self.client.post(self.address("status"), data=self.form(CallStatus=status, **form), headers=SIGNED)
        assert answer.status_code == 204

    def form(self, **more: str) -> dict[str, str]:
        return {"CallSid": SID, "CallStatus": "in-progress"} | more

    def address(self, step: str) -> str:
        first, _, state = step.partition("?")
        return f"/twilio/voice/{first}?call={self.signer.sign(self.script)}&{state}"

    def call(self) -> Call:
        with self.there.record.read() as work:
            call = work.calls.get(CALL_ID)
        assert call is not None
        return call

    def attempt(self) -> Attempt:
        with self.there.record.read() as work:
            (attempt,) = work.attempts.of_call(CALL_ID)
        return attempt


def begun_line(record: SqlRecord, directory: Path, *, pin: str | None = None) -> Line:
    """Return a call that is begun to Ana, who has that PIN, if any."""
    signer, speech, moody = ScriptSigner(b"k" * 32), FakeSpeech(directory), MoodyRecord(record)
    there = Installation(record, config=Config(web=WebConfig(public_url="https://alerts.example.com")))
    there.audio_dir = directory
    quota = VoiceQuota(there.config.tiers)
    there.voice = VoiceCalls(
        scripts=signer,
        sound_url=lambda path: f"https://alerts.example.com/media/{path.relative_to(directory)}",
        speech=speech,
        quota=quota,
        read_report=read_voice_report,
        caller_id="+15550100",
    )
    ana = tenants.add_contact(record, license_id=there.license.id, name="Ana", phone="+15550101", pin=pin)
    there.change_license(handoff_number=OPERATOR)
    event_id = open_event(there.client())
    with record.write() as work:
        attempt = work.attempts.add(
            Attempt(
                id=0,
                event_id=event_id,
                contact_id=ana.id,
                level=Level.CALL,
                number=1,
                state=AttemptState.PENDING,
                began_at=there.clock.now(),
            )
        )
        work.commit()
    assert calls.begin_call(
        record,
        call_id=CALL_ID,
        contact_id=ana.id,
        attempt_ids=[attempt.id],
        provider="twilio",
        node="twilio",
        trunk="twilio",
        to_number=ana.phone,
        longest=timedelta(minutes=1),
        quota=quota,
        at=there.clock.now(),
    )
    (directory / "alert.wav").write_bytes(b"the alert")
    script = CallScript(
        call_id=CALL_ID,
        language="en",
        announcement="alert.wav",
        prompts={prompt: f"{prompt.value}.wav" for prompt in Prompt},
        handoff_number=OPERATOR,
        pin_wanted=pin is not None,
    )
    there.record = moody
    client = there.client()
    there.record = record
    return Line(there, client, speech, moody, event_id, ana, script, signer)
