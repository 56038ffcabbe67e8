"""A call through Twilio as its callbacks see it: signed requests, and what was said to the callee."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from flask.testing import FlaskClient

from gateway.model.attempt import Attempt
from gateway.model.call import Call
from gateway.model.contact import Contact
from gateway.ports.record import Record, RecordUnavailableError, UnitOfWork
from gateway.ports.speech import Audio, AudioFormat, SpeechError
from gateway.services.call_script import CallScript, ScriptSigner
from tests.clouds.twilio_twiml import parse
from tests.unit.web.installation import Installation

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
