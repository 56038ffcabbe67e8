"""``/twilio/voice``: what a call through Twilio says, the keys of its callee, and how it goes.

Every address carries the call's script, which we signed, and every request is signed by Twilio. Requests may come
twice, late, or never: what they tell is recorded by number, and whoever follows the call looks by itself.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

import structlog
from flask import Blueprint, Response, abort, request

from gateway.model.call import MachinePolicy
from gateway.model.languages import speakable
from gateway.model.timeline import TimelineType
from gateway.ports.phone import TWILIO, CallEnded, MachineDetected, OperatorReported, OperatorState, Prompt
from gateway.ports.provider_calls import ProviderReport
from gateway.ports.record import RecordUnavailableError
from gateway.ports.speech import AudioFormat, SpeechError
from gateway.services import call_queries, last_words, provider_calls
from gateway.services.call_reports import note_machine, note_operator
from gateway.services.keys import ACKNOWLEDGE_DIGIT, HANDOFF_DIGIT, PinResult
from web.callbacks.twiml import Hangup, Play, Say, Verb, document
from web.callbacks.verification import signed_form, verify
from web.callbacks.voice_menu import Menu
from web.services import VoiceCalls, services

log = structlog.get_logger(__name__)

blueprint = Blueprint("voice", __name__, url_prefix="/twilio/voice")
blueprint.before_request(verify)

_KEYS = frozenset("0123456789*#ABCD")
_SECONDS = re.compile("[0-9]{1,6}")
# DialCallStatus, https://www.twilio.com/docs/voice/twiml/dial#dialcallstatus-values
_OPERATOR: Mapping[str, tuple[OperatorState, Prompt | None]] = {
    "completed": (OperatorState.ENDED, None),
    "answered": (OperatorState.ENDED, None),
    "busy": (OperatorState.BUSY, Prompt.OPERATOR_BUSY),
    "no-answer": (OperatorState.ABSENT, Prompt.OPERATOR_ABSENT),
}


@blueprint.post("/answer")
def answer() -> Response:
    """Say the message: somebody, or a machine, has answered."""
    menu = _menu()
    script, report = menu.script, _report()
    try:
        provider_calls.take_report(
            services().record,
            call_id=script.call_id,
            provider_call_id=report.provider_call_id if report else "",
            kind=TimelineType.CALL_ANSWERED,
            at=services().clock.now(),
        )
        services().wakeup.notify()
        call = call_queries.find(services().record, script.call_id)
        is_wanted = call_queries.concerns_open_event(services().record, script.call_id)
    except RecordUnavailableError:
        # Whoever answers is told in any case; their key waits for the record.
        log.warning("call_progress_not_recorded", call_id=script.call_id)
        call, is_wanted = None, True
    log.info("provider_call_answered", call_id=script.call_id, by_machine=report is not None and report.by_machine)
    if report is not None and report.by_machine and script.machine is not MachinePolicy.IGNORE:
        leave = script.machine is MachinePolicy.LEAVE_MESSAGE
        _note_machine(script.call_id, report.answered_by)
        return _twiml(*(menu.leave_message() if leave else [Hangup()]))
    if not is_wanted:
        text = last_words.when_over(services().record, script.call_id, script.language)
        return _last_word(menu, text)
    return _twiml(*menu.message(turn=1, key=len(call.digits) + 1 if call is not None else 1))


@blueprint.post("/key")
def key() -> Response:
    """Take a key."""
    menu, turn, number = _menu(), _state("turn"), _state("key")
    digit = signed_form().get("Digits") or request.args.get("digit", "")
    if digit not in _KEYS or len(digit) != 1:
        return _twiml(*menu.message(turn=turn, key=number, remark=Prompt.NOT_UNDERSTOOD))
    if digit == ACKNOWLEDGE_DIGIT and menu.script.pin_wanted:
        return _twiml(*menu.ask_pin(turn=turn, key=number))
    try:
        return _pressed(menu, digit, turn, number)
    except RecordUnavailableError:
        log.warning("key_waits_for_the_record", call_id=menu.script.call_id)
        return _twiml(*menu.ask_again("key", turn=turn, key=number, digit=digit))


@blueprint.post("/pin")
def pin() -> Response:
    """Take the PIN that a 1 counts with."""
    menu, turn, number = _menu(), _state("turn"), _state("key")
    try:
        return _pressed(menu, ACKNOWLEDGE_DIGIT, turn, number, pin=signed_form().get("Digits", ""))
    except RecordUnavailableError:
        # A PIN does not belong into an address, so that it cannot wait there: it is asked for once more.
        log.warning("pin_not_checked", call_id=menu.script.call_id)
        return _twiml(*menu.ask_pin(turn=turn, key=number))


@blueprint.post("/operator")
def operator() -> Response:
    """Go on after the callee and the operator have talked, or could not."""
    menu, turn, number = _menu(), _state("turn"), _state("key")
    status = signed_form().get("DialCallStatus", "")
    state, remark = _OPERATOR.get(status, (OperatorState.UNREACHABLE, Prompt.NO_OPERATOR))
    seconds = signed_form().get("DialCallDuration", "")
    talked = timedelta(seconds=int(seconds) if _SECONDS.fullmatch(seconds) else 0)
    _note_operator(menu, state, talked if state is OperatorState.ENDED else timedelta())
    if remark is None:
        return _twiml(Hangup())
    return _twiml(*menu.message(turn=turn, key=number, remark=remark))


@blueprint.post("/whisper")
def whisper() -> Response:
    """Tell the operator what it is about, before they are connected."""
    return _twiml(*_menu().whisper())


@blueprint.post("/status")
def status() -> Response:
    """Take a report on how the call goes."""
    menu, report = _menu(), _report()
    if report is None:
        return Response(status=204)
    there, call_id = services(), menu.script.call_id
    known = provider_calls.take_report(
        there.record,
        call_id=call_id,
        provider_call_id=report.provider_call_id,
        kind=_kind(report),
        at=there.clock.now(),
    )
    if known and report.outcome is not None:
        outcome = provider_calls.take_end(there.record, _ended(menu, report), quota=_voice().quota)
        log.info("provider_call_ended", call_id=call_id, outcome=outcome.value if outcome else None)
    if not known:
        log.warning("report_about_unknown_call", call_id=call_id, provider_call_id=report.provider_call_id)
    there.wakeup.notify()
    return Response(status=204)


def _pressed(menu: Menu, digit: str, turn: int, number: int, *, pin: str | None = None) -> Response:
    there, script = services(), menu.script
    pressed = provider_calls.take_key(
        there.record,
        call_id=script.call_id,
        digit=digit,
        sequence=number,
        at=there.clock.now(),
        pin=pin,
        may_connect=lambda _number: script.handoff_number is not None,
    )
    there.wakeup.notify()
    log.info("key_pressed", call_id=script.call_id, digit=digit, event_ids=pressed.event_ids, pin=pressed.pin)
    if pressed.pin is PinResult.LAST_REFUSED:
        return _twiml(*menu.goodbye(Prompt.WRONG_PIN))
    if pressed.is_refused:
        return _twiml(*menu.ask_pin(turn=turn, key=number + 1, remark=Prompt.WRONG_PIN))
    if digit == ACKNOWLEDGE_DIGIT:
        return _last_word(menu, last_words.after_key(script.language, pressed.acknowledged))
    if digit == HANDOFF_DIGIT:
        if script.handoff_number is not None:
            _note_operator(menu, OperatorState.DIALLING)
        return _twiml(*menu.connect(turn=turn, key=number + 1, caller_id=_voice().caller_id))
    return _twiml(*menu.message(turn=turn, key=number + 1, remark=Prompt.NOT_UNDERSTOOD))


def _note_machine(call_id: str, reason: str) -> None:
    try:
        note_machine(services().record, MachineDetected(call_id, services().clock.now(), reason))
    except RecordUnavailableError:
        log.warning("machine_not_recorded", call_id=call_id)


def _note_operator(menu: Menu, state: OperatorState, talked: timedelta = timedelta()) -> None:
    """Record how it stands with the operator; without the record the callee is served all the same."""
    at, call_id = services().clock.now(), menu.script.call_id
    log.info("operator_reported", call_id=call_id, state=state.value)
    try:
        note_operator(services().record, OperatorReported(call_id, state, at, trunk=TWILIO, talked=talked))
    except RecordUnavailableError:
        log.warning("operator_not_recorded", call_id=call_id, state=state.value)


def _ended(menu: Menu, report: ProviderReport) -> CallEnded:
    assert report.outcome is not None
    now = services().clock.now()
    return CallEnded(
        call_id=menu.script.call_id,
        at=now,
        outcome=report.outcome,
        sip_cause=report.sip_cause,
        billed_seconds=report.duration or 0,
        answered_at=now - timedelta(seconds=report.duration) if report.duration is not None else None,
        caller_id=_voice().caller_id,
        audio_sha256=_digest(menu.script.announcement),
        provider_call_id=report.provider_call_id,
    )


def _digest(name: str) -> str | None:
    try:
        return hashlib.sha256((services().audio_dir / name).read_bytes()).hexdigest()
    except OSError:
        return None


def _last_word(menu: Menu, text: str) -> Response:
    """Say a sentence in our own voice, else in Twilio's, and end the call."""
    language = menu.script.language
    spoken: Verb
    try:
        audio = _voice().speech.render(text, language=speakable(language), audio_format=AudioFormat.PHONE)
        spoken = Play(_voice().sound_url(audio.path))
    except SpeechError as error:
        log.warning("last_word_not_spoken", call_id=menu.script.call_id, error=str(error))
        spoken = Say(text, language)
    return _twiml(spoken, Hangup())


def _kind(report: ProviderReport) -> TimelineType | None:
    if report.is_answered:
        return TimelineType.CALL_ANSWERED
    return TimelineType.CALL_RINGING if report.is_ringing else None


def _voice() -> VoiceCalls:
    voice = services().voice
    return voice if voice is not None else _unknown()


def _menu() -> Menu:
    voice, token = _voice(), request.args.get("call", "")
    script = voice.scripts.read(token)
    if script is None:
        log.warning("call_script_refused")
        _unknown()
    audio_dir = services().audio_dir
    return Menu(
        script=script,
        token=token,
        base=services().config.web.public_url.rstrip("/"),
        sound=lambda name: voice.sound_url(audio_dir / name),
    )


def _report() -> ProviderReport | None:
    return _voice().read_report(signed_form())


def _state(name: str) -> int:
    """Return a number of our own from the address: 1 where it is none."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("999") else 1


def _twiml(*verbs: Verb) -> Response:
    return Response(document(*verbs), mimetype="text/xml")


def _unknown() -> NoReturn:
    abort(404)
