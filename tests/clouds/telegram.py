"""A Telegram that sends nothing: the Bot API's getMe, sendMessage and editMessageText."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.clouds.server import FORM, Answer, FakeCloud, Fault, Request

_LONGEST_TEXT = 4096
_TOKEN = "110201543:" + "Fake-token_" * 3
_KNOWN = {
    "sendMessage": {
        "allow_paid_broadcast",
        "chat_id",
        "disable_notification",
        "entities",
        "link_preview_options",
        "message_thread_id",
        "parse_mode",
        "protect_content",
        "reply_markup",
        "reply_parameters",
        "text",
    },
    "editMessageText": {
        "chat_id",
        "entities",
        "inline_message_id",
        "link_preview_options",
        "message_id",
        "parse_mode",
        "reply_markup",
        "text",
    },
    "getMe": set(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentText:
    """A message that was accepted."""

    message_id: int
    chat: str
    text: str
    fields: Mapping[str, str]


class _Refused(Exception):  # noqa: N818 - it is an answer, not an error of the fake
    def __init__(self, code: int, description: str, parameters: Mapping[str, int] | None = None) -> None:
        super().__init__(description)
        document: dict[str, object] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            document["parameters"] = dict(parameters)
        self.answer = Answer(status=code, document=document)


class FakeTelegram(FakeCloud):
    """The Bot API on loopback. Only the named chats know the bot."""

    def __init__(self, *, bot_token: str = _TOKEN, chats: Iterable[str] = ("1001",)) -> None:
        self.bot_token = bot_token
        self.sent: list[SentText] = []
        self.rejected: list[str] = []
        self.chats = set(chats)
        self.blocked_by: set[str] = set()
        self.moved: dict[str, int] = {}
        self.retry_after = 30
        self._expected = 0
        super().__init__()

    def expect_message(self, timeout: float = 10) -> SentText:
        """Return the next message that no earlier call returned, waiting for it."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.sent) > self._expected, timeout):
                raise AssertionError(f"no message within {timeout} s; refused: {self.rejected}")
            self._expected += 1
            return self.sent[self._expected - 1]

    def expect_messages_at_most(self, most: int) -> None:
        """Accept the messages sent so far; ``AssertionError`` where there are more."""
        with self.changed:
            new = len(self.sent) - self._expected
            assert new <= most, f"{new} messages, at most {most} were expected"
            self._expected = len(self.sent)

    def expect_nothing_more(self) -> None:
        """Fail if there are messages that nobody expected, or requests that Telegram would have refused."""
        unexpected = self.sent[self._expected :]
        assert not unexpected, f"unexpected messages: {unexpected}"
        assert not self.rejected, f"wrong requests: {self.rejected}"

    def faulty(self, fault: Fault) -> Answer:
        """Return the Bot API's error document."""
        return {
            Fault.TOO_MANY: _Refused(
                429, f"Too Many Requests: retry after {self.retry_after}", {"retry_after": self.retry_after}
            ),
            Fault.FORBIDDEN: _Refused(403, "Forbidden: bot was blocked by the user"),
            Fault.SERVER_ERROR: _Refused(500, "Internal Server Error"),
        }[fault].answer

    def answer(self, request: Request) -> Answer:
        """Answer as the Bot API does."""
        try:
            return Answer(status=200, document={"ok": True, "result": self._result(request)})
        except _Refused as refusal:
            with self.changed:
                self.rejected.append(str(refusal))
            return refusal.answer

    def _result(self, request: Request) -> object:
        path = re.fullmatch(r"/bot(\d+:[A-Za-z0-9_-]{20,})/(\w+)", request.path)
        if path is None or path[2] not in _KNOWN:
            raise _Refused(404, "Not Found")
        if path[1] != self.bot_token:
            raise _Refused(401, "Unauthorized")
        fields = _fields(request)
        if unknown := set(fields) - _KNOWN[path[2]]:
            raise _Refused(400, f"Bad Request: unknown fields {sorted(unknown)}")
        if path[2] == "getMe":
            return self._bot()
        return self._message(fields, edit=path[2] == "editMessageText")

    def _message(self, fields: Mapping[str, str], *, edit: bool) -> object:
        chat, text = fields.get("chat_id", "").strip(), fields.get("text", "").strip()
        if not chat:
            raise _Refused(400, "Bad Request: chat_id is empty")
        if not text:
            raise _Refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > _LONGEST_TEXT:
            raise _Refused(400, "Bad Request: message is too long")
        if fields.get("parse_mode", "HTML") not in {"HTML", "Markdown", "MarkdownV2"}:
            raise _Refused(400, "Bad Request: unsupported parse_mode")
        if chat in self.moved:
            raise _Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": self.moved[chat]},
            )
        if chat in self.blocked_by:
            raise _Refused(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            raise _Refused(400, "Bad Request: chat not found")
        with self.changed:
            message_id = self._edited(fields) if edit else len(self.sent) + 1
            self.sent.append(SentText(message_id=message_id, chat=chat, text=text, fields=dict(fields)))
            self.changed.notify_all()
        return {
            "message_id": message_id,
            "from": self._bot(),
            "chat": {"id": _chat_id(chat), "type": "private", "first_name": "Owner"},
            "date": int(datetime.now(UTC).timestamp()),
            "text": text,
        }

    def _edited(self, fields: Mapping[str, str]) -> int:
        number = fields.get("message_id", "")
        if not any(number == str(sent.message_id) and fields["chat_id"] == sent.chat for sent in self.sent):
            raise _Refused(400, "Bad Request: message to edit not found")
        return int(number)

    def _bot(self) -> dict[str, object]:
        return {
            "id": int(self.bot_token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Fake",
            "username": "fake_tocsin_bot",
        }


def _chat_id(chat: str) -> int:
    return int(chat) if re.fullmatch(r"-?\d+", chat) else -1001


def _fields(request: Request) -> dict[str, str]:
    """Return the fields, which may come in the query, as a form or as JSON."""
    fields = {name: values[-1] for name, values in request.query.items()}
    kind = request.headers.get("content-type", "").split(";")[0]
    if not request.body:
        return fields
    if kind == "application/json":
        return fields | {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in json.loads(request.body).items()
        }
    if kind != FORM:
        raise _Refused(400, f"Bad Request: unsupported content type {kind}")
    return fields | {name: values[-1] for name, values in request.fields().items()}
