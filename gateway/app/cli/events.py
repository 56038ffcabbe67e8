"""Commands for events."""

import getpass
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import EventStatus
from gateway.services import acknowledge, queries
from gateway.services.exceptions import UnknownEventError
from gateway.store import make_wakeup

_LARGEST_LIMIT = 10_000


@click.group()
def event() -> None:
    """Events: alerts that escalate, or did."""


@event.command("show")
@click.argument("event_id", type=int, metavar="ID")
@command
def event_show(invocation: Invocation, *, event_id: int) -> None:
    """Show an event with its acknowledgement, attempts, calls and timeline.

    \b
    Example:
      tocsin event show 7 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        shown = queries.show_event(record, event_id)
    if shown is None:
        raise UnknownEventError(event_id)
    invocation.answer(shown, lambda: _show(shown))


@event.command("list")
@click.option("--status", type=click.Choice([status.value for status in EventStatus]), help="Only these.")
@click.option("--license", "license_id", type=int, metavar="ID", help="Only this license's.")
@click.option("--limit", type=click.IntRange(1, _LARGEST_LIMIT), default=50, show_default=True, help="At most so many.")
@command
def event_list(invocation: Invocation, *, status: str | None, license_id: int | None, limit: int) -> None:
    """List the newest events.

    \b
    Examples:
      tocsin event list --status open
      tocsin event list --license 1 --limit 500 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    wanted = None if status is None else EventStatus(status)
    with open_database(invocation, invocation.config()) as record:
        events = queries.list_events(record, status=wanted, license_id=license_id, limit=limit)
    columns = ("ID", "CREATED", "STATUS", "SEVERITY", "LICENSE", "TITLE", "REPEATS", "ACKNOWLEDGED BY")
    keys = ("id", "created_at", "status", "severity", "license_id", "title", "repeat_count", "acknowledged_by")
    rows = [[one[key] for key in keys] for one in events]
    invocation.answer(events, lambda: print_table(columns, rows, empty="no such event"))


@event.command("ack")
@click.argument("event_id", type=int, metavar="ID")
@click.option("--by", metavar="NAME", help="Who acknowledges.  [default: the present user of this machine]")
@command
def event_ack(invocation: Invocation, *, event_id: int, by: str | None) -> None:
    """Acknowledge an event: its escalation stops, ringing calls are hung up.

    The first acknowledgement wins; a later one is told who has it, and is no error.

    \b
    Example:
      tocsin event ack 7 --by "Ana"
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        results = acknowledge.acknowledge(
            record,
            event_ids=[event_id],
            contact_id=None,
            by=by or _user(),
            via=AcknowledgedVia.ADMIN,
            at=datetime.now(UTC),
        )
    if not results:
        raise UnknownEventError(event_id)
    make_wakeup(config.database_url).notify()
    (result,) = results
    document = {
        "id": event_id,
        "status": result.status.value,
        "first": result.first,
        "acknowledged_by": result.by,
        "acknowledged_via": result.via,
        "acknowledged_at": None if result.at is None else result.at.astimezone(UTC).isoformat(),
    }
    if result.first:
        words = f"event {event_id} acknowledged by {result.by}"
    elif result.by is not None:
        words = f"event {event_id} was acknowledged already, by {result.by}"
    else:
        words = f"event {event_id} does not escalate: it is {result.status.value}"
    invocation.answer(document, lambda: click.echo(words))


@event.command("resolve")
@click.argument("event_id", type=int, metavar="ID")
@click.option("--by", metavar="NAME", help="Who withdraws it.  [default: the present user of this machine]")
@command
def event_resolve(invocation: Invocation, *, event_id: int, by: str | None) -> None:
    """Withdraw an open event: its escalation stops. One that is not open stays as it is.

    \b
    Example:
      tocsin event resolve 7
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        if queries.show_event(record, event_id) is None:
            raise UnknownEventError(event_id)
        resolved = acknowledge.resolve(record, event_id=event_id, at=datetime.now(UTC), by=by or _user())
        shown = queries.show_event(record, event_id) or {}
    make_wakeup(config.database_url).notify()
    status = shown.get("status")
    words = f"event {event_id} resolved" if resolved else f"event {event_id} is not open: it is {status}"
    invocation.answer({"id": event_id, "status": status, "resolved": resolved}, lambda: click.echo(words))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return "operator"


def _show(shown: Mapping[str, Any]) -> None:
    click.echo(f"event {shown['id']}: {_printable(shown['title'])}")
    keys = (
        *("status", "severity", "license_id", "source_id", "repeat_count", "created_at"),
        *("throttle_reason", "acknowledged_at", "acknowledged_by", "acknowledged_via"),
    )
    for key in keys:
        if shown.get(key) is not None:
            click.echo(f"  {key.replace('_', ' '):<16} {_printable(shown[key])}")
    if shown["body"]:
        click.echo(f"  {'body':<16} {_printable(shown['body'])}")
    click.echo()
    _section(("attempts", "ATTEMPT"), ("channel", "contact_id", "number", "state", "began_at", "reason"), shown)
    _section(
        ("calls", "CALL"), ("trunk", "to_number", "started_at", "answered_at", "sip_cause", "digits", "outcome"), shown
    )
    entries: Sequence[Mapping[str, Any]] = shown["timeline"]
    rows = [
        (entry["at"], entry["type"], entry["contact_id"], entry["channel"], json.dumps(entry["detail"], default=str))
        for entry in entries
    ]
    print_table(("AT", "STEP", "CONTACT", "CHANNEL", "DETAIL"), rows, empty="no timeline")


def _section(names: tuple[str, str], keys: Sequence[str], shown: Mapping[str, Any]) -> None:
    key, title = names
    if shown[key]:
        columns = [title, *(name.replace("_", " ").upper() for name in keys)]
        print_table(columns, [[one["id"], *(one[name] for name in keys)] for one in shown[key]], empty="")
        click.echo()


def _printable(value: object) -> str:
    # Alert text comes from outside: it must not move the cursor or colour the terminal.
    return "".join(mark if mark.isprintable() else " " for mark in str(value))
