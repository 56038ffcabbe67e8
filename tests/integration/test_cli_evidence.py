"""Evidence by the command line."""

import csv
import io
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gateway.app.cli.evidence_files import write_csv
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.call import CallOutcome
from gateway.model.timeline import TimelineType
from gateway.services.acknowledge import acknowledge
from gateway.store import open_record
from tests.command_line import CommandLine
from tests.records import NOW, add_event, add_tenant, an_entry


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


@pytest.fixture
def url(cli: CommandLine) -> str:
    """Return a database with two licenses; the first has two events, of which one was announced and acknowledged."""
    cli("migrate")
    url = f"sqlite:///{cli.directory}/var/tocsin.db"
    record = open_record(url)
    tenant = add_tenant(record)
    add_tenant(record, "Airport")
    event_id, _ = [
        add_event(record, replace(tenant.new_event(title), title=title)) for title in ("=cmd|' /C calc'!A1", "Lot full")
    ]
    call = replace(
        tenant.call(),
        ringing_at=NOW,
        answered_at=NOW,
        ended_at=NOW,
        sip_cause=200,
        hangup_cause=16,
        digits="91",
        digit_times=(NOW, NOW),
        outcome=CallOutcome.ACKNOWLEDGED,
        sip_call_id="5f0c@carrier",
        audio_sha256="ab" * 32,
    )
    with record.write() as work:
        attempt = work.attempts.add(tenant.attempt(event_id))
        work.calls.add(call)
        work.calls.tie(call.id, [attempt.id])
        work.timeline.append(an_entry(event_id, TimelineType.CALL_ENDED, call_id=call.id))
        work.commit()
    for by in ("Ana", "Li"):
        acknowledge(record, event_ids=[event_id], contact_id=None, by=by, via=AcknowledgedVia.ADMIN, at=NOW)
    record.close()
    return url


def tamper(url: str, change: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text("DROP TRIGGER timeline_refuses_update"))
        connection.execute(text(f"UPDATE timeline SET {change}"))


@pytest.mark.usefixtures("url")
def test_verify_prints_each_head_and_takes_it_later(cli: CommandLine) -> None:
    document = cli.json("evidence", "verify")
    first, second = document["licenses"]
    assert (document["ok"], first["ok"], first["entries"], second["entries"]) == (True, True, 3, 0)
    assert first["head"] in cli("evidence", "verify").out
    again = cli.json("evidence", "verify", "--license", "1", "--expect", first["head"])
    assert again["licenses"][0]["expected_found"] is True
    assert "holds" in cli("evidence", "verify").out


def test_verify_names_the_first_broken_entry(cli: CommandLine, url: str) -> None:
    tamper(url, "type = 'accepted' WHERE chain_index = 2")
    ran = cli("evidence", "verify", "--json")
    assert ran.status == 1
    broken = ran.json["licenses"][0]["broken"]
    assert (broken["kind"], broken["chain_index"], broken["event_id"]) == ("changed", 2, 1)
    ran = cli("evidence", "verify")
    assert ran.status == 1
    assert "entry 2 (event 1) is changed" in ran.out
    assert cli("evidence", "verify", "--license", "2").status == 0


@pytest.mark.usefixtures("url")
def test_verify_fails_where_an_expected_head_is_not_there(cli: CommandLine) -> None:
    ran = cli("evidence", "verify", "--license", "1", "--expect", "0" * 64 + "@2")
    assert ran.status == 1
    assert "not part of the chain" in ran.out


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("verify", "--expect", "0" * 64 + "@2"), 2),
        (("verify", "--license", "1", "--expect", "deed@2"), 2),
        (("verify", "--license", "9"), 1),
        (("export",), 2),
        (("export", "--event", "1", "--license", "1"), 2),
        (("export", "--event", "1", "--from", "2026-01-01"), 2),
        (("export", "--event", "1", "--format", "csv", "--json"), 2),
        (("export", "--event", "9"), 1),
        (("export", "--license", "9"), 1),
        (("export", "--event", "1", "--out", "no/such/directory"), 1),
    ],
)
def test_what_makes_no_sense_is_refused(cli: CommandLine, arguments: tuple[str, ...], status: int) -> None:
    assert cli("evidence", *arguments).status == status


@pytest.mark.usefixtures("url")
def test_an_event_is_exported_as_json(cli: CommandLine) -> None:
    (event,) = json.loads(cli("evidence", "export", "--event", "1").out)["events"]
    assert [one["acknowledged_by"] for one in event["acknowledgements"]] == ["Ana", "Li"]
    (call,) = event["calls"]
    assert (call["sip_call_id"], call["audio_sha256"], call["caller_id"]) == ("5f0c@carrier", "ab" * 32, "+15550100")
    assert call["digit_times"] == ["2026-03-29T00:59:59.123Z"] * 2
    assert [entry["chain_index"] for entry in event["timeline"]] == [1, 2, 3]
    assert cli.json("event", "show", "1")["calls"] == [call]


@pytest.mark.usefixtures("url")
def test_a_license_is_exported_as_csv_without_formulas(cli: CommandLine) -> None:
    ran = cli("evidence", "export", "--license", "1", "--format", "csv", "--out", "all.csv", "--json")
    file = cli.directory / "all.csv"
    assert ran.json == {"ok": True, "file": "all.csv", "events": 2}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in cli.directory.glob(".all*")] == []
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    assert [row["record"] for row in rows] == [
        *("event", "acknowledgement", "acknowledgement", "attempt", "call", "timeline", "timeline", "timeline"),
        "event",
    ]
    assert rows[0]["title"].startswith("'=cmd")
    assert rows[4]["caller_id"] == "'+15550100"
    assert rows[4]["sip_call_id"] == "5f0c@carrier"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in {"=", "+", "-", "@"}]


@pytest.mark.usefixtures("url")
def test_only_events_of_a_time_are_exported(cli: CommandLine) -> None:
    def count(*limits: str) -> int:
        return len(json.loads(cli("evidence", "export", "--license", "1", *limits).out)["events"])

    assert count("--from", "2026-03-29", "--to", "2026-03-30") == 2
    assert count("--from", "2026-03-30") == count("--to", "2026-03-29T00:59:59+0000") == 0


@pytest.mark.parametrize("mark", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1"])
def test_no_cell_is_a_formula(mark: str) -> None:
    event = {
        "id": 1,
        "license_id": 1,
        "title": mark,
        "acknowledgements": [],
        "attempts": [],
        "calls": [],
        "timeline": [],
    }
    file = io.StringIO(newline="")
    write_csv(file, [event])
    file.seek(0)
    (row,) = csv.DictReader(file)
    assert row["title"] == f"'{mark}"
