"""Licenses, contacts and sources by the command line."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.app.secrets import load_secrets
from gateway.config.loader import load
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.command_line import CommandLine, working_directory


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


@pytest.fixture
def license_id(cli: CommandLine) -> str:
    return str(cli.json("license", "add", "--name", "Acme", "--tier", "pro", "--language", "es")["id"])


def test_a_license_is_added_with_all_it_was_given(cli: CommandLine) -> None:
    added = cli.json(
        *("license", "add", "--name", " Acme ", "--tier", "enterprise", "--owner-telegram", "-1001234567890"),
        *("--handoff-number", "+15550199", "--timezone", "Europe/Madrid", "--language", "pt-br"),
        *("--policy", "l1_wait=500ms", "--policy", "call_attempts=1", "--policy", "stand_down=false"),
    )
    assert added == cli.json("license", "list")[0]
    assert {key: value for key, value in added.items() if key != "created_at"} == {
        "id": 1,
        "name": "Acme",
        "active": True,
        "tier": "enterprise",
        "timezone": "Europe/Madrid",
        "language": "pt-BR",
        "owner_telegram": "-1001234567890",
        "handoff_number": "+15550199",
        "policy": {"l1_wait": "500ms", "call_attempts": 1, "stand_down": False},
        "caps": {},
        "overdraft": False,
    }


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--tier", "gold", "there is no tier 'gold': the configuration has basic, pro, enterprise"),
        ("--timezone", "Mars/Olympus", "timezone: not a time zone"),
        ("--timezone", "../../etc/passwd", "timezone: not a time zone"),
        ("--language", "english!", "language: not a language tag"),
        ("--handoff-number", "5550199", "handoff-number: not an E.164 number"),
        ("--owner-telegram", "the boss", "owner-telegram: not a Telegram chat"),
        ("--name", " ", "name: must be"),
    ],
)
def test_a_license_with_a_value_that_cannot_be_is_refused(cli: CommandLine, option: str, value: str, told: str) -> None:
    options = {"--name": "n", "--tier": "pro"} | {option: value}
    ran = cli("license", "add", *(word for pair in options.items() for word in pair), "--json")
    assert ran.status == 1
    assert told in ran.json["message"]
    assert told in ran.err
    assert cli.json("license", "list") == []


def test_all_mistakes_in_a_license_s_policy_are_told(cli: CommandLine) -> None:
    ran = cli("license", "add", "--name", "n", "--tier", "pro", "--policy", "l1_wiat=1s", "--policy", "l2_wait=soon")
    assert ran.status == 2
    assert "did you mean l1_wait?" in ran.err
    assert "policy.l2_wait: not a duration" in ran.err


def test_a_license_is_changed_where_an_option_was_given_and_nowhere_else(cli: CommandLine, license_id: str) -> None:
    before = cli.json("license", "list")[0]
    assert cli.json("license", "set", license_id, "--inactive") == before | {"active": False}
    assert cli.json("license", "set", license_id, "--active", "--tier", "basic") == before | {"tier": "basic"}
    changed = cli.json("license", "set", license_id, "--owner-telegram", "42", "--policy", "l1_wait=1s")
    assert changed == before | {"tier": "basic", "owner_telegram": "42", "policy": {"l1_wait": "1s"}}
    assert cli.json("license", "set", license_id, "--owner-telegram", "", "--policy", "l1_wait=") == before | {
        "tier": "basic"
    }
    assert cli.json("license", "list")[0]["owner_telegram"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("license", "set", "99", "--active"),
        ("contact", "list", "--license", "99"),
        ("contact", "add", "--license", "99", "--name", "n", "--phone", "+15550100"),
        ("source", "list", "--license", "99"),
        ("source", "add", "--license", "99", "--kind", "anpr", "--name", "n"),
    ],
)
def test_an_unknown_license_is_named(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert ran.status == 1
    assert "there is no license 99: see tocsin license list" in ran.err


def test_contacts_come_in_the_order_in_which_they_were_added_unless_told_otherwise(
    cli: CommandLine, license_id: str
) -> None:
    add = ("contact", "add", "--license", license_id, "--phone")
    assert cli.json(*add, "+15550101", "--name", "Ana", "--position", "5")["position"] == 5
    assert cli.json(*add, "+15550102", "--name", "Luis")["position"] == 6
    assert cli.json(*add, "+15550103", "--name", "Eva", "--position", "1")["position"] == 1
    assert [one["name"] for one in cli.json("contact", "list", "--license", license_id)] == ["Eva", "Ana", "Luis"]
    ran = cli(*add, "+15550104", "--name", "Max", "--position", "5")
    assert ran.status == 1
    assert "position 5 is taken by Ana" in ran.err


def test_a_contact_takes_whatsapp_from_the_phone_and_the_language_from_the_license(
    cli: CommandLine, license_id: str
) -> None:
    add = ("contact", "add", "--license", license_id, "--name", "Ana", "--phone", "+1 555 010 0123")
    plain = cli.json(*add)
    assert (plain["phone"], plain["whatsapp"], plain["language"]) == ("+15550100123", "+15550100123", "es")
    other = cli.json(*add, "--whatsapp", "+34600000000", "--language", "zh-hk")
    assert (other["whatsapp"], other["language"]) == ("+34600000000", "zh-HK")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--phone", "5550100"), "phone: not an E.164 number"),
        (("--phone", "+15550100", "--whatsapp", "x"), "whatsapp: not an E.164 number"),
        (("--phone", "+15550100", "--language", "klingon"), "language: not a language tag"),
        (("--phone", "+15550100", "--pin", "12"), "pin: must be 4 to 10 digits"),
        (("--phone", "+15550100", "--pin", "12a4"), "pin: must be 4 to 10 digits"),
        (("--phone", "+15550100", "--position", "-1"), "position: must be"),
    ],
)
def test_a_contact_with_a_value_that_cannot_be_is_refused(
    cli: CommandLine, license_id: str, options: tuple[str, ...], told: str
) -> None:
    ran = cli("contact", "add", "--license", license_id, "--name", "Ana", *options)
    assert ran.status == 1
    assert told in ran.err
    assert cli.json("contact", "list", "--license", license_id) == []


def test_a_pin_is_kept_as_a_hash_alone(cli: CommandLine, license_id: str) -> None:
    add = ("contact", "add", "--license", license_id, "--name", "Ana", "--phone", "+15550100", "--pin", "86420753")
    assert cli.json(*add)["has_pin"] is True
    connection = sqlite3.connect(cli.directory / "var" / "tocsin.db")
    try:
        kept = "".join(connection.iterdump())
    finally:
        connection.close()
    assert "86420753" not in kept
    assert "scrypt:" in kept


def test_a_source_s_token_is_told_once_and_found_by_its_hash(cli: CommandLine, license_id: str) -> None:
    added = cli.json(
        "source", "add", "--license", license_id, "--kind", "anpr", "--name", "Gate", "--severity", "critical"
    )
    assert added["token"].startswith("tsn_")
    assert (added["kind"], added["severity"], added["enabled"]) == ("anpr", "critical", True)
    listed = cli.json("source", "list", "--license", license_id)
    assert listed == cli.json("source", "list") == [{key: value for key, value in added.items() if key != "token"}]
    with working_directory(cli.directory):
        config = load(None, {})
        keys = load_secrets(config)
        record = open_record(config.database_url)
        try:
            tokens = SourceTokens(hash_key=keys.token_hash_key, encryption_key=keys.token_encryption_key)
            with record.read() as work:
                found = work.sources.by_token_hash(tokens.hash(added["token"]), datetime.now(UTC))
        finally:
            record.close()
    assert found is not None
    assert (found.source.id, found.license.id) == (added["id"], int(license_id))


def test_a_new_source_comes_with_a_command_to_try_it(cli: CommandLine, license_id: str) -> None:
    cli.write("web: {public_url: 'https://alerts.example.com/'}")
    ran = cli("source", "add", "--license", license_id, "--kind", "webhook", "--name", "CI")
    assert "--request POST https://alerts.example.com/license/v1/alert/in" in ran.out
    assert "X-Alert-Token: tsn_" in ran.out


def test_people_get_tables(cli: CommandLine, license_id: str) -> None:
    cli("contact", "add", "--license", license_id, "--name", "Ana [bold]", "--phone", "+15550100")
    cli("source", "add", "--license", license_id, "--kind", "parking", "--name", "Lot 7")
    assert "Acme" in cli("license", "list").out
    assert "Ana [bold]" in cli("contact", "list", "--license", license_id).out
    assert "Lot 7" in cli("source", "list").out
