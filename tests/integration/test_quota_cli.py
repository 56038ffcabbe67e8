"""``tocsin quota`` and the caps of ``tocsin license``."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config.loader import load
from gateway.model.quota import VoiceUseKind
from gateway.services.quota import VoiceQuota
from gateway.store import open_record
from tests.command_line import CommandLine, working_directory


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


def use_voice(directory: Path, at: datetime, *, used: int, reserved: int) -> None:
    """Record what the license 1 has used and what a call in progress holds."""
    with working_directory(directory):
        config = load(None, {})
        record = open_record(config.database_url)
        quota = VoiceQuota(config.tiers)
        with record.write() as work:
            for reference, seconds in (("over", used), ("running", reserved)):
                quota.reserve(
                    work,
                    license_id=1,
                    kind=VoiceUseKind.CALL,
                    reference=reference,
                    longest=timedelta(seconds=seconds),
                    critical=False,
                    at=at,
                )
            quota.settle(work, kind=VoiceUseKind.CALL, reference="over", used_seconds=used, at=at)
            work.commit()
        record.close()


def test_the_quota_is_told_exactly_as_promised(cli: CommandLine, tmp_path: Path) -> None:
    cli.json("license", "add", "--name", "Acme", "--tier", "basic", "--timezone", "Europe/Madrid")
    use_voice(tmp_path, datetime(2026, 10, 31, 23, tzinfo=UTC), used=250, reserved=20)
    assert cli.json("quota", "show", "--license", "1", "--month", "2026-11") == {
        "month": "2026-11",
        "voice_seconds_used": 250,
        "voice_seconds_reserved": 20,
        "voice_seconds_cap": 300,
        "events_used": 0,
        "events_cap": None,
        "notices": ["voice_80"],
    }
    assert cli.json("quota", "show", "--license", "1", "--month", "2026-10")["voice_seconds_used"] == 0


def test_without_a_month_it_is_the_present_one(cli: CommandLine) -> None:
    cli.json("license", "add", "--name", "Acme", "--tier", "pro")
    present = datetime.now(UTC)
    assert cli.json("quota", "show", "--license", "1")["month"] in {
        f"{at.year}-{at.month:02}" for at in (present, datetime.now(UTC))
    }


def test_people_read_minutes(cli: CommandLine, tmp_path: Path) -> None:
    cli.json("license", "add", "--name", "Acme", "--tier", "basic", "--events-per-month", "9", "--overdraft")
    use_voice(tmp_path, datetime(2026, 11, 2, tzinfo=UTC), used=245, reserved=20)
    out = cli("quota", "show", "--license", "1", "--month", "2026-11").out
    table, notes = out.splitlines()[:3], out.splitlines()[3:]
    assert [line.split() for line in table] == [
        ["2026-11", "USED", "RESERVED", "CAP", "SHARE"],
        ["voice", "minutes", "4:05", "0:20", "5:00", "81", "%"],
        ["events", "0", "-", "9", "0", "%"],
    ]
    assert notes == [
        "voice notes and calls about critical events go on when the voice minutes are spent",
        "marks reached: voice_80",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--license", "9"), "there is no license 9"),
        (("--license", "1", "--month", "11/2026"), "not a month: '11/2026'; write year and month as in 2026-11"),
    ],
)
def test_a_quota_that_cannot_be_shown_says_why(cli: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    cli.json("license", "add", "--name", "Acme", "--tier", "basic")
    ran = cli("quota", "show", *arguments)
    assert ran.status == 1
    assert told in ran.err


def test_a_license_gets_its_own_caps_and_goes_back_to_its_tier_s(cli: CommandLine) -> None:
    added = cli.json("license", "add", "--name", "n", "--tier", "basic", "--voice-minutes", "7", "--overdraft")
    assert (added["caps"], added["overdraft"]) == ({"voice_minutes": 7}, True)
    changed = cli.json("license", "set", "1", "--voice-minutes", "unlimited", "--events-per-month", "5")
    assert (changed["caps"], changed["overdraft"]) == ({"voice_minutes": None, "events_per_month": 5}, True)
    listed = cli("license", "list").out
    assert all(word in listed for word in ("voice_minutes=unlimited", "events_per_month=5", "overdraft"))
    back = cli.json("license", "set", "1", "--voice-minutes", "tier", "--events-per-month", "tier", "--no-overdraft")
    assert (back["caps"], back["overdraft"]) == ({}, False)
    assert cli.json("quota", "show", "--license", "1")["voice_seconds_cap"] == 300


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "10000001", "٣", ""])
def test_a_cap_that_cannot_be_is_refused(cli: CommandLine, value: str) -> None:
    ran = cli("license", "add", "--name", "n", "--tier", "basic", f"--voice-minutes={value}")
    assert ran.status == 1
    assert "voice-minutes: must be a whole number up to 10000000, unlimited, or tier for the tier's" in ran.err
