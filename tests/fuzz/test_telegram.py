"""Updates of the Bot API, valid and strange: each is read or passed over, and a stranger takes nothing."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from telegram import Update

from gateway.channels.telegram.reading import read_update
from gateway.ports.owners import ButtonPressed, ChatAsked, ChatMoved
from gateway.services.owner_updates import OwnerUpdateTaker
from gateway.store import SqlRecord, open_record
from tests.fuzz.effort import examples
from tests.unit.web.installation import Installation, open_event

OWNERS, STRANGERS = -500, 666

words = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["/start", "/start@x", "ack:1", "\0", "@"])
ids = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 1, 2**52, STRANGERS])
extras = st.dictionaries(
    words, st.recursive(st.none() | st.booleans() | ids | words, lambda held: st.lists(held, max_size=3)), max_size=3
)


def user(number: int, name: str, language: str | None) -> dict[str, object]:
    return {"id": number, "is_bot": False, "first_name": name} | ({"language_code": language} if language else {})


users = st.builds(user, ids, words, st.none() | words)
chats = st.builds(lambda number, name: {"id": number, "type": "group", "title": name, "username": name}, ids, words)
chat_messages = st.builds(
    lambda number, chat, text, sender: {"message_id": number, "date": 1, "chat": chat, "text": text, "from": sender},
    ids,
    chats,
    words,
    users,
)
moves = st.builds(lambda message, to: message | {"migrate_to_chat_id": to}, chat_messages, ids)
data = words | st.builds("ack:{}".format, ids | words | st.just("9" * 4400))
presses = st.builds(
    lambda sender, message, pressed: {
        "id": "1",
        "from": sender,
        "chat_instance": "1",
        "message": message,
        "data": pressed,
    },
    users,
    chat_messages,
    data,
)
contents = st.one_of(
    st.builds(lambda each: {"message": each}, chat_messages | moves),
    st.builds(lambda each: {"channel_post": each}, chat_messages | moves),
    st.builds(lambda each: {"callback_query": each}, presses),
    st.builds(lambda each: {"edited_message": each}, chat_messages),
    st.just({}),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def there(request: pytest.FixtureRequest) -> Iterator[tuple[Installation, int]]:
    record: SqlRecord = open_record(request.getfixturevalue(f"{request.param}_url"))
    installation = Installation(record)
    yield installation, open_event(installation.client())
    record.close()


@examples(150)
@given(contents, extras, st.integers(0, 2**31 - 1))
def test_any_update_is_read_or_passed_over(
    content: dict[str, dict[str, object]], more: dict[str, object], number: int
) -> None:
    strange = {kind: more | fields for kind, fields in content.items()}
    update = Update.de_json(more | strange | {"update_id": number}, None)
    assert isinstance(read_update(update), ButtonPressed | ChatAsked | ChatMoved | None)


@examples(60)
@example({"callback_query": {"data": "ack:" + "9" * 18}}, 1)
@given(st.builds(lambda each: {"callback_query": each}, presses), st.integers(0, 2**31 - 1))
def test_a_button_that_nobody_was_sent_takes_nothing(
    there: tuple[Installation, int], content: dict[str, dict[str, object]], number: int
) -> None:
    installation, event_id = there
    sender = {"id": STRANGERS, "is_bot": False, "first_name": "x"}
    whole = {
        "id": "1",
        "from": sender,
        "chat_instance": "1",
        "message": {"message_id": 1, "date": 1, "chat": {"id": STRANGERS, "type": "private"}},
    }
    update = read_update(
        Update.de_json({"update_id": number, "callback_query": whole | content["callback_query"]}, None)
    )
    assert isinstance(update, ButtonPressed)
    before = installation.timeline(event_id)
    taker = OwnerUpdateTaker(record=installation.record, clock=installation.clock, cursor="bot", on_taken=lambda: None)
    answer = taker.take(update)
    assert answer is not None
    assert answer.alert
    assert installation.timeline(event_id) == before
    assert taker.position() is not None
