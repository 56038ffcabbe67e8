"""Twilio's Call resource on loopback, by Twilio's own API document."""

import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import jsonschema

from tests.clouds.server import FORM, Answer, Request
from tests.clouds.twilio_callee import Callee, VoiceCall, picks_up
from tests.clouds.twilio_line import Line
from tests.clouds.twilio_rules import Refused
from tests.waiting import patient

_SCHEMA = json.loads((Path(__file__).parent / "twilio_calls.json").read_text(encoding="utf-8"))
_RULES = {name: jsonschema.Draft202012Validator(rules) for name, rules in _SCHEMA["$defs"].items()}
_LISTS = {"StatusCallbackEvent", "RecordingStatusCallbackEvent"}
_CODES: Mapping[object, int] = {"To": 21211, "From": 21212, "Url": 21205, "StatusCallback": 21609}
_LONGEST_TIME = {"Timeout": 600, "TimeLimit": 86400}


class CreateFault(StrEnum):
    """What goes wrong with a create call that is carried out all the same."""

    HANGS = "hangs"  # no answer until ``release``
    ERROR = "error"  # 500
    LATE = "late"  # the answer comes after the call is over


@dataclass(slots=True)
class FakeVoice:
    """The calls of a ``FakeTwilio``. Numbers are E.164; one without a callee presses 1."""

    account_sid: str
    sign: Callable[[str, Mapping[str, str]], str]
    route: Callable[[str], str]
    changed: threading.Condition
    calls: list[VoiceCall] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)
    callees: dict[str, Callee] = field(default_factory=dict)
    numbers: dict[str, bool] = field(default_factory=dict)  # the account's own, and whether they can call
    caller_ids: set[str] = field(default_factory=set)
    repeats: int = 1
    backwards: bool = False
    listed: bool = True
    held: threading.Event = field(default_factory=threading.Event)
    _faults: list[CreateFault] = field(default_factory=list)
    _refusals: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    # What a test says.

    def behaviour(self, number: str, callee: Callee) -> None:
        """Say what a number does when it is called."""
        self.callees[number] = callee

    def refuse(self, number: str, code: int, message: str, *, status: int = 400) -> None:
        """Refuse calls to a number at once."""
        self._refusals[number] = (status, code, message)

    def fail_create(self, fault: CreateFault) -> None:
        """Let the next create call go wrong."""
        self.held.clear()
        self._faults.append(fault)

    def release(self) -> None:
        """Let go what hangs."""
        self.held.set()

    def expect_call(self, number: str, timeout: float = 15) -> VoiceCall:
        """Return the next call to that number that no earlier expectation returned, waiting for it."""

        def next_call() -> VoiceCall | None:
            return next((call for call in self.calls if call.to == number and not call.claimed), None)

        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(next_call, timeout):
                raise AssertionError(f"no call to {number} through Twilio within {timeout} s: {self.calls}")
            call = next_call()
            assert call is not None
            call.claimed = True
        return call

    def expect_nothing_more(self) -> None:
        """Fail if there are calls that nobody expected, or answers that Twilio could not follow."""
        unexpected = [call for call in self.calls if not call.claimed]
        assert not unexpected, f"unexpected calls: {unexpected}"
        problems = [problem for call in self.calls for problem in call.problems]
        assert not problems, f"Twilio could not follow: {problems}"

    # What Twilio does.

    def answer(self, request: Request, path: str) -> Answer | None:
        """Answer a request about calls; ``None`` for one about something else. ``path`` is what is in the account."""
        if path == "/Calls.json":
            return self._create(request) if request.method == "POST" else self._list(request)
        if path in {"/IncomingPhoneNumbers.json", "/OutgoingCallerIds.json"} and request.method == "GET":
            return self._numbers_of_ours(request, path)
        one = re.fullmatch(r"/Calls/(CA[0-9a-f]{32})\.json", path)
        return None if one is None else self._one(request, one[1])

    def _create(self, request: Request) -> Answer:
        fields = _form(request, "create")
        number = str(fields["To"])
        if number in self._refusals:
            # This is the callee's or the account's fault, not that of the request.
            refused: Answer = Refused(*self._refusals[number]).answer
            return refused
        call = VoiceCall(
            account_sid=self.account_sid,
            sid="CA" + secrets.token_hex(16),
            fields=fields,
            callee=self.callees.get(number, picks_up("1")),
            changed=self.changed,
        )
        line = Line(call, self.sign, self.route, self.callees, repeats=self.repeats, backwards=self.backwards)
        with self.changed:
            self.calls.append(call)
            self.lines[call.sid] = line
            fault = self._faults.pop(0) if self._faults else None
            self.changed.notify_all()
        begin = threading.Thread(target=line.run, name=f"call-{call.sid}", daemon=True).start
        if fault is None:
            return Answer(status=201, document=_checked(call.document()), afterwards=begin)
        begin()
        if fault is CreateFault.HANGS:
            self.held.wait(60)
        elif fault is CreateFault.LATE:
            call.wait_ended()
        answer: Answer = Answer(status=201, document=_checked(call.document()))
        return Refused(500, 20500, "Internal Server Error").answer if fault is CreateFault.ERROR else answer

    def _numbers_of_ours(self, request: Request, path: str) -> Answer:
        asked = request.query.get("PhoneNumber", [""])[0]
        if path.startswith("/Incoming"):
            able = self.numbers.get(asked)
            found = [] if able is None else [{"phone_number": asked, "capabilities": {"voice": able, "sms": True}}]
            return Answer(status=200, document={"incoming_phone_numbers": found})
        verified = [{"phone_number": asked}] if asked in self.caller_ids else []
        return Answer(status=200, document={"outgoing_caller_ids": verified})

    def _one(self, request: Request, sid: str) -> Answer:
        call = next((call for call in self.calls if call.sid == sid), None)
        if call is None:
            raise Refused(404, 20404, "The requested resource was not found")
        if request.method == "POST":
            self._update(call, _form(request, "update"))
        return Answer(status=200, document=_checked(call.document()))

    def _update(self, call: VoiceCall, fields: Mapping[str, str | list[str]]) -> None:
        over, ringing = call.is_over, call.answered_at is None
        status = fields.get("Status")
        if over or ("Twiml" in fields and ringing):
            # The request is right; the call has gone on meanwhile.
            refusal = Refused(400, 21220, "Unable to update record. Call is not in-progress. Cannot redirect.")
            raise NotNowError(refusal.answer)
        with self.changed:
            if "Twiml" in fields:
                call.redirected = str(fields["Twiml"])
            if status == "completed" or (status == "canceled" and ringing):
                call.wanted = str(status)
            self.changed.notify_all()
            if call.wanted is not None:
                self.changed.wait_for(lambda: call.is_over, 5)

    def _list(self, request: Request) -> Answer:
        query = {name: values[0] for name, values in request.query.items()}
        _check(query, "list")
        found = [
            call
            for call in reversed(self.calls)
            if self.listed and query.get("To", call.to) == call.to and query.get("From", call.from_) == call.from_
        ]
        page = found[: int(query.get("PageSize", "50"))]
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Calls.json"
        document: dict[str, object] = {
            "calls": [_checked(call.document()) for call in page],
            "page": 0,
            "page_size": len(page),
            "start": 0,
            "end": max(len(page) - 1, 0),
            "uri": uri,
            "first_page_uri": uri,
            "next_page_uri": None,
            "previous_page_uri": None,
        }
        return Answer(status=200, document=document)


