"""One call of the fake Twilio as it goes: ringing, TwiML fetched and worked off, reports."""

import base64
import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as HttpRequest
from xml.etree import ElementTree as ET

from tests.clouds.server import FORM
from tests.clouds.twilio_callee import HANGS_UP, LISTENS, NOTHING, Callee, VoiceCall
from tests.clouds.twilio_twiml import WrongTwimlError, parse, sound_problem

_EVENT_OF = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}
_MOST_VERBS = 200


class _OverError(Exception):
    """The call has ended."""


class _GoOnError(Exception):
    """The call goes on with another document."""

    def __init__(self, verbs: Sequence[ET.Element]) -> None:
        super().__init__()
        self.verbs = verbs


@dataclass(slots=True)
class Line:
    """Drives one call, on a thread of its own. ``repeats`` is how often each request is made."""

    call: VoiceCall
    sign: Callable[[str, Mapping[str, str]], str]
    route: Callable[[str], str]
    callees: Mapping[str, Callee]
    repeats: int = 1
    backwards: bool = False
    steps: list[str] = field(default_factory=list)
    late: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def run(self) -> None:
        """Let the call ring, be answered, and end."""
        self.steps = list(self.call.callee.steps)
        status = "failed"
        try:
            status = self._until_the_end()
        except (OSError, HTTPException, WrongTwimlError) as error:
            self.call.problems.append(f"{type(error).__name__}: {error}")
        self._end(status)

    def post(self, url: str, form: Mapping[str, str], *, forged: bool = False) -> tuple[int, bytes, str]:
        """Post a form as Twilio does, or as someone without the auth token would."""
        signature = self.sign(url, form)
        if forged:
            signature = base64.b64encode(hashlib.sha1(signature.encode()).digest()).decode()
        request = HttpRequest(
            self.route(url),
            data=urlencode(form).encode(),
            headers={"Content-Type": f"{FORM}; charset=UTF-8", "X-Twilio-Signature": signature},
        )
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=15) as response:
                answer = (int(response.status), response.read(), response.headers.get_content_type())
        except HTTPError as error:
            with error:
                answer = (error.code, error.read(), error.headers.get_content_type())
        step = urlsplit(url).path.rpartition("/")[2]
        with self.call.changed:
            self.call.webhooks.append((step, dict(form), answer[0]))
            self.call.changed.notify_all()
        return answer

    def report(self, status: str, *, forged: bool = False) -> int | None:
        """Tell the status callback that the call has this status; return the HTTP status of the answer."""
        url = self.call.fields.get("StatusCallback")
        if not isinstance(url, str):
            return None
        return self.post(url, self._status_form(status), forged=forged)[0]

    def form(self, **more: str) -> dict[str, str]:
        """Return what every request about a call tells."""
        call = self.call
        told = {
            "AccountSid": call.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call.sid,
            "CallStatus": call.status,
            "Called": call.to,
            "Caller": call.from_,
            "Direction": "outbound-api",
            "From": call.from_,
            "To": call.to,
        }
        if "MachineDetection" in call.fields and call.answered_at is not None:
            told["AnsweredBy"] = call.callee.answered_by
        return told | more

    def _until_the_end(self) -> str:
        call, callee = self.call, self.call.callee
        self._tell("initiated")
        self._become("ringing")
        ring = min(callee.ring, float(str(call.fields.get("Timeout", "60"))))
        if self._interrupted(ring):
            return "canceled" if call.wanted == "canceled" else "completed"
        if callee.status != "completed":
            return callee.status
        call.answered_at = time.monotonic()
        self._become("in-progress")
        with contextlib.suppress(_OverError):
            verbs: Sequence[ET.Element] = self._ask(str(call.fields["Url"]))
            while True:
                try:
                    self._work_off(verbs)
                    break
                except _GoOnError as further:
                    verbs = further.verbs
        return "completed"

    def _work_off(self, verbs: Sequence[ET.Element]) -> None:
        for verb in verbs:
            self._look()
            if len(self.call.heard) > _MOST_VERBS:
                raise WrongTwimlError("the call never ends")
            match verb.tag:
                case "Play":
                    self.call.heard.append(self._sound(verb.text or ""))
                    self._notify()
                case "Say":
                    self.call.said.append(verb.text or "")
                case "Pause":
                    self._interrupted(float(verb.get("length", "1")))
                case "Redirect":
                    raise _GoOnError(self._ask(verb.text or ""))
                case "Gather":
                    self._gather(verb)
                case "Dial":
                    self._dial(verb)
                case "Hangup":
                    raise _OverError

    def _gather(self, gather: ET.Element) -> None:
        step = self.steps.pop(0) if self.steps else NOTHING
        played = [self._sound(sound.text or "") for sound in gather if sound.tag == "Play"]
        self.call.heard += played
        self._notify()
        if step == HANGS_UP:
            raise _OverError
        if step == LISTENS:
            self._interrupted(3600)
            self._look()
        digits = _digits(step, gather)
        if digits or gather.get("actionOnEmptyResult") == "true":
            form = {"Digits": digits, "msg": "Gather End", "FinishedOnKey": "#" if step.endswith("#") else ""}
            raise _GoOnError(self._ask(gather.get("action") or "", **form))

    def _dial(self, dial: ET.Element) -> None:
        number = dial[0].text or ""
        self.call.dialled.append(number)
        self._notify()
        operator = self.callees.get(number, Callee(status="failed"))
        if operator.status == "completed":
            whisper = dial[0].get("url")
            if whisper:
                spoken = [verb for verb in self._ask(whisper) if verb.tag == "Play"]
                self.call.whispered += [self._sound(verb.text or "") for verb in spoken]
            self._interrupted(operator.talks)
            self._look()
        form = {"DialCallStatus": operator.status, "DialCallSid": "CA" + "0" * 32}
        raise _GoOnError(self._ask(dial.get("action") or "", **form))

    def _ask(self, url: str, **more: str) -> list[ET.Element]:
        """Fetch a document, and again where requests are made more than once; the first answer counts."""
        url = urljoin(str(self.call.fields["Url"]), url)
        answers = [self.post(url, self.form(**more)) for _ in range(self.repeats)]
        status, body, kind = answers[0]
        if status != 200:
            raise WrongTwimlError(f"{urlsplit(url).path} answered {status} (Twilio's error 11200): {body[:200]!r}")
        return parse(body, kind)

    def _sound(self, url: str) -> bytes:
        with build_opener(ProxyHandler({})).open(self.route(url), timeout=10) as response:
            kind, content = response.headers.get_content_type(), bytes(response.read())
        problem = sound_problem(url, kind, content)
        if problem is not None:
            raise WrongTwimlError(problem)
        return content

    def _look(self) -> None:
        """End, or go on elsewhere, where the API was told so."""
        call = self.call
        with call.changed:
            twiml, call.redirected = call.redirected, None
            if call.wanted is not None:
                raise _OverError
        if twiml is not None:
            raise _GoOnError(parse(twiml.encode(), "text/xml"))

    def _interrupted(self, seconds: float) -> bool:
        """Wait, and tell whether the API has asked for something meanwhile."""
        call = self.call
        with call.changed:
            return call.changed.wait_for(lambda: call.wanted is not None or call.redirected is not None, seconds)

    def _become(self, status: str) -> None:
        self.call.status = status
        self._notify()
        self._tell(status)

    def _tell(self, status: str) -> None:
        if _EVENT_OF.get(status, "completed") not in self.call.fields.get("StatusCallbackEvent", ["completed"]):
            return
        form = self._status_form(status)
        if self.backwards:
            self.late.insert(0, (status, form))
            return
        self._tell_now(form)

    def _tell_now(self, form: Mapping[str, str]) -> None:
        url = self.call.fields.get("StatusCallback")
        if isinstance(url, str):
            for _ in range(self.repeats):
                with contextlib.suppress(OSError):
                    self.post(url, form)

    def _status_form(self, status: str) -> dict[str, str]:
        call = self.call
        form = self.form(
            CallStatus=status,
            CallbackSource="call-progress-events",
            SequenceNumber=str(call.sequence),
            Timestamp=format_datetime(datetime.now(UTC)),
        )
        call.sequence += 1
        if status == "completed":
            form |= {"CallDuration": str(call.seconds), "Duration": "1", "SipResponseCode": "200"}
        elif call.callee.sip_cause is not None and status == call.callee.status:
            form["SipResponseCode"] = str(call.callee.sip_cause)
        return form

    def _end(self, status: str) -> None:
        call = self.call
        with call.changed:
            call.status, call.ended_at = status, datetime.now(UTC)
            call.changed.notify_all()
        self._tell(status)
        for _, form in self.late:
            self._tell_now(form)

    def _notify(self) -> None:
        with self.call.changed:
            self.call.changed.notify_all()


def _digits(step: str, gather: ET.Element) -> str:
    """Return what Twilio makes of pressed keys."""
    ending = gather.get("finishOnKey", "#")
    taken = step.split(ending, maxsplit=1)[0] if ending else step
    most = gather.get("numDigits")
    return taken[: int(most)] if most else taken
