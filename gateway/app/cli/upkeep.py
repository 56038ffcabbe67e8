"""Commands for the configuration file and the database schema."""

import click

from gateway.app.cli.invocation import Invocation, command, mistakes_document
from gateway.store import migrate as migrate_schema
from gateway.store import schema_state


@click.command("check-config")
@command
def check_config(invocation: Invocation) -> None:
    """List every mistake in the configuration, each with its place and a suggestion.

    Warnings name what works and is probably not meant; they do not change the exit status.

    \b
    Examples:
      tocsin check-config
      tocsin check-config -c /etc/tocsin.yaml --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    loaded = invocation.load()
    name = str(loaded.file) if loaded.file else None

    def people() -> None:
        click.echo(f"{name or 'built-in defaults (there is no ./tocsin.yaml)'}: no mistakes")
        for warning in loaded.warnings:
            click.echo(f"  warning: {warning}")

    document = {"ok": True, "file": name, "mistakes": [], "warnings": mistakes_document(loaded.warnings)}
    invocation.answer(document, people)


@click.command()
@command
def migrate(invocation: Invocation) -> None:
    """Bring the database schema up to date.

    Safe to run again, and on several machines at once. Make a backup before an upgrade.

    \b
    Example:
      tocsin migrate -c /etc/tocsin.yaml
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    before = schema_state(config.database_url)
    migrate_schema(config.database_url)
    after = schema_state(config.database_url)
    document = {"ok": True, "before": before.value, "after": after.value}
    invocation.answer(document, lambda: click.echo(f"database schema: was {before.value}, is {after.value}"))
