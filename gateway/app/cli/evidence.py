"""Commands for evidence: whether the record was tampered with, and what it says in one file."""

import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.evidence_files import write_csv, write_json
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.app.cli.output_files import opened
from gateway.model.chain import ChainHead
from gateway.ports.record import Record
from gateway.services import evidence as evidence_service
from gateway.services.evidence import Verification
from gateway.services.exceptions import UnknownEventError, UnknownLicenseError

_ANCHOR = re.compile(r"(?P<hash>[0-9a-f]{64})@(?P<index>[1-9][0-9]{0,17})")
_TELL_EVERY_SECONDS = 2.0
_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


class _Anchor(click.ParamType[tuple[bytes, int]]):
    """A chain's head as ``evidence verify`` has printed it."""

    name = "HASH@INDEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[bytes, int]:
        """Return hash and index."""
        match = _ANCHOR.fullmatch(str(value).strip().lower())
        if match is None:
            self.fail("is 64 hexadecimal digits, @ and a number, as evidence verify has printed it", param, ctx)
        return bytes.fromhex(match["hash"]), int(match["index"])


@click.group()
def evidence() -> None:
    """Evidence: is the record as it was written, and what does it say."""


@evidence.command("verify")
@click.option("--license", "license_id", type=int, metavar="ID", help="Only this license's.")
@click.option("--expect", type=_Anchor(), help="A head that was printed earlier; it must be part of the chain still.")
@command
def evidence_verify(invocation: Invocation, *, license_id: int | None, expect: tuple[bytes, int] | None) -> None:
    """Check that no entry of a timeline was changed, removed, added or moved since it was written.

    Prints each license's head. Keep it where the database's owner cannot change it, and name it by --expect later:
    that finds out even a chain that was written anew as a whole.

    \b
    Examples:
      tocsin evidence verify
      tocsin evidence verify --license 1 --expect 5f0c...e1@4711
    """  # noqa: D301 - click's mark for "do not rewrap"
    if expect is not None and license_id is None:
        raise click.UsageError("--expect needs --license: a head belongs to one license")
    progress = _Progress(invocation, "entries")
    with open_database(invocation, invocation.config()) as record:
        known = evidence_service.license_ids(record)
        if license_id is not None and license_id not in known:
            raise UnknownLicenseError(license_id)
        found = [
            evidence_service.verify(
                record,
                one,
                expected=None if expect is None else ChainHead(license_id=one, index=expect[1], hash=expect[0]),
                progress=progress,
            )
            for one in (known if license_id is None else [license_id])
        ]
    sound = all(one.holds for one in found)
    document = {"ok": sound, "licenses": [_verification(one) for one in found]}
    invocation.answer(document, lambda: _tell(found))
    if not sound:
        click.get_current_context().exit(1)


@evidence.command("export")
@click.option("--event", "event_id", type=int, metavar="ID", help="One event.")
@click.option("--license", "license_id", type=int, metavar="ID", help="All events of a license.")
@click.option("--from", "since", type=_TIMES, help="Only events made then or later, UTC unless a zone is named.")
@click.option("--to", "until", type=_TIMES, help="Only events made before then.")
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False), default="-", metavar="FILE")
@command
def evidence_export(
    invocation: Invocation,
    *,
    event_id: int | None,
    license_id: int | None,
    since: datetime | None,
    until: datetime | None,
    form: str,
    out: Path,
) -> None:
    """Write events with acknowledgements, attempts, calls and their timeline with hashes to a file.

    Without --out, or with --out -, it goes to standard output. CSV has one row for each thing that is told.

    \b
    Examples:
      tocsin evidence export --event 7
      tocsin evidence export --license 1 --from 2026-03-01 --to 2026-04-01 --format csv --out march.csv
    """  # noqa: D301 - click's mark for "do not rewrap"
    if (event_id is None) == (license_id is None):
        raise click.UsageError("name either --event or --license")
    if event_id is not None and (since or until):
        raise click.UsageError("--from and --to go with --license")
    to_stdout = str(out) == "-"
    if to_stdout and form == "csv" and invocation.as_json:
        raise click.UsageError("--json keeps standard output for one JSON document: name a file by --out for CSV")
    progress = _Progress(invocation, "events")
    with open_database(invocation, invocation.config()) as record:
        events = _counted(_events(record, event_id, license_id, _utc(since), _utc(until)), progress)
        with nullcontext(sys.stdout) if to_stdout else opened(out) as file:
            (write_csv if form == "csv" else write_json)(file, events)
    if not to_stdout:
        document = {"ok": True, "file": str(out), "events": progress.count}
        invocation.answer(document, lambda: invocation.say(f"{progress.count} events written to {out}"))


class _Progress:
    """Tells people now and then how far it has come."""

    def __init__(self, invocation: Invocation, what: str) -> None:
        self.count = 0
        self._invocation = invocation
        self._what = what
        self._told_at = time.monotonic()

    def __call__(self, count: int) -> None:
        self.count = count
        if time.monotonic() - self._told_at >= _TELL_EVERY_SECONDS:
            self._told_at = time.monotonic()
            self._invocation.say(f"{count} {self._what} so far")


def _events(
    record: Record, event_id: int | None, license_id: int | None, since: datetime | None, until: datetime | None
) -> Iterable[dict[str, Any]]:
    if event_id is not None:
        shown = evidence_service.export_event(record, event_id)
        if shown is None:
            raise UnknownEventError(event_id)
        return [shown]
    assert license_id is not None
    if license_id not in evidence_service.license_ids(record):
        raise UnknownLicenseError(license_id)
    return evidence_service.export_license(record, license_id, since=since, until=until)


def _counted(events: Iterable[dict[str, Any]], progress: _Progress) -> Iterator[dict[str, Any]]:
    for count, event in enumerate(events, 1):
        yield event
        progress(count)


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _verification(found: Verification) -> dict[str, object]:
    broken = found.broken
    return {
        "license_id": found.license_id,
        "ok": found.holds,
        "entries": found.head.index,
        "head": _head(found),
        "expected_found": found.anchored,
        "broken": None
        if broken is None
        else {
            "kind": broken.kind.value,
            "chain_index": broken.index,
            "event_id": broken.event_id,
            "timeline_id": broken.entry_id,
            "reason": broken.reason,
        },
    }


def _tell(found: list[Verification]) -> None:
    rows = [(one.license_id, one.head.index, "holds" if one.holds else "BROKEN", _head(one)) for one in found]
    print_table(("LICENSE", "ENTRIES", "CHAIN", "HEAD"), rows, empty="no licenses")
    for one in found:
        if one.broken is not None:
            where = f" (event {one.broken.event_id})" if one.broken.event_id is not None else ""
            click.echo(
                f"license {one.license_id}: entry {one.broken.index}{where} is {one.broken.kind.value}:"
                f" {one.broken.reason}"
            )
        elif one.anchored is False:
            click.echo(f"license {one.license_id}: the expected head is not part of the chain: it was written anew")


def _head(found: Verification) -> str:
    return f"{found.head.hash.hex()}@{found.head.index}"
