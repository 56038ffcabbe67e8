"""``tocsin call list``, ``show``, ``export`` and ``trunks``: calls as they were recorded."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from gateway.app.call_words import cause_of, explanation_of, trouble_of
from gateway.app.cli.call_files import write_csv, write_json
from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import Invocation, command, print_table, printable
from gateway.app.cli.moments import MOMENT
from gateway.app.cli.output_files import opened
from gateway.app.cli.progress import told
from gateway.model.call import CallOutcome
from gateway.ports.call_details import CallFilter
from gateway.services import call_details
from gateway.services.exceptions import UnknownCallError
from gateway.services.trunk_figures import trunk_figures

_LARGEST_LIMIT = 10_000
_SHORT_ID = 8
_WINDOW = timedelta(hours=24)
_OUTCOMES = click.Choice([outcome.value for outcome in CallOutcome])

_license = click.option("--license", "license_id", type=int, metavar="ID", help="Only this license's.")
_trunk = click.option("--trunk", metavar="NAME", help="Only this trunk's.")
_until = click.option("--until", type=MOMENT, help="Only calls that began before then.")


def _since(default: str = "") -> Callable[[Any], Any]:
    return click.option("--since", type=MOMENT, help=f"Only calls that began then or later.{default}")


@click.command("list")
@_license
@click.option("--contact", "contact_id", type=int, metavar="ID", help="Only this contact's.")
@_trunk
@click.option("--outcome", type=_OUTCOMES, help="Only calls that ended so.")
@_since()
@_until
@click.option("--limit", type=click.IntRange(1, _LARGEST_LIMIT), default=50, show_default=True, help="At most so many.")
@command
def call_list(
    invocation: Invocation,
    *,
    license_id: int | None,
    contact_id: int | None,
    trunk: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> None:
    """List the newest calls. Times are UTC; PDD is the post-dial delay, until the phone rang.

    \b
    Examples:
      tocsin call list --since 24h
      tocsin call list --license 1 --outcome trunk_trouble --since 2026-11-01 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    wanted = CallFilter(
        license_id=license_id,
        contact_id=contact_id,
        trunk=trunk,
        outcome=None if outcome is None else CallOutcome(outcome),
        since=since,
        until=until,
    )
    with open_database(invocation, invocation.config()) as record:
        calls = call_details.list_calls(record, wanted, limit=limit)
    columns = ("ID", "STARTED", "CONTACT", "TRUNK", "TO", "PDD", "TALK", "KEYS", "OUTCOME", "CAUSE")
    invocation.answer(calls, lambda: print_table(columns, [_row(call) for call in calls], empty="no such call"))


