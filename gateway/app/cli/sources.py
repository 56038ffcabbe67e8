"""Commands for alert sources."""

from datetime import UTC, datetime, timedelta

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import CommandFailedError, Invocation, command, print_table
from gateway.app.secrets import load_secrets, source_tokens
from gateway.config.schema import Config, parse_duration
from gateway.model.event import Severity
from gateway.model.license import AlertSource, SourceKind
from gateway.services import examples, sources, tenants
from gateway.services.intake import InvalidTokenError, LicenseInactiveError
from gateway.services.iso import iso
from gateway.services.sources import NewSource
from gateway.services.tokens import SourceTokens
from gateway.store.wakeup import make_wakeup

_KIND = click.Choice([kind.value for kind in SourceKind])
_SEVERITY = click.Choice([severity.value for severity in Severity])
_DAY = "24h"


@click.group()
def source() -> None:
    """Alert sources: who may post alerts for a license."""


@source.command("add")
@click.option("--license", "license_id", type=int, required=True, metavar="ID", help="Whose source it is.")
@click.option("--kind", type=_KIND, required=True, help="What posts.")
@click.option("--name", required=True, help="As people see it.")
@click.option(
    "--severity", type=_SEVERITY, default=Severity.WARN.value, show_default=True, help="For alerts that do not say."
)
@command
def source_add(invocation: Invocation, *, license_id: int, kind: str, name: str, severity: str) -> None:
    """Add an alert source and print its token.

    \b
    Examples:
      tocsin source add --license 1 --kind anpr --name "Gate camera"
      tocsin source add --license 1 --kind webhook --name CI --severity info --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        added = sources.add_source(
            record,
            _tokens(config),
            license_id=license_id,
            kind=SourceKind(kind),
            name=name,
            at=datetime.now(UTC),
            severity=Severity(severity),
        )
    _answer(invocation, config, added, f"source {added.source.id} added: {added.source.name}")


@source.command("list")
@click.option("--license", "license_id", type=int, metavar="ID", help="Whose sources.  [default: all]")
@command
def source_list(invocation: Invocation, *, license_id: int | None) -> None:
    """List alert sources.

    \b
    Example:
      tocsin source list --license 1
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        license_ids = [one.id for one in tenants.list_licenses(record)] if license_id is None else [license_id]
        found = [one for each in license_ids for one in sources.list_sources(record, each)]
    columns = ("ID", "LICENSE", "KIND", "NAME", "SEVERITY", "ENABLED")
    rows = [(one.id, one.license_id, one.kind.value, one.name, one.severity.value, one.enabled) for one in found]
    empty = "no source yet: tocsin source add --license ID --kind webhook --name NAME"
    invocation.answer([_document(one) for one in found], lambda: print_table(columns, rows, empty=empty))


@source.command("set")
@click.argument("source_id", type=int, metavar="ID")
@click.option("--name", help="As people see it.")
@click.option("--kind", type=_KIND, help="What posts.")
@click.option("--severity", type=_SEVERITY, help="For alerts that do not say.")
@click.option("--enabled/--disabled", default=None, help="Whether its posts are taken.")
@command
def source_set(
    invocation: Invocation,
    *,
    source_id: int,
    name: str | None,
    kind: str | None,
    severity: str | None,
    enabled: bool | None,
) -> None:
    """Change an alert source. Posts of a disabled one are refused.

    \b
    Examples:
      tocsin source set 3 --name "Gate 2" --severity critical
      tocsin source set 3 --disabled
    """  # noqa: D301 - click's mark for "do not rewrap"
    change = sources.SourceChange(
        name=name,
        kind=SourceKind(kind) if kind else None,
        severity=Severity(severity) if severity else None,
        enabled=enabled,
    )
    with open_database(invocation, invocation.config()) as record:
        changed = sources.change_source(record, source_id, change, at=datetime.now(UTC))
    invocation.answer(_document(changed), lambda: click.echo(f"source {changed.id} changed: {changed.name}"))


@source.command("rotate")
@click.argument("source_id", type=int, metavar="ID")
@click.option("--overlap", default=_DAY, show_default=True, help="How long the present token is still taken.")
@command
def source_rotate(invocation: Invocation, *, source_id: int, overlap: str) -> None:
    """Give a source a new token and print it. The present one is taken for a while longer.

    \b
    Examples:
      tocsin source rotate 3
      tocsin source rotate 3 --overlap 0s     (the present token has leaked)
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        made = sources.rotate_token(
            record, _tokens(config), source_id=source_id, at=datetime.now(UTC), overlap=_length(overlap)
        )
    _answer(invocation, config, made, f"source {source_id} has a new token; the former one is taken for {overlap}")


@source.command("curl")
@click.argument("source_id", type=int, metavar="ID")
@command
def source_curl(invocation: Invocation, *, source_id: int) -> None:
    """Print a command that posts an example alert with the source's token. It is entered in the audit log.

    \b
    Example:
      tocsin source curl 3 | sh
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        shown = sources.reveal_token(record, _tokens(config), source_id=source_id, at=datetime.now(UTC))
    line = _curl(config, shown)
    invocation.answer({"id": source_id, "token": shown.token, "curl": line}, lambda: click.echo(line))


@source.command("test")
@click.argument("source_id", type=int, metavar="ID")
@command
def source_test(invocation: Invocation, *, source_id: int) -> None:
    """Take a test alert as if the source had posted it: it really escalates, so phones ring.

    \b
    Example:
      tocsin source test 3
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    with open_database(invocation, config) as record:
        try:
            accepted = sources.send_test_alert(record, config, source_id=source_id, at=datetime.now(UTC))
        except InvalidTokenError:
            raise CommandFailedError(
                f"source {source_id} is disabled: tocsin source set {source_id} --enabled"
            ) from None
        except LicenseInactiveError:
            raise CommandFailedError("the license is not active: tocsin license set ID --active") from None
    make_wakeup(config.database_url).notify()
    words = f"event {accepted.event_id} is {accepted.status.value}: tocsin event show {accepted.event_id}"
    invocation.answer({"event_id": accepted.event_id, "status": accepted.status.value}, lambda: click.echo(words))


def _tokens(config: Config) -> SourceTokens:
    return source_tokens(config, load_secrets(config))


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--overlap") from None


def _answer(invocation: Invocation, config: Config, made: NewSource, words: str) -> None:
    def people() -> None:
        click.echo(words)
        once = "" if config.web.keep_source_tokens else ", shown this once"
        click.echo(f"token{once}: {made.token}\n")
        click.echo(_curl(config, made))

    invocation.answer(_document(made.source) | {"token": made.token}, people)


def _curl(config: Config, made: NewSource) -> str:
    return examples.curl(config.web.public_url, made.token, examples.of_kind(made.source.kind).document())


def _document(one: AlertSource) -> dict[str, object]:
    return {
        "id": one.id,
        "license_id": one.license_id,
        "kind": one.kind.value,
        "name": one.name,
        "severity": one.severity.value,
        "enabled": one.enabled,
        "created_at": iso(one.created_at),
    }
