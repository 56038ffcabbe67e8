"""Events by the command line."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.store import make_wakeup_listener, open_record
from tests.command_line import CommandLine, working_directory
from tests.records import add_event, add_tenant


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


@pytest.fixture
def events(cli: CommandLine) -> list[int]:
    """Two open events of one license."""
    cli("migrate")
    record = open_record(f"sqlite:///{cli.directory}/var/tocsin.db")
    tenant = add_tenant(record)
    titles = ("Gate \x1b[31mopen", "Lot full")
    opened = [add_event(record, replace(tenant.new_event(title), title=title)) for title in titles]
    record.close()
    return opened


def test_an_event_is_shown_with_its_whole_history(cli: CommandLine, events: list[int]) -> None:
    shown = cli.json("event", "show", str(events[0]))
    promised = {"id", "status", "title", "severity", "license_id", "source_id", "repeat_count", "created_at"}
    promised |= {"acknowledged_at", "acknowledged_by", "acknowledged_via", "timeline", "calls", "attempts"}
    assert promised <= set(shown)
    assert shown["status"] == "open"
    cli.json("event", "ack", str(events[0]))
    (entry,) = cli.json("event", "show", str(events[0]))["timeline"]
    assert set(entry) >= {"at", "type", "contact_id", "channel", "detail"}
    assert "acknowledged" in cli("event", "show", str(events[0])).out


def test_text_from_outside_cannot_command_the_terminal(cli: CommandLine, events: list[int]) -> None:
    assert "\x1b" not in cli("event", "show", str(events[0])).out
    assert "\x1b" not in cli("event", "list").out


def test_events_are_listed_by_status_license_and_number(cli: CommandLine, events: list[int]) -> None:
    assert [one["id"] for one in cli.json("event", "list")] == events[::-1]
    assert [one["id"] for one in cli.json("event", "list", "--limit", "1")] == events[1:]
    assert cli.json("event", "list", "--license", "2") == []
    cli.json("event", "ack", str(events[0]))
    assert [one["id"] for one in cli.json("event", "list", "--status", "open")] == events[1:]
    assert [one["id"] for one in cli.json("event", "list", "--status", "acknowledged")] == events[:1]


def test_the_first_acknowledgement_wins_and_the_second_is_told_so(cli: CommandLine, events: list[int]) -> None:
    first = cli.json("event", "ack", str(events[0]), "--by", "Ana")
    assert (first["first"], first["status"], first["acknowledged_by"]) == (True, "acknowledged", "Ana")
    second = cli.json("event", "ack", str(events[0]), "--by", "Luis")
    assert (second["first"], second["acknowledged_by"]) == (False, "Ana")
    assert "was acknowledged already, by Ana" in cli("event", "ack", str(events[0])).out
    shown = cli.json("event", "show", str(events[0]))
    assert (shown["acknowledged_by"], shown["acknowledged_via"]) == ("Ana", "admin")


def test_an_event_is_resolved_once(cli: CommandLine, events: list[int]) -> None:
    assert cli.json("event", "resolve", str(events[0])) == {"id": events[0], "status": "resolved", "resolved": True}
    assert cli.json("event", "resolve", str(events[0])) == {"id": events[0], "status": "resolved", "resolved": False}


@pytest.mark.parametrize("verb", ["ack", "resolve"])
def test_the_engine_is_woken(cli: CommandLine, events: list[int], verb: str) -> None:
    with working_directory(cli.directory):
        listener = make_wakeup_listener("sqlite:///var/tocsin.db")
    try:
        cli.json("event", verb, str(events[0]))
        assert listener.wait(timedelta(seconds=30))
    finally:
        listener.close()


@pytest.mark.parametrize("verb", ["show", "ack", "resolve"])
def test_an_unknown_event_is_named(cli: CommandLine, verb: str) -> None:
    ran = cli("event", verb, "99", "--json")
    assert ran.status == 1
    assert ran.json["message"] == "there is no event 99: see tocsin event list"
