"""The owner on Telegram, with a whole engine: told, a button that acknowledges, a message that keeps up."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gateway.app.cli.checks import CheckState
from gateway.app.cli.doctor import checks
from tests.clouds import FakeTelegram, Fault
from tests.gateway import Gateway
from tests.integration.owner_rig import CHAT, OwnerRig
from tests.waiting import until


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram(chats=[CHAT, "-500"], strict=True) as fake:
        yield fake


@pytest.fixture
def rig(database_url: str, tmp_path: Path, telegram: FakeTelegram) -> Iterator[OwnerRig]:
    rig = OwnerRig(database_url, tmp_path / "var", telegram, policy=", send_timeout: 60s")
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


def test_what_others_do_is_shown_as_well(rig: OwnerRig, telegram: FakeTelegram) -> None:
    with rig.engine():
        event_id = rig.accept()
        told = telegram.expect_message()
        rig.expect_status(event_id, "exhausted")
        rig.acknowledge(event_id, by="Dana")
        edited = telegram.expect_edit()
        assert edited.text.startswith("✅ Dana has acknowledged this alert.")
        assert edited.buttons == []
        telegram.press(told, data=told.buttons[0]["callback_data"])
        assert telegram.expect_answer().text == "Dana has already acknowledged this alert."
    telegram.expect_nothing_more()


def test_a_storm_makes_a_few_messages_and_one_press_takes_all_of_one(rig: OwnerRig, telegram: FakeTelegram) -> None:
    event_ids = [rig.accept(f"Alert {number}") for number in range(110)]
    with rig.engine():
        for event_id in event_ids:
            rig.expect_status(event_id, "exhausted", 60)
        telegram.expect_messages_at_most(5)
        numbers = Counter(rig.rows(event_id)[0].message_id for event_id in event_ids)
        several = next(sent for sent in telegram.sent if str(sent.message_id) == numbers.most_common(1)[0][0])
        assert several.buttons[0]["text"].startswith("✅ Acknowledge all ")
        told_of = [event_id for event_id in event_ids if rig.rows(event_id)[0].message_id == str(several.message_id)]
        assert len(told_of) > 20
        assert several.text.startswith(f"⚠️ Nobody acknowledged {len(told_of)} alerts of Acme.")
        assert several.text.count("https://alerts.example.com/a/") == 20
        assert f"and {len(told_of) - 20} more" in several.text
        # One of them is taken by somebody else first.
        rig.acknowledge(told_of[0], by="Dana")
        edited = telegram.expect_edit()
        assert edited.text.startswith(f"⚠️ Nobody acknowledged {len(told_of) - 1} alerts of Acme.")
        assert edited.buttons[0]["text"] == f"✅ Acknowledge all {len(told_of) - 1}"
        telegram.press(several, by="Olga Owner")
        assert telegram.expect_answer().text == f"You have acknowledged {len(told_of) - 1} alerts."
        edited = telegram.expect_edit()
        assert edited.text.startswith(f"✅ All {len(told_of)} alerts of Acme are settled.")
        assert edited.buttons == []
        for event_id in told_of:
            rig.expect_up_to_date(event_id, "acknowledged")
    assert {rig.show(event_id)["acknowledged_by"] for event_id in told_of[1:]} == {"Olga Owner"}
    assert rig.show(told_of[0])["acknowledged_by"] == "Dana"
    # Nothing was lost, nothing told twice, and who was not in that message is not acknowledged.
    assert [len(rig.attempts(event_id)) for event_id in event_ids] == [1] * len(event_ids)
    others = set(event_ids) - set(told_of)
    assert {rig.show(event_id)["status"] for event_id in others} == {"exhausted"}
    telegram.expect_nothing_more()


def test_while_telegram_refuses_for_a_flood_the_record_says_what_waits(
    sqlite_url: str, tmp_path: Path, telegram: FakeTelegram
) -> None:
    rig = OwnerRig(sqlite_url, tmp_path / "flood", telegram)
    telegram.retry_after = 1
    telegram.fail(Fault.TOO_MANY, times=1)
    with rig.engine():
        event_id = rig.accept()
        until(lambda: rig.attempts(event_id)[1:], 10, "the ladder tries again")
        assert rig.attempts(event_id)[0].reason == "flood control: retry after 1 s"
        assert rig.show(event_id)["status"] == "open"
        telegram.expect_message()
        rig.expect_status(event_id, "exhausted")
    assert len([request for request in telegram.requests if request.path.endswith("/sendMessage")]) == 2
    rig.record.close()
    telegram.expect_nothing_more()


def test_a_group_that_became_a_supergroup_is_followed_on_record(
    database_url: str, tmp_path: Path, telegram: FakeTelegram
) -> None:
    rig = OwnerRig(database_url, tmp_path / "group", telegram, chat="-500")
    telegram.chats = {"-100500"}
    telegram.moved["-500"] = -100500
    with rig.engine():
        event_id = rig.accept()
        told = telegram.expect_message()
        rig.expect_status(event_id, "exhausted")
        assert told.chat == "-100500"
        telegram.press(told)
        assert "You have acknowledged" in telegram.expect_answer().text
        assert telegram.expect_edit().buttons == []
        rig.expect_up_to_date(event_id, "acknowledged")
    with rig.record.read() as work:
        license_ = work.licenses.get(rig.license_id)
    assert license_ is not None
    assert license_.owner_telegram == "-100500"
    rig.record.close()
    telegram.expect_nothing_more()


def test_the_doctor_tells_what_the_engine_knows_of_another_program(
    sqlite_url: str, tmp_path: Path, telegram: FakeTelegram
) -> None:
    rig = OwnerRig(sqlite_url, tmp_path / "doctor", telegram)
    (look,) = [check.look for check in checks(rig.config) if check.name == "telegram"]
    with rig.engine() as engine:
        assert look().state is CheckState.OK
        until(lambda: telegram.updates.offsets, 10, "the engine asks for updates")
        url = f"{telegram.api_base}/bot{telegram.bot_token}/getUpdates"
        requests.post(url, data={"timeout": "0"}, timeout=5)  # another program does, too
        until(lambda: "another program" in engine._owners.parts()["telegram"], 10, "the engine is told")
        finding = until(lambda: (found := look()).state is CheckState.FAILED and found, 10, "the doctor tells")
        assert "another program asks for this bot's updates" in finding.detail
    rig.record.close()


def test_a_group_that_tells_of_its_move_is_followed_on_record(
    sqlite_url: str, tmp_path: Path, telegram: FakeTelegram
) -> None:
    rig = OwnerRig(sqlite_url, tmp_path / "group", telegram, chat="-500")

    def owner() -> str | None:
        with rig.record.read() as work:
            license_ = work.licenses.get(rig.license_id)
        return license_ and license_.owner_telegram

    with rig.engine():
        telegram.upgrade("-500", -100500)
        until(lambda: owner() == "-100500", 10, "the license has the new chat")
        telegram.write("-100500", "/start")
        assert "-100500" in telegram.expect_message().text
    rig.record.close()
    telegram.expect_nothing_more()


def test_without_polling_there_is_no_button_and_the_message_is_edited_all_the_same(
    sqlite_url: str, tmp_path: Path, telegram: FakeTelegram
) -> None:
    rig = OwnerRig(sqlite_url, tmp_path / "quiet", telegram, settings=", poll: false")
    with rig.engine():
        event_id = rig.accept()
        told = telegram.expect_message()
        assert told.buttons == []
        assert "https://alerts.example.com/a/" in told.text
        rig.expect_status(event_id, "exhausted")
        rig.acknowledge(event_id)
        assert telegram.expect_edit().text.startswith("✅ Dana has acknowledged")
        rig.expect_up_to_date(event_id, "acknowledged")
    assert not [request for request in telegram.requests if request.path.endswith("/getUpdates")]
    rig.record.close()
    telegram.expect_nothing_more()


def test_an_owner_who_blocked_the_bot_is_not_edited_for_ever(
    sqlite_url: str, tmp_path: Path, telegram: FakeTelegram
) -> None:
    rig = OwnerRig(sqlite_url, tmp_path / "blocked", telegram)
    with rig.engine():
        event_id = rig.accept()
        telegram.expect_message()
        rig.expect_status(event_id, "exhausted")
        telegram.blocked_by.add(CHAT)
        rig.acknowledge(event_id)
        rig.expect_up_to_date(event_id, "exhausted")
    (row,) = rig.rows(event_id)
    assert row.reason == "refused: Forbidden: bot was blocked by the user"
    rig.record.close()
    telegram.expect_nothing_more()


def test_an_edit_that_fails_is_tried_again(sqlite_url: str, tmp_path: Path, telegram: FakeTelegram) -> None:
    rig = OwnerRig(sqlite_url, tmp_path / "again", telegram)
    with rig.engine():
        event_id = rig.accept()
        telegram.expect_message()
        rig.expect_status(event_id, "exhausted")
        telegram.fail(Fault.SERVER_ERROR, times=2)
        rig.acknowledge(event_id)
        assert telegram.expect_edit(20).buttons == []
        rig.expect_up_to_date(event_id, "acknowledged")
    rig.record.close()
    telegram.expect_nothing_more()


def test_a_press_while_the_engine_is_killed_and_gone_counts_when_it_is_back(
    tmp_path: Path, telegram: FakeTelegram
) -> None:
    settings = {
        "telegram": {"bot_token": telegram.bot_token, "api_base": telegram.api_base},
        "policy": {"retry_backoff": "200ms", "events_per_minute": 1000},
    }
    with Gateway(tmp_path, settings) as gateway:
        token = gateway.source(gateway.license(owner_telegram=CHAT))
        event_id = gateway.post(token, title="Gate 4 forced")
        told = telegram.expect_message()
        gateway.expect_status(event_id, "exhausted")
        gateway.kill_engine()
        telegram.press(told)
        telegram.expect_answer(30)
        assert telegram.expect_edit().text.startswith("✅ Olga Owner has acknowledged")
        acknowledged = [entry for entry in gateway.event(event_id)["timeline"] if entry["type"] == "acknowledged"]
        assert len(acknowledged) == 1
        until(lambda: not telegram.updates.unconfirmed, 10, "the press is confirmed")
    telegram.expect_nothing_more()
