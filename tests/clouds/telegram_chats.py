"""Chats and messages as the fake Telegram keeps them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.clouds.telegram_rules import keyboard_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SentText:
    """A message that was accepted, or what it became by an edit."""

    message_id: int
    chat: str
    text: str
    fields: Mapping[str, str]

    @property
    def buttons(self) -> list[dict[str, str]]:
        """The buttons under it."""
        return [button for row in keyboard_of(self.fields) for button in row]


@dataclass(frozen=True, slots=True, kw_only=True)
class PressAnswer:
    """What somebody who pressed a button was shown."""

    query_id: str
    text: str
    alert: bool


def key_of(message: SentText) -> tuple[str, int]:
    """Return what tells a message from all others."""
    return str(chat_document(message.chat)["id"]), message.message_id


def chat_document(chat: str) -> dict[str, Any]:
    """Return the Bot API's ``Chat`` of an id, or of the ``@name`` of a channel."""
    if not re.fullmatch(r"-?\d+", chat):
        return {"id": -1001, "type": "channel", "title": "Owners", "username": chat.removeprefix("@")}
    if int(chat) > 0:
        return {"id": int(chat), "type": "private", "first_name": "Owner"}
    return {"id": int(chat), "type": "supergroup" if chat.startswith("-100") else "group", "title": "Owners"}
