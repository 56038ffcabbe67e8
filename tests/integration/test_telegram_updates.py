"""Fetching updates by long polling: each once, whatever fails, and without ever holding anything up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.channels.telegram.pace import Pace
from gateway.channels.telegram.updates import TelegramUpdates
from gateway.config.schema import TelegramConfig
from gateway.ports.owners import ButtonPressed, ChatAsked, ChatMoved, OwnerAnswer, OwnerUpdate
from gateway.ports.record import RecordUnavailableError
from tests.clouds import FakeTelegram, Fault, SentText
from tests.waiting import until

CHAT = "1001"
TOLD = SentText(
    message_id=5,
    chat=CHAT,
    text="x",
    fields={"reply_markup": '{"inline_keyboard": [[{"text": "Take", "callback_data": "ack:1"}]]}'},
)


class Taker:
    """Keeps what it is given, and answers."""

    def __init__(self) -> None:
        self.taken: list[OwnerUpdate] = []
        self.faults: list[Exception] = []
        self.answer: OwnerAnswer | None = OwnerAnswer("it is yours", alert=True)
        self.position: int | None = None

    def take(self, update: OwnerUpdate) -> OwnerAnswer | None:
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(update)
        return self.answer


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram(chats=[CHAT, "-500"]) as fake:
        yield fake


@contextmanager
def polling(telegram: FakeTelegram, taker: Taker, **changes: Any) -> Iterator[TelegramUpdates]:
    settings = {"bot_token": telegram.bot_token, "api_base": telegram.api_base, "timeout": "5s"}
    updates = TelegramUpdates(TelegramConfig.model_validate(settings | changes), pace=Pace())
    updates.start(taker.take, lambda: taker.position)
    try:
        yield updates
    finally:
        updates.stop()


def polled(telegram: FakeTelegram, times: int = 1) -> Callable[[], bool]:
    return lambda: len(telegram.updates.offsets) >= times


def test_a_press_is_taken_answered_and_confirmed(telegram: FakeTelegram) -> None:
    taker = Taker()
    with polling(telegram, taker) as updates:
        query_id = telegram.press(TOLD)
        answer = telegram.expect_answer()
        assert (answer.query_id, answer.text, answer.alert) == (query_id, "it is yours", True)
        until(lambda: not telegram.updates.unconfirmed, 5, "the update is confirmed")
        assert updates.state() == "ok"
    (pressed,) = taker.taken
    assert isinstance(pressed, ButtonPressed)
    assert (pressed.chat, pressed.message_id, pressed.data) == (CHAT, "5", "ack:1")
    telegram.expect_nothing_more()


def test_only_what_matters_is_asked_for(telegram: FakeTelegram) -> None:
    taker = Taker()
    with polling(telegram, taker):
        until(polled(telegram), 5, "the first request came")
        telegram.updates.add("poll", {"id": "1"})
        telegram.updates.add("edited_message", {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}})
        assert telegram.updates.unconfirmed == []
    telegram.expect_nothing_more()


def test_reading_goes_on_where_the_record_says(telegram: FakeTelegram) -> None:
    for _ in range(3):
        telegram.press(TOLD)
    taker = Taker()
    taker.position = telegram.updates.unconfirmed[2]
    with polling(telegram, taker):
        until(lambda: taker.taken, 5, "the third is taken")
        until(lambda: not telegram.updates.unconfirmed, 5, "all are confirmed")
    assert [update.update_id for update in taker.taken] == [taker.position]


def test_what_was_not_taken_is_not_confirmed(telegram: FakeTelegram) -> None:
    taker = Taker()
    taker.faults = [RecordUnavailableError("away")] * 1000
    telegram.press(TOLD)
    with polling(telegram, taker):
        until(lambda: len(taker.faults) < 1000, 5, "it was tried")
    assert len(telegram.updates.unconfirmed) == 1
    taker.faults.clear()
    with polling(telegram, taker):
        until(lambda: taker.taken, 5, "it is taken by the next one")
    assert len(taker.taken) == 1


def test_while_the_record_is_away_a_press_waits_and_is_then_taken_once(telegram: FakeTelegram) -> None:
    taker = Taker()
    taker.faults = [RecordUnavailableError("away")]
    with polling(telegram, taker):
        telegram.press(TOLD)
        telegram.expect_answer()
    assert len(taker.taken) == 1


def test_a_week_later_updates_have_lower_numbers_and_are_taken_all_the_same(telegram: FakeTelegram) -> None:
    taker = Taker()
    with polling(telegram, taker):
        telegram.press(TOLD)
        telegram.expect_answer()
        until(polled(telegram, 2), 5, "the first is confirmed")
        telegram.updates.number_anew(1000)
        for _ in range(2):
            telegram.press(TOLD)
            telegram.expect_answer()
        until(lambda: telegram.updates.offsets[-1] == 1002, 5, "they are confirmed by their numbers")
    assert [update.update_id for update in taker.taken][1:] == [1000, 1001]


def test_start_is_answered_in_the_chat(telegram: FakeTelegram) -> None:
    taker = Taker()
    taker.answer = OwnerAnswer("this is chat -500")
    with polling(telegram, taker):
        telegram.write("-500", "/start", language="es")
        sent = telegram.expect_message()
    assert (sent.chat, sent.text) == ("-500", "this is chat -500")
    assert [type(update) for update in taker.taken] == [ChatAsked]
    telegram.expect_nothing_more()


def test_many_who_ask_are_not_all_answered(telegram: FakeTelegram) -> None:
    taker = Taker()
    telegram.chats |= {str(chat) for chat in range(1, 60)}
    with polling(telegram, taker):
        for chat in range(1, 60):
            telegram.write(str(chat), "/start")
        until(lambda: len(taker.taken) == 59, 10, "all were read")
        until(lambda: not telegram.updates.unconfirmed, 5, "and confirmed")
    telegram.expect_messages_at_most(10)
    telegram.expect_nothing_more()


def test_a_group_that_becomes_a_supergroup_is_told(telegram: FakeTelegram) -> None:
    taker = Taker()
    taker.answer = None
    with polling(telegram, taker):
        telegram.upgrade("-500", -100500)
        until(lambda: taker.taken, 5, "the move is told")
    (moved,) = taker.taken
    assert isinstance(moved, ChatMoved)
    assert (moved.chat, moved.new_chat) == ("-500", "-100500")


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.DROP, Fault.GARBAGE, Fault.FORBIDDEN])
def test_after_a_failure_polling_goes_on(telegram: FakeTelegram, fault: Fault) -> None:
    taker = Taker()
    telegram.fail_polls(fault, times=1)
    if fault in {Fault.DROP, Fault.GARBAGE}:
        telegram.press(TOLD)  # the answer that gets lost has an update in it
    with polling(telegram, taker) as updates:
        until(lambda: updates.state() != "ok", 5, "the failure shows")
        telegram.press(TOLD)
        telegram.expect_answer()
        until(lambda: updates.state() == "ok", 5, "it is over")
        until(lambda: not telegram.updates.unconfirmed, 5, "all are confirmed")
    assert len({update.update_id for update in taker.taken}) == len(taker.taken)
    assert len(taker.taken) == (2 if fault in {Fault.DROP, Fault.GARBAGE} else 1)


def test_flood_control_is_waited_for(telegram: FakeTelegram) -> None:
    taker = Taker()
    telegram.retry_after = 1
    telegram.fail_polls(Fault.TOO_MANY, times=1)
    with polling(telegram, taker) as updates:
        until(lambda: "retry after 1 s" in updates.state(), 5, "it is said")
        telegram.press(TOLD)
        telegram.expect_answer()
    assert len(taker.taken) == 1


def test_another_program_that_polls_is_named(telegram: FakeTelegram) -> None:
    first, second = Taker(), Taker()
    with polling(telegram, first) as one:
        until(polled(telegram), 5, "the first polls")
        with polling(telegram, second):
            until(lambda: "another program asks" in one.state(), 5, "the first is told")
        assert "give Tocsin a bot of its own" in one.state()
        telegram.press(TOLD)
        telegram.expect_answer()
    assert len(first.taken) + len(second.taken) == 1


def test_a_webhook_is_named_with_what_to_do(telegram: FakeTelegram) -> None:
    telegram.webhook = "https://elsewhere.example.com/hook"
    taker = Taker()
    with polling(telegram, taker) as updates:
        until(lambda: "webhook" in updates.state(), 5, "it is said")
        assert "deleteWebhook" in updates.state()
        assert telegram.bot_token not in updates.state()
        telegram.webhook = ""
        telegram.press(TOLD)
        telegram.expect_answer()
        until(lambda: updates.state() == "ok", 5, "it is over")


def test_a_wrong_token_is_named(telegram: FakeTelegram) -> None:
    with polling(telegram, Taker(), bot_token="110201543:" + "x" * 35) as updates:
        until(lambda: "bot token refused" in updates.state(), 5, "it is said")


def test_stopping_does_not_wait_for_telegram(telegram: FakeTelegram) -> None:
    with polling(telegram, Taker()) as updates:
        until(polled(telegram), 5, "it waits for updates")
        stopping = threading.Thread(target=updates.stop)
        stopping.start()
        # Telegram would answer after 25 s.
        stopping.join(5)
        assert not stopping.is_alive()


def test_stopping_while_telegram_hangs_does_not_wait_either(telegram: FakeTelegram) -> None:
    telegram.fail_polls(Fault.HANG, times=5)
    with polling(telegram, Taker()) as updates:
        until(lambda: any(request.path.endswith("getUpdates") for request in telegram.requests), 5, "it was asked")
        stopping = threading.Thread(target=updates.stop)
        stopping.start()
        stopping.join(5)
        assert not stopping.is_alive()
    telegram.heal()


def test_an_answer_that_comes_too_late_changes_nothing(telegram: FakeTelegram) -> None:
    taker = Taker()
    with polling(telegram, taker) as updates:
        telegram.fail(Fault.SERVER_ERROR, times=1)
        telegram.press(TOLD)
        telegram.press(TOLD)
        telegram.expect_answer()
        until(lambda: not telegram.updates.unconfirmed, 5, "both are confirmed")
        assert updates.state() == "ok"
    assert len(taker.taken) == 2


@pytest.mark.parametrize("times", [1, 3])
def test_an_update_that_raises_is_tried_again_a_few_times_and_holds_no_other_up(
    telegram: FakeTelegram, times: int
) -> None:
    taker = Taker()
    taker.faults = [RuntimeError("the moon is full")] * times
    with polling(telegram, taker) as updates:
        first, second = telegram.press(TOLD), telegram.press(TOLD)
        answered = [telegram.expect_answer().query_id for _ in range(2 if times == 1 else 1)]
        until(lambda: not telegram.updates.unconfirmed, 5, "both are confirmed")
        assert updates.state() == "ok"
    assert answered == ([first, second] if times == 1 else [second])


def test_the_token_never_reaches_the_logs(telegram: FakeTelegram, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "telegram"):
        caplog.set_level("DEBUG", name)
    telegram.fail_polls(Fault.DROP, times=1)
    with polling(telegram, Taker()):
        telegram.press(TOLD)
        telegram.expect_answer()
    assert telegram.bot_token not in caplog.text
