import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from gateway.channels.telegram.owner import TelegramChannel
from gateway.config.schema import TelegramConfig
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import Button, Message
from tests.clouds import FakeTelegram, Fault

CHAT = "1001"


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram(chats=[CHAT, "@owners"]) as fake:
        yield fake


def channel(telegram: FakeTelegram, **changes: Any) -> TelegramChannel:
    settings = {"bot_token": telegram.bot_token, "api_base": telegram.api_base, "timeout": "5s"}
    return TelegramChannel(TelegramConfig.model_validate(settings | changes))


def button_markup(data: str) -> str:
    return json.dumps({"inline_keyboard": [[{"text": "x", "callback_data": data}]]})


def message(text: str = "Nobody took it. *Tried*: Ana_B <1>", to: str = CHAT) -> Message:
    return Message(level=Level.OWNER, to=to, text=text)


def test_the_owner_gets_the_text_as_it_is(telegram: FakeTelegram) -> None:
    delivery = channel(telegram).send(message())
    sent = telegram.expect_message()
    assert (delivery.state, delivery.provider_id) == (AttemptState.SENT, str(sent.message_id))
    assert (sent.chat, sent.text) == (CHAT, "Nobody took it. *Tried*: Ana_B <1>")
    assert "parse_mode" not in sent.fields
    telegram.expect_nothing_more()


def test_a_channel_can_be_the_owner(telegram: FakeTelegram) -> None:
    assert channel(telegram).send(message(to="@owners")).state is AttemptState.SENT


def test_links_are_not_previewed(telegram: FakeTelegram) -> None:
    channel(telegram).send(message("https://alerts.example.com/a/xyz"))
    assert telegram.expect_message().fields["link_preview_options"] == '{"is_disabled": true}'


def test_overlong_text_is_cut_and_keeps_its_link(telegram: FakeTelegram) -> None:
    link = "https://alerts.example.com/a/1.token"
    assert channel(telegram).send(message("🚨" * 5000 + f"\n{link}")).state is AttemptState.SENT
    assert telegram.expect_message().text.endswith(f"…\n{link}")


def test_other_levels_are_skipped_without_a_request(telegram: FakeTelegram) -> None:
    delivery = channel(telegram).send(Message(level=Level.TEXT, to=CHAT, text="x"))
    assert (delivery.state, delivery.reason) == (AttemptState.SKIPPED, "not_supported")
    assert telegram.requests == []


def test_an_unknown_chat_is_final(telegram: FakeTelegram) -> None:
    delivery = channel(telegram).send(message(to="4242"))
    assert (delivery.state, delivery.reason) == (AttemptState.FAILED, "refused: Chat not found")


def test_a_blocked_bot_is_final(telegram: FakeTelegram) -> None:
    telegram.blocked_by.add(CHAT)
    delivery = channel(telegram).send(message())
    assert delivery.state is AttemptState.FAILED
    assert "blocked" in (delivery.reason or "")


def test_an_empty_text_is_final(telegram: FakeTelegram) -> None:
    assert channel(telegram).send(message(" ")).state is AttemptState.FAILED


def test_a_group_that_became_a_supergroup_is_followed(telegram: FakeTelegram) -> None:
    telegram.upgrade(CHAT, -100123)
    owner = channel(telegram)
    delivery = owner.send(message())
    assert (delivery.state, delivery.chat) == (AttemptState.SENT, "-100123")
    asked = len(telegram.requests)
    assert owner.send(message()).chat == "-100123"
    assert len(telegram.requests) == asked + 1, "the former id is not tried again"
    assert [sent.chat for sent in telegram.sent] == ["-100123", "-100123"]


def test_a_channel_tells_its_id(telegram: FakeTelegram) -> None:
    assert channel(telegram).send(message(to="@owners")).chat == "-1001"


def test_a_button_goes_below_the_text(telegram: FakeTelegram) -> None:
    channel(telegram).send(replace(message(), button=Button("Take it", "ack:" + "9" * 18)))
    sent = telegram.expect_message()
    assert sent.buttons == [{"text": "Take it", "callback_data": "ack:" + "9" * 18}]
    telegram.expect_nothing_more()


def told(telegram: FakeTelegram, owner: TelegramChannel) -> str:
    delivery = owner.send(replace(message("Nobody took it."), button=Button("Take it", "ack:1")))
    assert delivery.provider_id is not None
    telegram.expect_message()
    return delivery.provider_id


def test_an_edit_replaces_the_text_and_takes_the_button_away(telegram: FakeTelegram) -> None:
    owner = channel(telegram)
    number = told(telegram, owner)
    assert owner.edit(message("Ana took it."), number).state is AttemptState.SENT
    edited = telegram.expect_edit()
    assert (edited.message_id, edited.text, edited.buttons) == (int(number), "Ana took it.", [])
    assert edited.fields["link_preview_options"] == '{"is_disabled": true}'
    telegram.expect_nothing_more()


