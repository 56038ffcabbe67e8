"""The engine killed between any two steps of telling the owner: nobody's press is lost or counted twice.

A kill is a step that raises before or after it did its work: what follows is done by the next engine, from the record.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.channels.telegram.owner import TelegramChannel
from gateway.model.attempt import AttemptState
from gateway.ports.messages import Delivery
from gateway.ports.owners import ButtonPressed, OwnerAnswer
from gateway.ports.record import Record, UnitOfWork
from gateway.services.owner_updates import OwnerUpdateTaker
from tests.clouds import FakeTelegram, SentText
from tests.integration.owner_rig import CHAT, OwnerRig
from tests.waiting import until


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram(chats=[CHAT], strict=True) as fake:
        yield fake


@pytest.fixture
def rig(database_url: str, tmp_path: Path, telegram: FakeTelegram) -> Iterator[OwnerRig]:
    rig = OwnerRig(database_url, tmp_path / "var", telegram, policy=", send_timeout: 4s")
    yield rig
    rig.record.close()


class KilledAt:
    """A record that is killed just before, or just after, its ``number``-th commit."""

    def __init__(self, record: Record, number: int, *, after: bool) -> None:
        self._record = record
        self._left = number
        self._after = after
        self.read = record.read
        self.check = record.check

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        with self._record.write() as work:
            self._left -= 1
            if self._left:
                yield work
                return
            commit = work.commit

            def killed() -> None:
                if self._after:
                    commit()
                raise Killed

            work.commit = killed  # type: ignore[method-assign]
            yield work


def taker(rig: OwnerRig, record: Any = None) -> OwnerUpdateTaker:
    class Clock:
        def now(self) -> datetime:
            return datetime.now(UTC)

    return OwnerUpdateTaker(record=record or rig.record, clock=Clock(), cursor="telegram:1", on_taken=lambda: None)


def press(message: SentText, update_id: int = 7, **changes: Any) -> ButtonPressed:
    values: dict[str, Any] = {
        "update_id": update_id,
        "chat": message.chat,
        "chat_name": None,
        "message_id": str(message.message_id),
        "data": message.buttons[0]["callback_data"],
        "by": "Olga Owner",
        "user_id": 77,
        "username": None,
        "language": "en",
    }
    return ButtonPressed(**(values | changes))


def told(rig: OwnerRig, telegram: FakeTelegram) -> tuple[int, SentText]:
    """Have the owner told of an alert, and return the event and the message. No engine runs then."""
    with rig.engine():
        event_id = rig.accept("Gate 4 forced")
        message = telegram.expect_message()
        rig.expect_status(event_id, "exhausted")
    return event_id, message


@pytest.mark.parametrize("after", [False, True])
def test_a_press_that_is_being_recorded_when_the_engine_is_killed_counts_once(
    rig: OwnerRig, telegram: FakeTelegram, *, after: bool
) -> None:
    event_id, message = told(rig, telegram)
    pressed = press(message)
    with pytest.raises(Killed):
        taker(rig, KilledAt(rig.record, 1, after=after)).take(pressed)
    # Telegram delivers again what is at or after the position that the next engine asks for.
    position = taker(rig).position()
    assert position == (pressed.update_id + 1 if after else None)
    if position is None:
        taker(rig).take(pressed)
    assert [entry["detail"]["by"] for entry in rig.entries(event_id, "acknowledged")] == ["Olga Owner"]
    assert rig.entries(event_id, "acknowledged_again") == []
    assert taker(rig).position() == pressed.update_id + 1
    # The engine was killed before it could edit: the next one does.
    with rig.engine():
        assert telegram.expect_edit().text.startswith("✅ Olga Owner has acknowledged")
        rig.expect_up_to_date(event_id, "acknowledged")
    assert len(telegram.edited) == 1
    telegram.expect_nothing_more()


def test_an_update_that_comes_twice_all_the_same_counts_once(rig: OwnerRig, telegram: FakeTelegram) -> None:
    event_id, message = told(rig, telegram)
    answers = [taker(rig).take(press(message, update_id)) for update_id in (7, 7, 8)]
    assert answers == [OwnerAnswer("You have acknowledged: Gate 4 forced")] * 3
    assert len(rig.entries(event_id, "acknowledged")) == 1
    assert rig.entries(event_id, "acknowledged_again") == []


def test_the_second_to_press_is_told_who_was_first(rig: OwnerRig, telegram: FakeTelegram) -> None:
    event_id, message = told(rig, telegram)
    taker(rig).take(press(message))
    answer = taker(rig).take(press(message, 8, by="Otto", user_id=78))
    assert answer == OwnerAnswer("Olga Owner has already acknowledged this alert.")
    (again,) = rig.entries(event_id, "acknowledged_again")
    assert (again["detail"]["by"], again["detail"]["already_by"]) == ("Otto", "Olga Owner")
    assert rig.show(event_id)["acknowledged_by"] == "Olga Owner"


FORGED: tuple[dict[str, Any], ...] = (
    {"chat": "4242"},
    {"chat": "4242", "chat_name": "@1001"},
    {"message_id": "999999"},
    {"data": "ack:999999"},
    {"data": "ack:"},
    {"data": "ack:-1"},
    {"data": "ack:" + "9" * 60},
    {"data": "ack:१"},
    {"data": "resolve:1"},
    {"data": ""},
)


def test_a_press_that_does_not_belong_to_the_message_is_refused_and_logged(
    rig: OwnerRig, telegram: FakeTelegram
) -> None:
    event_id, message = told(rig, telegram)
    for update_id, changes in enumerate(FORGED, start=7):
        with capture_logs() as logs:
            answer = taker(rig).take(press(message, update_id, **changes))
        assert answer == OwnerAnswer("This button does not work here.", alert=True)
        (entry,) = [entry for entry in logs if entry["event"] == "owner_button_refused"]
        assert entry["user_id"] == 77
        assert taker(rig).position() == update_id + 1, "it is taken nevertheless, and does not come again"
    assert rig.show(event_id)["status"] == "exhausted"
    assert rig.entries(event_id, "acknowledged") == []


def kill(monkeypatch: pytest.MonkeyPatch, method: str) -> Callable[[], bool]:
    """Have the channel's next call of that method be the last thing that its thread does; tell whether it was."""
    real = getattr(TelegramChannel, method)
    killed: list[bool] = []

    def last(self: TelegramChannel, *arguments: Any) -> Delivery:
        delivery: Delivery = real(self, *arguments)
        if not killed:
            killed.append(True)
            raise Killed
        return delivery

    monkeypatch.setattr(TelegramChannel, method, last)
    return lambda: bool(killed)


