"""What people do in a chat, as the Bot API tells it."""

from typing import Any

import pytest
from telegram import Update

from gateway.channels.telegram.reading import read_update
from gateway.ports.owners import ButtonPressed, ChatAsked, ChatMoved, OwnerUpdate

USER = {"id": 77, "is_bot": False, "first_name": "Olga", "last_name": "Owner", "language_code": "es"}
GROUP = {"id": -500, "type": "group", "title": "Owners"}
CHANNEL = {"id": -1001, "type": "channel", "title": "Owners", "username": "owners"}


def read(**content: Any) -> OwnerUpdate | None:
    update = Update.de_json({"update_id": 9, **content}, None)
    return read_update(update)


def message(text: str = "", chat: dict[str, Any] = GROUP, **fields: Any) -> dict[str, Any]:
    return {"message_id": 3, "date": 1, "chat": chat} | ({"text": text} if text else {}) | fields


def query(**fields: Any) -> dict[str, Any]:
    return {"id": "1", "from": USER, "chat_instance": "1", "message": message("x"), "data": "ack:5"} | fields


def test_a_pressed_button_tells_who_where_and_what() -> None:
    assert read(callback_query=query()) == ButtonPressed(
        update_id=9,
        chat="-500",
        chat_name=None,
        message_id="3",
        data="ack:5",
        by="Olga Owner",
        user_id=77,
        username=None,
        language="es",
    )


def test_a_button_under_a_message_too_old_to_be_read_counts_as_well() -> None:
    pressed = read(callback_query=query(message={"message_id": 3, "date": 0, "chat": CHANNEL}))
    assert isinstance(pressed, ButtonPressed)
    assert (pressed.chat, pressed.chat_name, pressed.message_id) == ("-1001", "@owners", "3")


@pytest.mark.parametrize("missing", ["message", "data"])
def test_a_press_without_a_message_or_data_is_none_of_ours(missing: str) -> None:
    fields = query(inline_message_id="zz")
    del fields[missing]
    assert read(callback_query=fields) is None


@pytest.mark.parametrize("text", ["/start", "/start@fake_tocsin_bot", "/start 42", "/start\nhello"])
def test_start_asks_for_the_chat(text: str) -> None:
    assert read(message=message(text, **{"from": USER})) == ChatAsked(update_id=9, chat="-500", language="es")
    assert read(channel_post=message(text, CHANNEL)) == ChatAsked(update_id=9, chat="-1001", language="en")


@pytest.mark.parametrize("text", ["", "hello", "start", "/started", "please /start"])
def test_other_words_are_nothing_to_us(text: str) -> None:
    assert read(message=message(text)) is None


def test_a_group_that_becomes_a_supergroup_tells_its_new_id() -> None:
    moved = read(message=message(migrate_to_chat_id=-100500))
    assert moved == ChatMoved(update_id=9, chat="-500", new_chat="-100500")


def test_other_updates_are_nothing_to_us() -> None:
    assert read(edited_message=message("/start")) is None
    assert read() is None