class NotNowError(Exception):
    """A refusal that says nothing against the request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def _form(request: Request, rules: str) -> dict[str, str | list[str]]:
    if request.headers.get("content-type", "").split(";")[0] != FORM:
        raise Refused(415, 20415, "Unsupported Media Type")
    fields: dict[str, str | list[str]] = {}
    for name, values in request.fields().items():
        if name not in _LISTS and len(values) > 1:
            raise Refused(400, 20001, f"{name} is given twice")
        fields[name] = values if name in _LISTS else values[0]
    _check(fields, rules)
    return fields


def _check(fields: Mapping[str, object], rules: str) -> None:
    for problem in sorted(_RULES[rules].iter_errors(fields), key=lambda error: list(map(str, error.path))):
        code = _CODES.get(problem.path[0], 20001) if problem.path else 20001
        raise Refused(400, code, f"{'.'.join(map(str, problem.path)) or 'request'}: {problem.message}")
    for name, most in _LONGEST_TIME.items():
        if not 0 < int(str(fields.get(name, "1"))) <= most:
            raise Refused(400, 20001, f"{name} is not within 1 and {most}")


def _checked(document: dict[str, object]) -> dict[str, object]:
    """Return a Call resource, which must be one by Twilio's own document."""
    _RULES["call"].validate(document)
    return document
