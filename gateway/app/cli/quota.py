"""Commands for what licenses have used of their caps."""

from datetime import UTC, datetime

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.model.quota import minutes
from gateway.services.quota import QuotaStatus, quota_status

_WHOLE = 100


@click.group()
def quota() -> None:
    """Voice minutes and events of a license, by calendar month in its time zone."""


@quota.command("show")
@click.option("--license", "license_id", type=int, required=True, metavar="ID", help="Whose quota.")
@click.option("--month", metavar="YYYY-MM", help="As in 2026-11.  [default: the present month]")
@command
def quota_show(invocation: Invocation, *, license_id: int, month: str | None) -> None:
    """Show what a license has used in a month, what calls in progress hold, and the caps of today.

    \b
    Examples:
      tocsin quota show --license 1
      tocsin quota show --license 1 --month 2026-11 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        status = quota_status(record, config.tiers, license_id=license_id, at=datetime.now(UTC), month=month)
    invocation.answer(_document(status), lambda: _show(status))


def _show(status: QuotaStatus) -> None:
    voice, cap = status.voice, status.voice_cap
    rows = [
        (
            "voice minutes",
            minutes(voice.used),
            minutes(voice.reserved),
            "unlimited" if cap is None else minutes(cap),
            _share(voice.used, cap),
        ),
        (
            "events",
            status.events,
            None,
            "unlimited" if status.events_cap is None else status.events_cap,
            _share(status.events, status.events_cap),
        ),
    ]
    print_table((status.month, "USED", "RESERVED", "CAP", "SHARE"), rows, empty="")
    if status.overdraft:
        click.echo("voice notes and calls about critical events go on when the voice minutes are spent")
    if status.notices:
        click.echo(f"marks reached: {', '.join(status.notices)}")


def _share(used: int, cap: int | None) -> str | None:
    return f"{used * _WHOLE // cap} %" if cap else None


def _document(status: QuotaStatus) -> dict[str, object]:
    return {
        "month": status.month,
        "voice_seconds_used": status.voice.used,
        "voice_seconds_reserved": status.voice.reserved,
        "voice_seconds_cap": status.voice_cap,
        "events_used": status.events,
        "events_cap": status.events_cap,
        "notices": [kind.value for kind in status.notices],
    }
