"""The owner on Telegram, with a whole engine: told, a button that acknowledges, a message that keeps up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clouds import FakeTelegram
from tests.integration.owner_rig import CHAT, OwnerRig


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram(chats=[CHAT, "-500"], strict=True) as fake:
        yield fake


@pytest.fixture
def rig(database_url: str, tmp_path: Path, telegram: FakeTelegram) -> Iterator[OwnerRig]:
    rig = OwnerRig(database_url, tmp_path / "var", telegram)
    yield rig
    rig.record.close()


def test_the_owner_presses_the_button_and_the_message_says_so(rig: OwnerRig, telegram: FakeTelegram) -> None:
    with rig.engine():
        event_id = rig.accept("Gate 4 forced")
        told = telegram.expect_message()
        assert [button["text"] for button in told.buttons] == ["✅ Acknowledge"]
        rig.expect_status(event_id, "exhausted")
        query_id = telegram.press(told, by="Olga Owner", username="olga")
        answer = telegram.expect_answer()
        assert (answer.query_id, answer.alert) == (query_id, False)
        assert "You have acknowledged: Gate 4 forced" in answer.text
        edited = telegram.expect_edit()
        assert edited.text.startswith("✅ Olga Owner has acknowledged this alert.")
        assert "Gate 4 forced" in edited.text
        assert edited.buttons == []
        rig.expect_up_to_date(event_id, "acknowledged")
    shown = rig.show(event_id)
    assert (shown["status"], shown["acknowledged_by"], shown["acknowledged_via"]) == (
        "acknowledged",
        "Olga Owner",
        "reply",
    )
    (entry,) = rig.entries(event_id, "acknowledged")
    assert entry["detail"]["telegram_username"] == "olga"
    telegram.expect_nothing_more()
