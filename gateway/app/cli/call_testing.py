"""``tocsin call test``: one real call, step by step."""

import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from gateway.app.cli.call_steps import Attempt, Steps, Words
from gateway.app.cli.call_trial import Reports, Trial, TrialError
from gateway.app.cli.checks_asterisk import look_at_node
from gateway.app.cli.invocation import CommandFailedError, Invocation, command
from gateway.app.clock import SteadyClock
from gateway.app.secrets import load_secrets
from gateway.app.speech import build_speech
from gateway.channels.asterisk.ami_values import UnsafeValueError
from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.config.schema import AsteriskConfig, Config, parse_e164, parse_language
from gateway.model.call import CallOutcome
from gateway.model.languages import speakable
from gateway.ports.clock import Clock
from gateway.ports.speech import AudioFormat
from gateway.services.call_safety import destination_refusal, in_words
from gateway.services.iso import iso
from gateway.tts.prompts import render_prompts
from gateway.wording import phrases

_ACKNOWLEDGE_DIGIT = "1"
_TITLE = "This is a test call"


@click.command("test")
@click.argument("number", metavar="E164")
@click.option("--language", default="en", show_default=True, metavar="LANG", help="What the callee hears.")
@click.option("--trunk", metavar="NAME", help="Only this trunk.  [default: the first that works, then the others]")
@command
def call_test(invocation: Invocation, *, number: str, language: str, trunk: str | None) -> None:
    """Place one real call through the configured trunks and print each step.

    The callee hears a test announcement; key 1 is confirmed. Trunk trouble moves the call to the next trunk. A failure
    is explained: what it means, who has to act, what Tocsin does with it. Nothing is recorded, and the engine may run
    meanwhile. Ctrl-C hangs up. Exit status 0 where the call was answered.

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
    trunks = [one for one in section.trunks if trunk in {None, one.name}]
    if not trunks:
        names = ", ".join(one.name for one in section.trunks)
        raise click.UsageError(f"there is no trunk {trunk}: the configuration has {names}")
    if (refusal := destination_refusal(config.call_safety.safety(), to_number)) is not None:
        detail: dict[str, object] = {"to_number": to_number, "reason": refusal}
        raise CommandFailedError(f"{to_number} is not called: {in_words(refusal)}", code="refused", detail=detail)
    steps, clock = Steps(invocation.say), SteadyClock()
    words = _words(config, spoken_in)
    with _interruptible(), _phone(config, section, clock) as (phone, reports):
        trial = Trial(
            phone=phone,
            reports=reports,
            clock=clock,
            steps=steps,
            words=words,
            to_number=to_number,
            diagnose=lambda name: _diagnosis(config, section, name),
            ring_timeout=config.policy.ring_timeout,
        )
        try:
            last = trial.run(trunks)
        except (TrialError, UnsafeValueError) as error:
            tried = {"to_number": to_number, "attempts": [attempt.document() for attempt in trial.attempts]}
            raise CommandFailedError(str(error), code="call_failed", detail=tried | {"steps": steps.taken}) from error
    _answer(invocation, trial, last, steps, to_number)


def _answer(invocation: Invocation, trial: Trial, last: Attempt, steps: Steps, to_number: str) -> None:
    ended = last.ended
    assert ended is not None
    answered = ended.outcome is CallOutcome.NO_KEY and not trial.interrupted
    document: dict[str, Any] = {
        "ok": answered,
        "to_number": to_number,
        **last.document(),
        "answered_at": iso(ended.answered_at),
        "digits": trial.digits,
        "acknowledged": _ACKNOWLEDGE_DIGIT in trial.digits,
        "billed_seconds": ended.billed_seconds,
        "interrupted": trial.interrupted,
        "attempts": [attempt.document() for attempt in trial.attempts],
        "steps": steps.taken,
    }
    if answered:
        invocation.answer(document, lambda: click.echo("the call was answered"))
        return
    detail = {key: value for key, value in document.items() if key != "ok"}
    if trial.interrupted:
        raise CommandFailedError("interrupted: the call was hung up", code="interrupted", detail=detail)
    explained = last.explanation
    why = f"\n{explained.meaning}. {explained.advice}" if explained is not None else ""
    raise CommandFailedError(
        f"the call was not answered: {ended.outcome.value}{why}", code="call_failed", detail=detail
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Take a request to end, from a service manager or a terminal that is closed, like Ctrl-C: it hangs up."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _phone(config: Config, section: AsteriskConfig, clock: Clock) -> Iterator[tuple[AsteriskPhone, Reports]]:
    reports: Reports = queue.SimpleQueue()
    phone = AsteriskPhone(
        config=section,
        secrets=load_secrets(config).ami_secrets,
        listener=reports.put,
        clock=clock,
        trunk_listener=reports.put,
    )
    phone.start()
    try:
        yield phone, reports
    finally:
        phone.stop()


def _diagnosis(config: Config, section: AsteriskConfig, trunk: str) -> str | None:
    """Return what the doctor finds wrong about a trunk and its node, ``None`` where all is well."""
    node_name = next(one.node for one in section.trunks if one.name == trunk)
    node = next(one for one in section.nodes if one.name == node_name)
    found = look_at_node(section, node, load_secrets(config).ami_secrets[node.name])
    of_node = [one.name for one in section.trunks if one.node == node_name]
    findings = (found.ami, found.dialplan, found.trunks[of_node.index(trunk)])
    wrong = [f"{one.detail}: {one.advice}" for one in findings if one.advice]
    return "; ".join(wrong) or None


def _words(config: Config, language: str) -> Words:
    """Speak what the callee will hear, into the gateway's own cache."""
    speech = build_speech(config, may_load=False)
    try:

        def spoken(text: str) -> Path:
            return speech.render(text, language=speakable(language), audio_format=AudioFormat.PHONE).path

        announcement = phrases.announcement(language, license_name="Tocsin", severity="info", title=_TITLE, body="")
        return Words(
            language, spoken(announcement), spoken(phrases.acknowledged(language)), render_prompts(speech, language)
        )
    finally:
        speech.stop()