def test_a_message_whose_sending_was_not_recorded_has_a_button_that_works(
    rig: OwnerRig, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_killed = kill(monkeypatch, "send")
    with rig.engine():
        event_id = rig.accept("Gate 4 forced")
        lost = telegram.expect_message()
        until(is_killed, 5, "the engine's thread is gone")
        assert [attempt.state for attempt in rig.attempts(event_id)] == [AttemptState.PENDING]
    with rig.engine():
        # The ladder cannot know that it was sent, and has the owner told again: twice is better than not at all.
        again = telegram.expect_message()
        assert again.buttons != lost.buttons
        rig.expect_status(event_id, "exhausted")
        telegram.press(lost)
        assert "You have acknowledged" in telegram.expect_answer().text
        edited = {telegram.expect_edit().message_id, telegram.expect_edit().message_id}
        assert edited == {lost.message_id, again.message_id}
        until(lambda: all(row.due_at is None for row in rig.rows(event_id)), 10, "nothing is left to be edited")
    assert [row.shown for row in rig.rows(event_id)] == ["acknowledged"] * 2
    assert len(rig.entries(event_id, "acknowledged")) == 1
    telegram.expect_nothing_more()


def test_an_edit_that_was_not_recorded_is_repeated_and_changes_nothing(
    rig: OwnerRig, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id, message = told(rig, telegram)
    is_killed = kill(monkeypatch, "edit")
    rig.acknowledge(event_id)
    with rig.engine():
        until(is_killed, 10, "the engine's thread is gone")
    with rig.engine():
        rig.expect_up_to_date(event_id, "acknowledged")
    assert len(telegram.edited) == 1
    assert telegram.shown(message).text.startswith("✅ Dana has acknowledged")
    telegram.expect_nothing_more()


def test_an_event_that_is_taken_before_its_message_leaves_is_not_reported(
    rig: OwnerRig, telegram: FakeTelegram
) -> None:
    event_id = rig.accept("Gate 4 forced")
    rig.acknowledge(event_id)
    with rig.engine():
        until(lambda: _finished(rig, event_id), 10, "nothing is left to do")
    telegram.expect_nothing_more()


def _finished(rig: OwnerRig, event_id: int) -> bool:
    with rig.record.read() as work:
        return event_id not in work.events.unfinished_ids()