@click.command("show")
@click.argument("call_id", metavar="ID")
@command
def call_show(invocation: Invocation, *, call_id: str) -> None:
    """Show all that is recorded of a call, and explain its end. The beginning of its id is enough.

    \b
    Example:
      tocsin call show 5f0c2a91
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        call = call_details.show_call(record, call_id.strip().lower())
    if call is None:
        raise UnknownCallError(call_id)
    document = call | {"explanation": explanation_of(call)}
    invocation.answer(document, lambda: _show(document))


@click.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@_license
@_since()
@_until
@click.option("--out", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False), default="-", metavar="FILE")
@command
def call_export(
    invocation: Invocation,
    *,
    form: str,
    license_id: int | None,
    since: datetime | None,
    until: datetime | None,
    out: Path,
) -> None:
    """Write call detail records to a file, the oldest first. Without --out, or with --out -, to standard output.

    Any number of calls takes the same memory. A file appears under its name when all of it is written.

    \b
    Examples:
      tocsin call export --since 2026-11-01 --until 2026-12-01 --out november.csv
      tocsin call export --format json --license 1 --since 7d --out week.json
    """  # noqa: D301 - click's mark for "do not rewrap"
    to_stdout = str(out) == "-"
    if to_stdout and form == "csv" and invocation.as_json:
        raise click.UsageError("--json keeps standard output for one JSON document: name a file by --out for CSV")
    wanted = CallFilter(license_id=license_id, since=since, until=until)
    written = 0

    def counted(calls: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal written
        for call in calls:
            yield call
            written += 1

    with open_database(invocation, invocation.config()) as record:
        total = call_details.count_calls(record, wanted)
        calls = counted(told(invocation, call_details.export_calls(record, wanted), total=total, what="calls"))
        with nullcontext(sys.stdout) if to_stdout else opened(out) as file:
            (write_csv if form == "csv" else write_json)(file, calls)
    if not to_stdout:
        document = {"ok": True, "file": str(out), "calls": written}
        invocation.answer(document, lambda: invocation.say(f"{written} calls written to {out}"))


@click.command("trunks")
@_license
@_trunk
@_since("  [default: 24h]")
@_until
@command
def call_trunks(
    invocation: Invocation,
    *,
    license_id: int | None,
    trunk: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Tell how each trunk did: answer-seizure ratio, length of calls, post-dial delay, and its troubles by cause.

    ASR is answered calls of all that were tried, NER also counts those that failed for the callee's sake (busy, no
    answer), ACD is the mean length of an answered call, PDD the post-dial delay.

    \b
    Examples:
      tocsin call trunks
      tocsin call trunks --since 30d --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    until = until or datetime.now(UTC)
    wanted = CallFilter(license_id=license_id, trunk=trunk, since=since or until - _WINDOW, until=until)
    config = invocation.config()
    names = [one.name for one in config.asterisk.trunks] if config.asterisk else []
    with open_database(invocation, config) as record:
        figures = trunk_figures(record, wanted, names=[name for name in names if trunk in {None, name}])
    for one in figures:
        for trouble in one["trouble"]:
            words = trouble_of(trouble["sip_cause"], trouble["hangup_cause"])
            trouble |= {key: words[key] for key in ("cause", "meaning", "advice")}
    invocation.answer(figures, lambda: _tell_trunks(figures))


def _row(call: Mapping[str, Any]) -> list[object]:
    delay = call["post_dial_delay_ms"]
    return [
        call["id"][:_SHORT_ID],
        call["started_at"][:19].replace("T", " "),
        call["contact_name"] or call["contact_id"],
        call["trunk"] or call["provider"],
        call["to_number"],
        None if delay is None else f"{delay / 1000:.1f} s",
        f"{call['billed_seconds']} s" if call["answered_at"] else None,
        call["digits"] or None,
        call["outcome"] or "in progress",
        cause_of(call),
    ]


def _show(call: Mapping[str, Any]) -> None:
    rows: list[tuple[str, object]] = []
    for key, value in call.items():
        if value is None or value in ("", []) or key == "explanation":
            continue
        if key == "quality":
            rows += [(f"quality {name}", one) for name, one in value.items() if one is not None]
        else:
            rows.append((key, " ".join(map(str, value)) if isinstance(value, list) else value))
    print_table(("", ""), [(name.replace("_", " "), value) for name, value in rows], empty="")
    explanation = call["explanation"]
    if explanation is None:
        click.echo("\nThe call is in progress, or its end is not recorded yet.")
        return
    told_cause = f"{explanation['cause']}: " if explanation["cause"] else ""
    click.echo(f"\n{told_cause}{explanation['meaning']}. Handled as: {explanation['handled_as']}.")
    if explanation["advice"] and explanation["who_acts"] != "nobody":
        click.echo(f"{explanation['who_acts'].capitalize()}: {explanation['advice']}")


def _tell_trunks(figures: list[dict[str, Any]]) -> None:
    columns = ("TRUNK", "CALLS", "IN PROGRESS", "ANSWERED", "ASR", "NER", "ACD", "PDD MEAN", "PDD P95", "TROUBLE")
    rows = []
    for one in figures:
        delay, troubled = one["post_dial_delay_ms"], sum(trouble["calls"] for trouble in one["trouble"])
        rows.append(
            (
                one["trunk"] or one["provider"],
                *(one[key] for key in ("calls", "in_progress", "answered")),
                *(None if one[key] is None else f"{one[key]} %" for key in ("asr", "ner")),
                None if one["acd_seconds"] is None else f"{one['acd_seconds']} s",
                *(None if delay[key] is None else f"{delay[key] / 1000:.2f} s" for key in ("mean", "p95")),
                troubled,
            )
        )
    print_table(columns, rows, empty="no calls, and no trunks configured")
    for one in figures:
        for trouble in one["trouble"]:
            cause, name = trouble["cause"] or "no status, no cause", printable(one["trunk"] or one["provider"])
            click.echo(f"{name}: {trouble['calls']} calls ({trouble['share']} %) {cause}:")
            click.echo(f"  {trouble['meaning']}. {trouble['advice']}")
