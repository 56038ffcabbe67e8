"""``tocsin call test``: one real call, step by step."""

import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import click

from gateway.app.cli.call_records import call_export, call_list, call_show, call_trunks
from gateway.app.cli.invocation import CommandFailedError, Invocation, command
from gateway.app.clock import SteadyClock
from gateway.app.secrets import load_secrets
from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.config.schema import AsteriskConfig, Config, parse_e164, parse_language
from gateway.model import phrases
from gateway.model.call import CallOutcome
from gateway.model.languages import speakable
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    PhoneNodeDown,
    PhoneNodeUp,
    PhoneReport,
    Prompt,
)
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.espeak import EspeakEngine
from gateway.tts.prompts import render_prompts

_CONNECT_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.05
# The announcement three times, a transfer that nobody takes, and some slack: longer than any test call.
_LONGEST_CALL_SECONDS = 600.0
_AFTER_INTERRUPT_SECONDS = 5.0
_ACKNOWLEDGE_DIGIT = "1"
_TITLE = "This is a test call"


@click.group()
def call() -> None:
    """Phone calls: those that were made, and one to try a trunk."""


for recorded in (call_list, call_show, call_export, call_trunks):
    call.add_command(recorded)


@call.command("test")
@click.argument("number", metavar="E164")
@click.option("--language", default="en", show_default=True, metavar="LANG", help="What the callee hears.")
@click.option("--trunk", metavar="NAME", help="Only this trunk.  [default: the first that works, then the others]")
@command
def call_test(invocation: Invocation, *, number: str, language: str, trunk: str | None) -> None:
    """Place one real call through the configured trunks and print each step.

    The callee hears a test announcement; key 1 is confirmed. Trunk trouble moves the call to the next trunk.
    Nothing is recorded. Exit status 0 where the call was answered.

    \b
    Examples:
      tocsin call test +15550123
      tocsin call test +34600000000 --language es --trunk carrier-a
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    try:
        to_number, spoken_in = parse_e164(number), parse_language(language)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    section = config.asterisk
    if section is None or not section.trunks:
        raise CommandFailedError("the configuration names no trunk: add one under asterisk.trunks")
    names = [one.name for one in section.trunks]
    if trunk is not None and trunk not in names:
        raise click.UsageError(f"there is no trunk {trunk}: the configuration has {', '.join(names)}")
    steps = _Steps(invocation)
    with _phone(config, section) as (phone, reports):
        words = _words(config, spoken_in)
        test = _TestCall(phone=phone, reports=reports, steps=steps, words=words, to_number=to_number)
        ended = test.run([trunk] if trunk else names)
    document = {
        "ok": ended.outcome is CallOutcome.NO_KEY,
        "to_number": to_number,
        "trunk": test.trunk,
        "answered_at": None if ended.answered_at is None else ended.answered_at.isoformat(),
        "digits": test.digits,
        "acknowledged": _ACKNOWLEDGE_DIGIT in test.digits,
        "outcome": ended.outcome.value,
        "sip_cause": ended.sip_cause,
        "hangup_cause": ended.hangup_cause,
        "billed_seconds": ended.billed_seconds,
        "steps": steps.taken,
    }
    if ended.outcome is not CallOutcome.NO_KEY:
        detail = {key: value for key, value in document.items() if key != "ok"}
        raise CommandFailedError(f"the call was not answered: {ended.outcome.value}", code="call_failed", detail=detail)
    invocation.answer(document, lambda: click.echo("the call was answered"))


@dataclass(frozen=True, slots=True)
class _Words:
    """What the callee may hear, as files."""

    language: str
    announcement: Path
    confirmation: Path
    prompts: Mapping[Prompt, Path]


@dataclass(slots=True)
class _Steps:
    """Tells people each step at once, and keeps it for the answer."""

    invocation: Invocation
    taken: list[dict[str, object]] = field(default_factory=list)

    def tell(self, at: datetime, step: str, **detail: object) -> None:
        """Tell one step."""
        self.taken.append({"at": at.isoformat(), "step": step, **detail})
        told = " ".join(f"{key}={value}" for key, value in detail.items() if value is not None)
        self.invocation.say(f"{at:%H:%M:%S.%f}  {step} {told}".rstrip())


class _TestCall:
    """One call, on one trunk after the other while they are in trouble."""

    def __init__(
        self,
        *,
        phone: AsteriskPhone,
        reports: "queue.SimpleQueue[PhoneReport]",
        steps: _Steps,
        words: _Words,
        to_number: str,
    ) -> None:
        self._phone = phone
        self._reports = reports
        self._steps = steps
        self._words = words
        self._to_number = to_number
        self._clock = SteadyClock()
        self.digits = ""
        self.trunk: str | None = None

    def run(self, trunks: list[str]) -> CallEnded:
        """Call and return how it ended. Raises ``CommandFailedError`` where no trunk could be tried."""
        self._await_trunk(trunks)
        ended: CallEnded | None = None
        for trunk in trunks:
            if trunk not in self._phone.trunks():
                self._steps.tell(self._clock.now(), "trunk_out_of_reach", trunk=trunk)
                continue
            self.trunk = trunk
            ended = self._place(trunk)
            if ended.outcome is not CallOutcome.TRUNK_TROUBLE:
                break
        if ended is None:
            raise CommandFailedError("no trunk can place calls: tocsin doctor says why")
        return ended

    def _await_trunk(self, trunks: list[str]) -> None:
        """Wait until one of the trunks takes orders, which nobody reports: a node does so after its look-up."""
        end = time.monotonic() + _CONNECT_SECONDS
        while not set(trunks) & set(self._phone.trunks()) and time.monotonic() < end:
            try:
                report = self._reports.get(timeout=_LOOK_EVERY_SECONDS)
            except queue.Empty:
                continue
            if isinstance(report, PhoneNodeUp):
                self._steps.tell(self._clock.now(), "node_connected", node=report.node)
                self._phone.look_up(report.node, [])
            elif isinstance(report, PhoneNodeDown):
                self._steps.tell(self._clock.now(), "node_lost", node=report.node, reason=report.reason)

    def _place(self, trunk: str) -> CallEnded:
        call_id = uuid4().hex
        self._steps.tell(self._clock.now(), "dialled", trunk=trunk, to=self._to_number)
        self._phone.place(
            CallOrder(
                call_id=call_id,
                trunk=trunk,
                to_number=self._to_number,
                ring_timeout=timedelta(seconds=30),
                language=self._words.language,
                announcement=self._words.announcement,
                prompts=self._words.prompts,
            )
        )
        try:
            ended = self._follow(call_id, trunk, _LONGEST_CALL_SECONDS)
        except KeyboardInterrupt:
            # Ctrl-C must not leave a phone ringing.
            self._phone.hang_up(call_id)
            ended = self._follow(call_id, trunk, _AFTER_INTERRUPT_SECONDS)
        self._phone.forget(call_id)
        return ended

    def _follow(self, call_id: str, trunk: str, seconds: float) -> CallEnded:
        """Tell what happens until the leg has ended. Raises ``CommandFailedError`` where its end stays unknown."""
        end = time.monotonic() + seconds
        while True:
            try:
                report = self._reports.get(timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                raise CommandFailedError("the end of the call was not reported: tocsin doctor may say why") from None
            match report:
                case PhoneNodeUp(node=node) if node == self._phone.node_of(trunk):
                    self._steps.tell(self._clock.now(), "node_connected", node=node)
                    self._phone.look_up(node, [call_id])
                case PhoneNodeDown(node=node, reason=reason) if node == self._phone.node_of(trunk):
                    self._steps.tell(self._clock.now(), "node_lost", node=node, reason=reason)
                case CallRinging(call_id=one, at=at) if one == call_id:
                    self._steps.tell(at, "ringing")
                case CallAnswered(call_id=one, at=at) if one == call_id:
                    self._steps.tell(at, "answered")
                case KeyPressed(call_id=one) if one == call_id:
                    self._key(report)
                case CallNeverDialled(call_id=one) if one == call_id:
                    return CallEnded(call_id=call_id, at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE)
                case CallEnded(call_id=one, at=at) if one == call_id:
                    self._steps.tell(
                        at,
                        "ended",
                        outcome=report.outcome.value,
                        sip_cause=report.sip_cause,
                        hangup_cause=report.hangup_cause,
                        billed_seconds=report.billed_seconds,
                    )
                    return report

    def _key(self, key: KeyPressed) -> None:
        if key.sequence <= len(self.digits):
            return
        self.digits += key.digit
        self._steps.tell(key.at, "key_pressed", digit=key.digit)
        if key.digit == _ACKNOWLEDGE_DIGIT:
            self._phone.say_and_hang_up(key.call_id, self._words.confirmation)


@contextmanager
def _phone(config: Config, section: AsteriskConfig) -> Iterator[tuple[AsteriskPhone, "queue.SimpleQueue[PhoneReport]"]]:
    reports: queue.SimpleQueue[PhoneReport] = queue.SimpleQueue()
    phone = AsteriskPhone(
        config=section, secrets=load_secrets(config).ami_secrets, listener=reports.put, clock=SteadyClock()
    )
    phone.start()
    try:
        yield phone, reports
    finally:
        phone.stop()


def _words(config: Config, language: str) -> _Words:
    """Speak what the callee will hear, into the gateway's own cache."""
    speech = CachedSpeech([EspeakEngine()], config.var_dir.absolute() / "audio", time_limit=config.tts.time_limit)
    try:

        def spoken(text: str) -> Path:
            return speech.render(text, language=speakable(language), audio_format=AudioFormat.PHONE).path

        announcement = phrases.announcement(language, license_name="Tocsin", severity="info", title=_TITLE, body="")
        return _Words(
            language, spoken(announcement), spoken(phrases.acknowledged(language)), render_prompts(speech, language)
        )
    finally:
        speech.stop()
