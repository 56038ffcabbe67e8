"""Call detail records by the command line."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.app.cli.moments import MOMENT
from gateway.model.call import Call, CallOutcome, CallQuality
from gateway.store import open_record
from tests.command_line import CommandLine, Ran
from tests.records import NOW, Tenant, add_event, add_tenant

TALKED, BUSY, TROUBLE, BEGUN = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


@pytest.fixture
def tenant(cli: CommandLine) -> Tenant:
    """A license with four calls, a minute apart."""
    cli("migrate")
    record = open_record(f"sqlite:///{cli.directory}/var/tocsin.db")
    made = add_tenant(record)
    event_id = add_event(record, made.new_event())
    with record.write() as work:
        attempt = work.attempts.add(made.attempt(event_id))
        for call in calls_of(made):
            work.calls.add(call)
        work.calls.tie(TALKED, [attempt.id])
        work.commit()
    record.close()
    return made


def calls_of(tenant: Tenant) -> list[Call]:
    call = tenant.call()
    talked = replace(
        call,
        id=TALKED,
        ringing_at=NOW + timedelta(seconds=1),
        answered_at=NOW + timedelta(seconds=5),
        ended_at=NOW + timedelta(seconds=17),
        post_dial_delay_ms=1000,
        hangup_cause=16,
        digits="1",
        digit_times=(NOW + timedelta(seconds=9),),
        outcome=CallOutcome.ACKNOWLEDGED,
        billed_seconds=12,
        sip_call_id="=cmd|'/c calc'!A1@192.0.2.10",
        quality=CallQuality(codec="ulaw", jitter_ms=2.5),
    )
    later = [replace(call, started_at=NOW + timedelta(minutes=minute)) for minute in (1, 2, 3)]
    over = NOW + timedelta(minutes=4)
    return [
        talked,
        replace(later[0], id=BUSY, ended_at=over, sip_cause=486, hangup_cause=17, outcome=CallOutcome.BUSY),
        replace(
            later[1], id=TROUBLE, ended_at=over, sip_cause=403, outcome=CallOutcome.TRUNK_TROUBLE, trunk="b\x1b[31m"
        ),
        replace(later[2], id=BEGUN),
    ]


def ids(ran: object) -> str:
    assert isinstance(ran, list)
    return "".join(one["id"][0] for one in ran)


@pytest.mark.usefixtures("tenant")
def test_calls_are_listed_newest_first_and_chosen_by_every_option(cli: CommandLine) -> None:
    assert ids(cli.json("call", "list")) == "dcba"
    assert ids(cli.json("call", "list", "--limit", "2")) == "dc"
    assert ids(cli.json("call", "list", "--license", "1", "--contact", "1", "--trunk", "carrier-a")) == "dba"
    assert ids(cli.json("call", "list", "--outcome", "busy")) == "b"
    assert (
        ids(cli.json("call", "list", "--since", "2026-03-29T01:00:30", "--until", "2026-03-29T03:02:30+02:00")) == "cb"
    )
    assert cli.json("call", "list", "--license", "2") == []
    people = cli("call", "list").out
    assert people.splitlines()[0].split() == "ID STARTED CONTACT TRUNK TO PDD TALK KEYS OUTCOME CAUSE".split()  # noqa: SIM905
    for word in ("aaaaaaaa", "1.0 s", "12 s", "acknowledged", "Q.850 16", "SIP 486", "in progress"):
        assert word in people
    assert "\x1b" not in people


@pytest.mark.usefixtures("tenant")
def test_a_call_is_shown_with_the_reason_of_its_end(cli: CommandLine) -> None:
    shown = cli.json("call", "show", "AAAA")
    assert (shown["id"], shown["event_ids"], shown["quality"]["codec"]) == (TALKED, [1], "ulaw")
    assert shown["explanation"]["meaning"] == "the callee acknowledged"
    assert cli.json("call", "show", BUSY)["explanation"] == {
        "cause": "SIP 486 Busy Here",
        "meaning": "the callee is on the phone, or pressed decline",
        "advice": "Nothing: Tocsin goes on by itself.",
        "who_acts": "nobody",
        "handled_as": "missed call",
    }
    trouble = cli("call", "show", TROUBLE).out
    assert "SIP 403 Forbidden: the carrier refuses us" in trouble
    assert "Handled as: our own fault." in trouble
    assert "Whoever runs this gateway: Check that caller_id is a number of yours" in trouble
    assert "\x1b" not in trouble
    assert cli.json("call", "show", BEGUN)["explanation"] is None
    assert "in progress" in cli("call", "show", BEGUN).out
    assert "quality codec" in cli("call", "show", TALKED).out


def test_a_providers_cause_is_not_taken_for_the_networks(cli: CommandLine) -> None:
    cli("migrate")
    record = open_record(f"sqlite:///{cli.directory}/var/tocsin.db")
    made = add_tenant(record)
    refused = replace(made.call(), provider="twilio", node="twilio", trunk="twilio", outcome=CallOutcome.TRUNK_TROUBLE)
    with record.write() as work:
        work.calls.add(replace(refused, hangup_cause=21, ended_at=NOW))
        work.commit()
    record.close()
    explanation = cli.json("call", "show", refused.id)["explanation"]
    assert (explanation["cause"], explanation["handled_as"]) == ("Q.850 21 call rejected", "trunk trouble")
    assert explanation["meaning"] == "the provider did not place the call"
    (figures,) = cli.json("call", "trunks", "--since", "2026-03-29", "--until", "2026-03-30")
    assert figures["trouble"][0]["meaning"] == "the provider did not place the call"


@pytest.mark.usefixtures("tenant")
def test_an_unknown_call_is_named(cli: CommandLine) -> None:
    ran = cli("call", "show", "ffff", "--json")
    assert ran.status == 1
    assert ran.json["message"] == "there is no call ffff: see tocsin call list"


def rows_of(ran: Ran) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ran.out)))


def test_the_csv_is_rfc_4180_and_safe_in_a_spreadsheet(cli: CommandLine, tenant: Tenant) -> None:
    ran = cli.process("call", "export")
    assert ran.status == 0
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [row["id"][0] for row in rows] == ["a", "b", "c", "d"]
    assert len({len(row) for row in rows}) == 1
    first = rows[0]
    assert first["to_number"] == tenant.contacts[0].phone
    assert first["caller_id"] == "+15550100"
    assert first["sip_call_id"] == "'=cmd|'/c calc'!A1@192.0.2.10"
    assert (first["event_ids"], first["digits"], first["digit_times"]) == ("1", "1", "2026-03-29T01:00:08.123Z")
    assert (first["codec"], first["jitter_ms"], first["round_trip_ms"]) == ("ulaw", "2.5", "")
    assert (first["post_dial_delay_ms"], first["billed_seconds"], first["started_at"]) == (
        "1000",
        "12",
        "2026-03-29T00:59:59.123Z",
    )


@pytest.mark.usefixtures("tenant")
def test_csv_lines_end_as_the_standard_says(cli: CommandLine) -> None:
    cli.json("call", "export", "--out", "calls.csv")
    raw = (cli.directory / "calls.csv").read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n") == 5


@pytest.mark.usefixtures("tenant")
def test_an_export_to_a_file_is_whole_private_and_counted(cli: CommandLine) -> None:
    told = cli.json("call", "export", "--format", "json", "--since", "2026-03-29T01:00:00Z", "--out", "calls.json")
    assert told == {"ok": True, "file": "calls.json", "calls": 3}
    file = cli.directory / "calls.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert ids(json.loads(file.read_text(encoding="utf-8"))["calls"]) == "bcd"
    assert not list(cli.directory.glob(".calls*"))


def test_an_export_of_nothing_is_a_document_or_a_header(cli: CommandLine) -> None:
    cli("migrate")
    assert json.loads(cli("call", "export", "--format", "json").out) == {"calls": []}
    assert cli("call", "export").out.startswith("id,license_id,contact_id,")
    assert rows_of(cli("call", "export")) == []


@pytest.mark.usefixtures("tenant")
def test_an_export_tells_how_far_it_has_come(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.app.cli.progress._TELL_EVERY_SECONDS", 0.0)
    ran = cli("call", "export", "--out", "calls.csv")
    assert "4 of 4 calls" in ran.err
    assert "4 calls written to calls.csv" in ran.err
    assert ran.out == ""


@pytest.mark.usefixtures("tenant")
def test_an_export_that_cannot_be_written_says_why(cli: CommandLine) -> None:
    ran = cli("call", "export", "--out", "absent/calls.csv")
    assert ran.status == 1
    assert "absent/calls.csv cannot be written" in ran.err
    assert cli("call", "export", "--json").status == 2


@pytest.mark.usefixtures("tenant")
def test_the_trunks_are_told_with_their_troubles(cli: CommandLine) -> None:
    cli.write(
        "asterisk:\n  nodes: [{name: pbx1, host: 127.0.0.1}]\n"
        "  trunks: [{name: carrier-a, node: pbx1, host: a.example}, {name: idle, node: pbx1, host: b.example}]\n"
    )
    window = ("--since", "2026-03-29", "--until", "2026-03-30")
    figures = {one["trunk"]: one for one in cli.json("call", "trunks", *window)}
    assert set(figures) == {"carrier-a", "b\x1b[31m", "idle"}
    assert (figures["carrier-a"]["asr"], figures["carrier-a"]["ner"]) == (50.0, 100.0)
    assert figures["carrier-a"]["post_dial_delay_ms"] == {"mean": 1000, "p95": 1000}
    assert (figures["idle"]["calls"], figures["idle"]["asr"]) == (0, None)
    (trouble,) = figures["b\x1b[31m"]["trouble"]
    assert (trouble["calls"], trouble["share"], trouble["cause"]) == (1, 100.0, "SIP 403 Forbidden")
    people = cli("call", "trunks", *window).out
    assert "50.0 %" in people
    assert "SIP 403 Forbidden:" in people
    assert "\x1b" not in people
    assert [one["calls"] for one in cli.json("call", "trunks")] == [0, 0]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T14:30", datetime(2026, 11, 22, 14, 30, tzinfo=UTC)),
        ("2026-11-22T14:30:00Z", datetime(2026, 11, 22, 14, 30, tzinfo=UTC)),
        ("2026-11-22T14:30:00+02:00", datetime(2026, 11, 22, 12, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_dates_and_times(text: str, at: datetime) -> None:
    assert MOMENT.convert(text, None, None) == at


def test_moments_may_be_told_from_now() -> None:
    ago = datetime.now(UTC) - MOMENT.convert("90m", None, None)
    assert timedelta(minutes=90) - timedelta(seconds=30) < ago < timedelta(minutes=90) + timedelta(seconds=30)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "-3h", "1e999d", "9999999999999d"])
def test_what_is_no_moment_is_wrong_usage(cli: CommandLine, text: str) -> None:
    ran = cli("call", "list", "--since", text)
    assert ran.status == 2
    assert "is no moment: write" in ran.err
