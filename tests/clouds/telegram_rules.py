"""What the Bot API demands of requests, by its published document: https://core.telegram.org/bots/api."""

import json
from collections.abc import Callable, Mapping

from tests.clouds.server import FORM, Answer, Request

LONGEST_TEXT = 4096
LONGEST_ANSWER = 200
LONGEST_CALLBACK_DATA = 64
MOST_UPDATES = 100
_MOST_BUTTONS = 100

UPDATE_KINDS = frozenset(
    {
        "message",
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "inline_query",
        "chosen_inline_result",
        "callback_query",
        "shipping_query",
        "pre_checkout_query",
        "poll",
        "poll_answer",
        "my_chat_member",
        "chat_member",
        "chat_join_request",
    }
)
# The fields of InlineKeyboardButton beside ``text``: a button has exactly one of them.
_BUTTON_ACTIONS = frozenset(
    {
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
    }
)


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of the fake
    """The Bot API's error document. ``wrong``: the request breaks a rule; else the circumstances are such."""

    def __init__(
        self, code: int, description: str, parameters: Mapping[str, int] | None = None, *, wrong: bool = False
    ) -> None:
        super().__init__(description)
        document: dict[str, object] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            document["parameters"] = dict(parameters)
        self.answer = Answer(status=code, document=document)
        self.wrong = wrong


def bad(description: str) -> Refused:
    """Return the refusal of a request that breaks a rule."""
    return Refused(400, f"Bad Request: {description}", wrong=True)


def fields_of(request: Request) -> dict[str, str]:
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
        raise bad(f"unsupported content type {kind}")
    return fields | {name: values[-1] for name, values in request.fields().items()}


def check(method: str, fields: Mapping[str, str]) -> None:
    """Refuse fields that the method does not have, that are needed and missing, or that are not of their kind."""
    known = METHODS[method]
    if unknown := set(fields) - set(known):
        raise bad(f"unknown fields {sorted(unknown)}")
    for name in _NEEDED.get(method, ()):
        if not fields.get(name, "").strip():
            raise bad(_EMPTY.get(name, f"{name} is empty"))
    for name, value in fields.items():
        known[name](name, value)


def keyboard_of(fields: Mapping[str, str]) -> list[list[dict[str, str]]]:
    """Return the buttons under a message; none where the field is absent, which takes those that there are away."""
    markup = json.loads(fields.get("reply_markup", "{}"))
    rows: list[list[dict[str, str]]] = markup.get("inline_keyboard", [])
    return rows


def _any(_name: str, _value: str) -> None:
    """Accept anything."""


def _whole(name: str, value: str) -> None:
    try:
        int(value)
    except ValueError:
        raise bad(f"{name} must be an Integer") from None


def _boolean(name: str, value: str) -> None:
    if value.casefold() not in {"true", "false", "0", "1"}:
        raise bad(f"{name} must be a Boolean")


def _text(_name: str, value: str) -> None:
    if len(value.strip().encode("utf-16-le")) // 2 > LONGEST_TEXT:
        raise bad("message is too long")


def _answer_text(_name: str, value: str) -> None:
    if len(value) > LONGEST_ANSWER:
        raise bad("MESSAGE_TOO_LONG")


def _parse_mode(_name: str, value: str) -> None:
    if value not in {"HTML", "Markdown", "MarkdownV2"}:
        raise bad("unsupported parse_mode")


def _object(name: str, value: str) -> None:
    if not isinstance(_parsed(name, value), dict):
        raise bad(f"object expected as {name}")


def _kinds(name: str, value: str) -> None:
    kinds = _parsed(name, value)
    if not isinstance(kinds, list) or not set(kinds) <= UPDATE_KINDS:
        raise bad(f"can't parse {name} JSON object")


def _limit(name: str, value: str) -> None:
    _whole(name, value)
    if not 1 <= int(value) <= MOST_UPDATES:
        raise bad("limit must be between 1 and 100")


def _timeout(name: str, value: str) -> None:
    _whole(name, value)
    if int(value) < 0:
        raise bad("timeout must not be negative")


def _markup(name: str, value: str) -> None:
    """https://core.telegram.org/bots/api#inlinekeyboardmarkup and #inlinekeyboardbutton."""
    markup = _parsed(name, value)
    if not isinstance(markup, dict) or set(markup) != {"inline_keyboard"}:
        raise bad("object expected as reply markup")
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    buttons = [button for row in rows for button in row]
    if len(buttons) > _MOST_BUTTONS:
        raise bad("reply markup is too long")
    for button in buttons:
        if not isinstance(button.get("text"), str) or not button["text"].strip():
            raise bad("inline keyboard button text must be non-empty")
        actions = set(button) & _BUTTON_ACTIONS
        if len(actions) != 1 or set(button) - actions != {"text"}:
            raise bad("text buttons are unallowed in the inline keyboard")
        if not 1 <= len(button.get("callback_data", "x").encode()) <= LONGEST_CALLBACK_DATA:
            raise bad("BUTTON_DATA_INVALID")


def _parsed(name: str, value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        raise bad(f"can't parse {name} JSON object") from None


METHODS: Mapping[str, Mapping[str, Callable[[str, str], None]]] = {
    "getMe": {},
    "getWebhookInfo": {},
    "deleteWebhook": {"drop_pending_updates": _boolean},
    "getUpdates": {"offset": _whole, "limit": _limit, "timeout": _timeout, "allowed_updates": _kinds},
    "sendMessage": {
        "allow_paid_broadcast": _boolean,
        "chat_id": _any,
        "disable_notification": _boolean,
        "entities": _any,
        "link_preview_options": _object,
        "message_thread_id": _whole,
        "parse_mode": _parse_mode,
        "protect_content": _boolean,
        "reply_markup": _markup,
        "reply_parameters": _object,
        "text": _text,
    },
    "editMessageText": {
        "chat_id": _any,
        "entities": _any,
        "link_preview_options": _object,
        "message_id": _whole,
        "parse_mode": _parse_mode,
        "reply_markup": _markup,
        "text": _text,
    },
    "answerCallbackQuery": {
        "callback_query_id": _any,
        "text": _answer_text,
        "show_alert": _boolean,
        "url": _any,
        "cache_time": _whole,
    },
}
# ``editMessageText`` without a chat and a message edits one that was sent by way of an inline query: never ours.
_NEEDED = {
    "sendMessage": ("chat_id", "text"),
    "editMessageText": ("chat_id", "message_id", "text"),
    "answerCallbackQuery": ("callback_query_id",),
}
_EMPTY = {"text": "message text is empty", "message_id": "message identifier is not specified"}