def test_an_edit_that_changes_nothing_is_done(telegram: FakeTelegram) -> None:
    owner = channel(telegram)
    number = told(telegram, owner)
    for _ in range(2):
        assert owner.edit(message("Ana took it."), number).state is AttemptState.SENT
    assert len(telegram.edited) == 1


def test_a_message_that_is_gone_or_cannot_be_edited_or_whose_chat_is_gone_is_the_end(telegram: FakeTelegram) -> None:
    owner = channel(telegram)
    number = told(telegram, owner)
    telegram.frozen.add(int(number))
    assert owner.edit(message("Ana took it."), number).state is AttemptState.FAILED
    telegram.delete(telegram.sent[0])
    assert owner.edit(message("Ana took it."), number).state is AttemptState.FAILED
    telegram.blocked_by.add(CHAT)
    assert owner.edit(message("Ana took it."), number).state is AttemptState.FAILED
    telegram.blocked_by.clear()
    telegram.upgrade(CHAT, -100123)
    delivery = owner.edit(message("Ana took it."), number)
    assert (delivery.state, "supergroup" in (delivery.reason or "")) == (AttemptState.FAILED, True)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP, Fault.SERVER_ERROR, Fault.GARBAGE, Fault.TOO_MANY])
def test_any_other_failure_of_an_edit_may_be_tried_again(telegram: FakeTelegram, fault: Fault) -> None:
    owner = channel(telegram, timeout="600ms")
    number = told(telegram, owner)
    telegram.fail(fault, times=1)
    assert owner.edit(message("Ana took it."), number).state in {AttemptState.UNKNOWN, AttemptState.UNAVAILABLE}
    assert owner.edit(message("Ana took it."), number).state is AttemptState.SENT
    assert len(telegram.edited) == 1


def test_after_flood_control_the_chat_has_no_turn_for_as_long_as_told(telegram: FakeTelegram) -> None:
    telegram.retry_after = 17
    telegram.fail(Fault.TOO_MANY, times=1)
    owner = channel(telegram)
    owner.send(message())
    assert timedelta(seconds=16) < owner.turn(CHAT) <= timedelta(seconds=17)
    assert not owner.turn("4242")


@pytest.mark.parametrize("token", ["110201543:" + "x" * 35, "malformed"])
def test_a_wrong_token_is_named(telegram: FakeTelegram, token: str) -> None:
    delivery = channel(telegram, bot_token=token).send(message())
    assert (delivery.state, delivery.reason) == (AttemptState.FAILED, "bot token refused")


def test_flood_control_is_unavailable_with_the_pause_asked_for(telegram: FakeTelegram) -> None:
    telegram.retry_after = 17
    telegram.fail(Fault.TOO_MANY)
    delivery = channel(telegram).send(message())
    assert (delivery.state, delivery.reason) == (AttemptState.UNAVAILABLE, "flood control: retry after 17 s")


def test_a_refused_connection_is_unavailable(telegram: FakeTelegram) -> None:
    telegram.go_down()
    assert channel(telegram).send(message()).state is AttemptState.UNAVAILABLE
    telegram.come_back()
    assert channel(telegram).send(message()).state is AttemptState.SENT


def test_a_failed_tls_handshake_is_unavailable(telegram: FakeTelegram) -> None:
    delivery = channel(telegram, api_base=f"https://127.0.0.1:{telegram.port}").send(message())
    assert delivery.state is AttemptState.UNAVAILABLE


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP, Fault.SERVER_ERROR, Fault.GARBAGE])
def test_an_ambiguous_end_is_unknown_and_asked_once(telegram: FakeTelegram, fault: Fault) -> None:
    telegram.fail(fault)
    assert channel(telegram, timeout="600ms").send(message()).state is AttemptState.UNKNOWN
    assert len(telegram.requests) == 1


def test_the_bot_can_be_checked(telegram: FakeTelegram) -> None:
    check = channel(telegram).check()
    assert (check.ok, check.detail) == (True, "bot @fake_tocsin_bot answers")


def test_a_check_names_a_webhook_and_what_to_do_about_it(telegram: FakeTelegram) -> None:
    telegram.webhook = "https://elsewhere.example.com/secret-path"
    check = channel(telegram).check()
    assert not check.ok
    assert "webhook at elsewhere.example.com" in check.detail
    assert "deleteWebhook" in check.detail
    assert "secret-path" not in check.detail
    assert channel(telegram, poll=False).check().ok, "who does not poll needs no updates"


def test_a_check_with_a_wrong_token_says_where_to_get_one(telegram: FakeTelegram) -> None:
    check = channel(telegram, bot_token="1:wrong").check()
    assert not check.ok
    assert "@BotFather" in check.detail


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP, Fault.SERVER_ERROR, Fault.GARBAGE, Fault.TOO_MANY])
def test_a_check_survives_every_fault(telegram: FakeTelegram, fault: Fault) -> None:
    telegram.fail(fault)
    assert not channel(telegram, timeout="600ms").check().ok


