"""A Telegram that sends nothing: the Bot API on loopback, with the chats' people who press buttons and write."""

import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.clouds.server import Answer, FakeCloud, Fault, Request
from tests.clouds.telegram_chats import PressAnswer, SentText, chat_document, key_of
from tests.clouds.telegram_rules import METHODS, MOST_UPDATES, Refused, check, fields_of, keyboard_of
from tests.clouds.telegram_updates import UpdateQueue
from tests.waiting import patient

_TOKEN = "110201543:" + "Fake-token_" * 3
_PER_SECOND = 30
# Telegram lets short bursts pass, and so does the network's jitter: more than a few within three seconds are a flood.
_BURST, _BURST_SECONDS = 4, 3.0
_PER_GROUP_AND_MINUTE = 20


class FakeTelegram(FakeCloud):
    """The Bot API. Only the named chats know the bot. ``strict``: floods are refused as Telegram refuses them."""

    def __init__(self, *, bot_token: str = _TOKEN, chats: Iterable[str] = ("1001",), strict: bool = False) -> None:
        self.bot_token = bot_token
        self.sent: list[SentText] = []
        self.edited: list[SentText] = []
        self.answers: list[PressAnswer] = []
        self.rejected: list[str] = []
        self.floods: list[str] = []
        self.chats = set(chats)
        self.blocked_by: set[str] = set()
        self.moved: dict[str, int] = {}
        self.frozen: set[int] = set()
        self.retry_after = 30
        self.webhook = ""
        self.strict = strict
        self._shown: dict[tuple[str, int], SentText] = {}
        self._queries: set[str] = set()
        self._numbers = itertools.count(1)
        self._times: dict[str, deque[float]] = {}
        self._expected = self._expected_edits = self._expected_answers = 0
        self._poll_faults: list[Fault] = []
        super().__init__()
        self.updates = UpdateQueue(self.changed)

    # --- what the product did -----------------------------------------------------------------------------------------

    def expect_message(self, timeout: float = 10) -> SentText:
        """Return the next message that no earlier call returned, waiting for it."""
        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.sent) > self._expected, timeout):
                raise AssertionError(f"no message within {timeout} s; refused: {self.rejected}")
            self._expected += 1
            return self.sent[self._expected - 1]

    def expect_edit(self, timeout: float = 10) -> SentText:
        """Return what the next edit made of a message, likewise."""
        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.edited) > self._expected_edits, timeout):
                raise AssertionError(f"no edit within {timeout} s; refused: {self.rejected}")
            self._expected_edits += 1
            return self.edited[self._expected_edits - 1]

    def expect_answer(self, timeout: float = 10) -> PressAnswer:
        """Return the next answer to a pressed button, likewise."""
        timeout = patient(timeout)
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.answers) > self._expected_answers, timeout):
                raise AssertionError(f"no answer within {timeout} s; refused: {self.rejected}")
            self._expected_answers += 1
            return self.answers[self._expected_answers - 1]

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
        assert not self.floods, f"sent too fast: {self.floods}"

    def shown(self, message: SentText) -> SentText:
        """Return a message as its chat sees it now."""
        with self.changed:
            return self._shown[key_of(message)]

    # --- what people do -----------------------------------------------------------------------------------------------

    def press(
        self,
        message: SentText,
        *,
        by: str = "Olga Owner",
        username: str | None = None,
        user_id: int = 77,
        data: str | None = None,
        chat: str | None = None,
        language: str = "en",
    ) -> str:
        """Press the message's button, and return the query's id. ``data`` and ``chat`` are those of a forged press."""
        with self.changed:
            shown = self._shown.get(key_of(message), message)
            if data is None:
                assert shown.buttons, f"there is no button to press: {shown}"
                data = shown.buttons[0]["callback_data"]
            query_id = str(4382000000000 + next(self._numbers))
            self._queries.add(query_id)
        first, _, last = by.partition(" ")
        user = {"id": user_id, "is_bot": False, "first_name": first, "last_name": last, "language_code": language}
        query = {
            "id": query_id,
            "from": user if username is None else user | {"username": username},
            "message": self._document(shown, chat=chat),
            "chat_instance": "-42",
            "data": data,
        }
        self.updates.add("callback_query", query)
        return query_id

    def write(self, chat: str, text: str, *, kind: str = "message", language: str = "en", **fields: Any) -> None:
        """Write a message into a chat; ``fields`` are further ones of the Bot API's ``Message``."""
        message: dict[str, Any] = {
            "message_id": next(self._numbers),
            "date": int(datetime.now(UTC).timestamp()),
            "chat": chat_document(chat),
        }
        if kind == "message":
            message["from"] = {"id": 77, "is_bot": False, "first_name": "Olga", "language_code": language}
        self.updates.add(kind, message | ({"text": text} if text else {}) | fields)

    def upgrade(self, chat: str, new_chat: int) -> None:
        """Make a supergroup of a group, of which Telegram tells both by an update and by refusing the old id."""
        self.chats = self.chats - {chat} | {str(new_chat)}
        self.moved[chat] = new_chat
        self.write(chat, "", migrate_to_chat_id=new_chat)

    def delete(self, message: SentText) -> None:
        """Delete a message from its chat."""
        with self.changed:
            del self._shown[key_of(message)]

    # --- the server ---------------------------------------------------------------------------------------------------

    def fail_polls(self, fault: Fault, *, times: int) -> None:
        """Let the next requests for updates go wrong: ``fail`` leaves these alone."""
        with self.changed:
            self._poll_faults += [fault] * times

    def next_fault(self, request: Request) -> Fault | None:
        """Return what goes wrong with this request."""
        if not request.path.endswith("/getUpdates"):
            return super().next_fault(request)
        with self.changed:
            return self._poll_faults.pop(0) if self._poll_faults else None

    def heal(self) -> None:
        """End all faults."""
        with self.changed:
            self._poll_faults.clear()
        super().heal()

    def go_down(self) -> None:
        """Refuse connections from now on; whoever waits for updates is let go."""
        self.updates.release()
        super().go_down()

    def faulty(self, fault: Fault) -> Answer:
        """Return the Bot API's error document."""
        return {
            Fault.TOO_MANY: self._too_many(self.retry_after),
            Fault.FORBIDDEN: Refused(403, "Forbidden: bot was blocked by the user"),
            Fault.SERVER_ERROR: Refused(500, "Internal Server Error"),
        }[fault].answer

    def answer(self, request: Request) -> Answer:
        """Answer as the Bot API does."""
        try:
            return Answer(status=200, document={"ok": True, "result": self._result(request)})
        except Refused as refusal:
            if refusal.wrong:
                with self.changed:
                    self.rejected.append(str(refusal))
            return refusal.answer

    def _result(self, request: Request) -> object:
        path = re.fullmatch(r"/bot(\d+:[A-Za-z0-9_-]{20,})/(\w+)", request.path)
        if path is None or path[2] not in METHODS:
            raise Refused(404, "Not Found", wrong=True)
        if path[1] != self.bot_token:
            raise Refused(401, "Unauthorized")
        fields = fields_of(request)
        check(path[2], fields)
        answers: Mapping[str, Callable[[Mapping[str, str]], object]] = {
            "getMe": lambda _: self._bot(),
            "getWebhookInfo": self._webhook_info,
            "deleteWebhook": self._webhook_deleted,
            "getUpdates": self._updates,
            "answerCallbackQuery": self._answered,
            "sendMessage": self._sent,
            "editMessageText": self._edited,
        }
        return answers[path[2]](fields)

    def _webhook_info(self, _fields: Mapping[str, str]) -> object:
        return {"url": self.webhook, "has_custom_certificate": False, "pending_update_count": 0}

    def _webhook_deleted(self, _fields: Mapping[str, str]) -> object:
        self.webhook = ""
        return True

    def _updates(self, fields: Mapping[str, str]) -> object:
        if self.webhook:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
        found = self.updates.poll(fields)
        if found is None:
            raise Refused(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )
        return found[:MOST_UPDATES]

    def _answered(self, fields: Mapping[str, str]) -> bool:
        query_id = fields["callback_query_id"]
        with self.changed:
            if query_id not in self._queries:
                raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
            self._queries.remove(query_id)
            alert = fields.get("show_alert", "false").casefold() in {"true", "1"}
            self.answers.append(PressAnswer(query_id=query_id, text=fields.get("text", ""), alert=alert))
            self.changed.notify_all()
        return True

    def _sent(self, fields: Mapping[str, str]) -> object:
        chat = self._reachable(fields["chat_id"].strip())
        with self.changed:
            self._keep_pace(chat)
            message = SentText(
                message_id=next(self._numbers), chat=chat, text=fields["text"].strip(), fields=dict(fields)
            )
            self.sent.append(message)
            self._shown[key_of(message)] = message
            self.changed.notify_all()
        return self._document(message)

    def _edited(self, fields: Mapping[str, str]) -> object:
        chat, number = self._reachable(fields["chat_id"].strip()), int(fields["message_id"])
        with self.changed:
            self._keep_pace(chat)
            before = next(
                (m for m in self._shown.values() if key_of(m) == (str(chat_document(chat)["id"]), number)), None
            )
            if before is None:
                raise Refused(400, "Bad Request: message to edit not found")
            if number in self.frozen:
                raise Refused(400, "Bad Request: message can't be edited")
            message = SentText(message_id=number, chat=before.chat, text=fields["text"].strip(), fields=dict(fields))
            if (message.text, message.buttons) == (before.text, before.buttons):
                raise Refused(
                    400,
                    "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                    "the same as a current content and reply markup of the message",
                )
            self._shown[key_of(message)] = message
            self.edited.append(message)
            self.changed.notify_all()
        return self._document(message)

    def _reachable(self, chat: str) -> str:
        if chat in self.moved:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": self.moved[chat]},
            )
        if chat in self.blocked_by:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats and chat not in {str(chat_document(each)["id"]) for each in self.chats}:
            raise Refused(400, "Bad Request: chat not found")
        return chat

    def _keep_pace(self, chat: str) -> None:
        """Refuse what comes too fast. https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this."""
        limits = [(chat, _BURST, _BURST_SECONDS), ("all", _PER_SECOND, 1.0)]
        if not chat.isdecimal():
            limits.append((f"group {chat}", _PER_GROUP_AND_MINUTE, 60.0))
        now = time.monotonic()
        for name, most, seconds in limits:
            times = self._times.setdefault(name, deque())
            while times and times[0] <= now - seconds:
                times.popleft()
            times.append(now)
            if len(times) > most:
                self.floods.append(f"{name}: {len(times)} within {seconds:.0f} s")
                if self.strict:
                    times.pop()
                    raise self._too_many(int(seconds))

    def _too_many(self, seconds: int) -> Refused:
        return Refused(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})

    def _document(self, message: SentText, *, chat: str | None = None) -> dict[str, Any]:
        document: dict[str, Any] = {
            "message_id": message.message_id,
            "from": self._bot(),
            "chat": chat_document(chat or message.chat),
            "date": int(datetime.now(UTC).timestamp()),
            "text": message.text,
        }
        keyboard = keyboard_of(message.fields)
        return document | {"reply_markup": {"inline_keyboard": keyboard}} if keyboard else document

    def _bot(self) -> dict[str, object]:
        return {
            "id": int(self.bot_token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Fake",
            "username": "fake_tocsin_bot",
        }
