"""A Twilio that sends and rings nothing: messages with their callbacks, (``voice``) calls with theirs, templates."""

import base64
import contextlib
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.parse import unquote, urlencode
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as HttpRequest

from tests.clouds.server import FORM, Answer, FakeCloud, Fault, Request
from tests.clouds.twilio_content import FakeContent
from tests.clouds.twilio_message import SentMessage
from tests.clouds.twilio_rules import LARGEST_VOICE_NOTE, Refused, form_of, media_problem
from tests.clouds.twilio_voice import FakeVoice, NotNowError
from tests.waiting import patient

OUTSIDE_WINDOW = 63016
MEDIA_NOT_LOADED = 63019
MEDIA_UNSUPPORTED = 63021

_FINAL = {"failed", "undelivered", "read", "canceled"}


@dataclass(slots=True)
class _Refusal:
    status: int
    code: int
    message: str


class FakeTwilio(FakeCloud):
    """Twilio's API on loopback. Numbers are E.164, without ``whatsapp:``.

    ``reports`` are the statuses that each delivered message goes through by itself, in
    order, each told to its status callback. ``fetch_media`` lets voice notes be downloaded
    and examined. A recipient outside the 24-hour window (``close_window``) gets templates only, what else
    is sent to them becomes ``undelivered`` with 63016, as at WhatsApp; ``inbound`` opens the window.
    A template named in ``variables`` takes those variables and no others.
    ``routes`` tells where addresses that begin with a key are really served, as behind a reverse proxy.
    """

    def __init__(
        self,
        *,
        account_sid: str = "AC" + "0123456789abcdef" * 2,
        auth_token: str = "f" * 32,
        webhook_url: str | None = None,
        reports: Iterable[str] = (),
        fetch_media: bool = False,
        routes: Mapping[str, str] | None = None,
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.webhook_url = webhook_url
        self.sent: list[SentMessage] = []
        self.rejected: list[str] = []
        self.account_status = "active"
        self._reports = tuple(reports)
        self._fetch_media = fetch_media
        self.routes = dict(routes or {})
        self._closed_windows: set[str] = set()
        self._refusals: dict[str, _Refusal] = {}
        self._expected = 0
        super().__init__()
        self.content = FakeContent(account_sid)
        self.variables: dict[str, set[str]] = {}
        self.voice = FakeVoice(account_sid=account_sid, sign=self.signature, route=self._route_to, changed=self.changed)

    # What a test says.

    def close_window(self, number: str) -> None:
        """Let more than 24 hours have passed since the recipient last wrote."""
        self._closed_windows.add(number)

    def refuse(self, number: str, code: int, message: str, *, status: int = 400) -> None:
        """Refuse messages to a recipient at once."""
        self._refusals[number] = _Refusal(status, code, message)

    def report(self, sid: str, status: str, *, error_code: int | None = None, forged: bool = False) -> int | None:
        """Set a message's status and tell its status callback; return the HTTP status of that, if there is one."""
        message = self.message(sid)
        with self.changed:
            message.status, message.error_code = status, error_code
            self.changed.notify_all()
        if message.status_callback is None:
            return None
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "ChannelPrefix": "whatsapp",
            "From": message.from_,
            "MessageSid": sid,
            "MessageStatus": status,
            "SmsSid": sid,
            "SmsStatus": status,
            "To": message.to,
        }
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        return self.post(message.status_callback, form, forged=forged)

    def inbound(
        self,
        from_: str,
        body: str,
        *,
        to: str = "+14155238886",
        button_payload: str | None = None,
        in_reply_to: str | None = None,
        more: Mapping[str, str] | None = None,
        forged: bool = False,
    ) -> int:
        """Let a recipient write, or tap a quick-reply button; return the HTTP status of the webhook's answer.

        ``more`` are further fields of the webhook's form; with its ``MessageSid`` the same message is told again.
        """
        if self.webhook_url is None:
            raise AssertionError("no webhook_url is configured")
        self._closed_windows.discard(from_)
        sid = _new_sid()
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "Body": body,
            "From": f"whatsapp:{from_}",
            "MessageSid": sid,
            "MessageType": "text" if button_payload is None else "button",
            "NumMedia": "0",
            "NumSegments": "1",
            "ProfileName": "Callee",
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "To": f"whatsapp:{to}",
            "WaId": from_.removeprefix("+"),
        }
        if button_payload is not None:
            form |= {"ButtonPayload": button_payload, "ButtonText": body}
        if in_reply_to is not None:
            form["OriginalRepliedMessageSid"] = in_reply_to
        form |= more or {}
        return self.post(self.webhook_url, form, forged=forged)

    def expect_message(self, timeout: float = 10) -> SentMessage:
        """Return the next message that no earlier call returned, waiting for it."""
        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.sent) > self._expected, timeout):
                raise AssertionError(f"no message within {timeout} s; refused: {self.rejected}")
            self._expected += 1
            return self.sent[self._expected - 1]

    def expect_nothing_more(self) -> None:
        """Fail if there are messages that nobody expected, or requests that Twilio would have refused."""
        unexpected = self.sent[self._expected :]
        assert not unexpected, f"unexpected messages: {unexpected}"
        assert not self.rejected, f"wrong requests: {self.rejected}"
        self.voice.expect_nothing_more()

    def message(self, sid: str) -> SentMessage:
        """Return the message with that SID."""
        for message in self.sent:
            if message.sid == sid:
                return message
        raise AssertionError(f"no message {sid}")

    def signature(self, url: str, form: Mapping[str, str]) -> str:
        """Return X-Twilio-Signature: HMAC-SHA1 over the address and the sorted fields, in base64."""
        signed = url + "".join(name + form[name] for name in sorted(form))
        return base64.b64encode(hmac.new(self.auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()

    def post(self, url: str, form: Mapping[str, str], *, forged: bool = False) -> int:
        """Post a form as Twilio does, or as someone without the auth token would; return the HTTP status."""
        signature = self.signature(url, form)
        if forged:
            signature = base64.b64encode(hashlib.sha1(signature.encode()).digest()).decode()
        request = HttpRequest(
            self._route_to(url),
            data=urlencode(form).encode(),
            headers={"Content-Type": f"{FORM}; charset=UTF-8", "X-Twilio-Signature": signature},
        )
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
                return int(response.status)
        except HTTPError as error:
            with error:
                return error.code

    # What Twilio does.

    def faulty(self, fault: Fault) -> Answer:
        """Return Twilio's error document."""
        return {
            Fault.TOO_MANY: Refused(429, 20429, "Too Many Requests"),
            Fault.FORBIDDEN: Refused(403, 20403, "Forbidden"),
            Fault.SERVER_ERROR: Refused(500, 20500, "Internal Server Error"),
        }[fault].answer

    def answer(self, request: Request) -> Answer:
        """Answer as Twilio's API does."""
        try:
            self._authenticate(request)
            return self._route(request)
        except NotNowError as refusal:
            return refusal.answer
        except Refused as refusal:
            with self.changed:
                self.rejected.append(str(refusal))
            return refusal.answer

    def _authenticate(self, request: Request) -> None:
        expected = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            raise Refused(401, 20003, "Authenticate")

    def _route(self, request: Request) -> Answer:
        account = f"/2010-04-01/Accounts/{self.account_sid}"
        if request.method == "GET" and request.path == f"{account}.json":
            return Answer(status=200, document=self._account())
        if request.path == f"{account}/Messages.json":
            return self._create(request) if request.method == "POST" else self._list(request)
        if (content := self.content.answer(request)) is not None:
            return content
        one = re.fullmatch(re.escape(account) + r"/Messages/(SM[0-9a-f]{32})\.json", request.path)
        if one and request.method == "GET":
            for message in self.sent:
                if message.sid == one[1]:
                    return Answer(status=200, document=message.document())
        if request.path.startswith(account):
            answer = self.voice.answer(request, request.path.removeprefix(account))
            if answer is not None:
                return answer
        raise Refused(404, 20404, f"The requested resource {unquote(request.path)} was not found")

    def _create(self, request: Request) -> Answer:
        fields = form_of(request)
        number = str(fields["To"]).removeprefix("whatsapp:")
        if refusal := self._refusals.get(number):
            # This is the recipient's fault, not that of the request.
            answer: Answer = Refused(refusal.status, refusal.code, refusal.message).answer
            return answer
        taken = self.variables.get(str(fields.get("ContentSid")))
        if taken is not None and set(json.loads(str(fields.get("ContentVariables", "{}")))) != taken:
            refused: Answer = Refused(400, 21656, "The ContentVariables Parameter is invalid").answer
            return refused
        message = SentMessage(
            account_sid=self.account_sid,
            sid=_new_sid(),
            to=str(fields["To"]),
            from_=str(fields["From"]),
            fields=fields,
            created_at=datetime.now(UTC),
        )
        with self.changed:
            self.sent.append(message)
            self.changed.notify_all()
        return Answer(status=201, document=message.document(), afterwards=lambda: self._carry(message))

    def _carry(self, message: SentMessage) -> None:
        """Do what happens after a message was accepted."""
        if message.content_sid is None and message.to.removeprefix("whatsapp:") in self._closed_windows:
            self.report(message.sid, "undelivered", error_code=OUTSIDE_WINDOW)
            return
        if message.media_url is not None and self._fetch_media:
            error_code = self._fetch(message, message.media_url)
            if error_code is not None:
                self.report(message.sid, "undelivered", error_code=error_code)
                return
        for status in self._reports:
            if message.status in _FINAL:
                return
            with contextlib.suppress(OSError):
                self.report(message.sid, status)

    def _route_to(self, url: str) -> str:
        for public, local in self.routes.items():
            if url.startswith(public):
                return local + url.removeprefix(public)
        return url

    def _fetch(self, message: SentMessage, url: str) -> int | None:
        """Download and examine a voice note; return the error code of what is wrong with it."""
        try:
            with build_opener(ProxyHandler({})).open(self._route_to(url), timeout=10) as response:
                kind = response.headers.get_content_type()
                media = response.read(LARGEST_VOICE_NOTE + 1)
        except OSError as error:
            message.media_problem = f"not loaded: {error}"
            return MEDIA_NOT_LOADED
        with self.changed:
            message.media, message.media_problem = media, media_problem(kind, media)
            self.changed.notify_all()
        return MEDIA_UNSUPPORTED if message.media_problem else None

    def _list(self, request: Request) -> Answer:
        unknown = set(request.query) - {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page"}
        if unknown:
            raise Refused(400, 20001, f"unknown parameters: {sorted(unknown)}")
        chosen: list[SentMessage] = [
            message
            for message in reversed(self.sent)
            if request.query.get("To", [message.to])[0] == message.to
            and request.query.get("From", [message.from_])[0] == message.from_
        ]
        page = chosen[: int(request.query.get("PageSize", ["50"])[0])]
        uri = f"/2010-04-01/Accounts/{self.account_sid}/Messages.json"
        return Answer(
            status=200,
            document={
                "messages": [message.document() for message in page],
                "page": 0,
                "page_size": len(page),
                "start": 0,
                "end": max(len(page) - 1, 0),
                "uri": uri,
                "first_page_uri": uri,
                "next_page_uri": None,
                "previous_page_uri": None,
            },
        )

    def _account(self) -> dict[str, object]:
        at = "Thu, 30 Jul 2015 20:00:00 +0000"
        return {
            "auth_token": self.auth_token,
            "date_created": at,
            "date_updated": at,
            "friendly_name": "Fake account",
            "owner_account_sid": self.account_sid,
            "sid": self.account_sid,
            "status": self.account_status,
            "subresource_uris": {},
            "type": "Full",
            "uri": f"/2010-04-01/Accounts/{self.account_sid}.json",
        }


def _new_sid() -> str:
    return "SM" + secrets.token_hex(16)