def test_the_token_never_reaches_the_logs(telegram: FakeTelegram, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "telegram"):
        caplog.set_level(logging.DEBUG, name)
    channel(telegram).send(message())
    telegram.fail(Fault.DROP)
    channel(telegram).send(message())
    telegram.fail(Fault.GARBAGE)
    channel(telegram).send(message())
    assert telegram.bot_token not in caplog.text
    assert "/bot***" in caplog.text


@pytest.mark.parametrize(
    ("method", "form", "status", "description"),
    [
        ("sendMessage", {"text": "x"}, 400, "Bad Request: chat_id is empty"),
        ("sendMessage", {"chat_id": CHAT}, 400, "Bad Request: message text is empty"),
        ("sendMessage", {"chat_id": CHAT, "text": "x" * 4097}, 400, "Bad Request: message is too long"),
        ("sendMessage", {"chat_id": CHAT, "text": "x", "tex": "y"}, 400, "Bad Request: unknown fields ['tex']"),
        (
            "sendMessage",
            {"chat_id": CHAT, "text": "x", "parse_mode": "RTF"},
            400,
            "Bad Request: unsupported parse_mode",
        ),
        ("editMessageText", {"chat_id": CHAT, "text": "x"}, 400, "Bad Request: message identifier is not specified"),
        ("sendMesage", {"chat_id": CHAT, "text": "x"}, 404, "Not Found"),
        (
            "sendMessage",
            {"chat_id": CHAT, "text": "x", "reply_markup": '{"inline_keyboard": [{"text": "x"}]}'},
            400,
            'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        ),
        (
            "sendMessage",
            {"chat_id": CHAT, "text": "x", "reply_markup": button_markup("ä" * 33)},
            400,
            "Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            "editMessageText",
            {"chat_id": CHAT, "message_id": "x", "text": "x"},
            400,
            "Bad Request: message_id must be an Integer",
        ),
        ("getUpdates", {"limit": "101"}, 400, "Bad Request: limit must be between 1 and 100"),
        (
            "getUpdates",
            {"allowed_updates": '["messages"]'},
            400,
            "Bad Request: can't parse allowed_updates JSON object",
        ),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, 400, "Bad Request: MESSAGE_TOO_LONG"),
    ],
)
def test_the_fake_refuses_wrong_requests(
    telegram: FakeTelegram, method: str, form: dict[str, str], status: int, description: str
) -> None:
    answer = requests.post(f"{telegram.api_base}/bot{telegram.bot_token}/{method}", data=form, timeout=5)
    assert (answer.status_code, answer.json()["description"]) == (status, description)
    with pytest.raises(AssertionError, match="wrong requests"):
        telegram.expect_nothing_more()


def test_the_fake_edits_a_message_that_was_sent(telegram: FakeTelegram) -> None:
    url = f"{telegram.api_base}/bot{telegram.bot_token}"
    sent = requests.post(f"{url}/sendMessage", json={"chat_id": CHAT, "text": "x"}, timeout=5).json()["result"]
    form = {"chat_id": CHAT, "message_id": sent["message_id"], "text": "y"}
    assert requests.post(f"{url}/editMessageText", data=form, timeout=5).json()["ok"]
    assert ([sent.text for sent in telegram.sent], [edited.text for edited in telegram.edited]) == (["x"], ["y"])
    again = requests.post(f"{url}/editMessageText", data=form, timeout=5).json()
    assert again["description"].startswith("Bad Request: message is not modified")


def test_the_fake_confirms_updates_by_their_offset(telegram: FakeTelegram) -> None:
    url = f"{telegram.api_base}/bot{telegram.bot_token}/getUpdates"
    for text in ("a", "b", "c"):
        telegram.write(CHAT, text)

    def asked(**fields: int) -> list[str]:
        found = requests.post(url, data=fields, timeout=5).json()["result"]
        return [update["message"]["text"] for update in found]

    assert asked() == asked() == ["a", "b", "c"]
    first = telegram.updates.unconfirmed[0]
    assert asked(offset=first + 1, limit=1) == ["b"]
    assert asked() == ["b", "c"]
    assert asked(offset=-1) == ["c"], "a negative offset forgets all before"
    assert asked(offset=first + 3) == []


def test_the_fake_refuses_floods_if_it_is_told_to(telegram: FakeTelegram) -> None:
    telegram.strict = True
    url = f"{telegram.api_base}/bot{telegram.bot_token}/sendMessage"
    answers = [requests.post(url, data={"chat_id": CHAT, "text": "x"}, timeout=5).json() for _ in range(5)]
    assert [answer["ok"] for answer in answers] == [True] * 4 + [False]
    assert answers[4]["parameters"] == {"retry_after": 3}
    telegram.expect_messages_at_most(4)
    with pytest.raises(AssertionError, match="sent too fast"):
        telegram.expect_nothing_more()
