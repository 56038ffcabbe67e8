"""The root of the command line, and the entry point."""

import difflib
import importlib.metadata
from pathlib import Path

import click

from gateway.app.cli.asterisk import asterisk
from gateway.app.cli.call import call
from gateway.app.cli.doctor import doctor
from gateway.app.cli.events import event
from gateway.app.cli.invocation import CONFIG_HELP, remember_config
from gateway.app.cli.running import engine, serve, web
from gateway.app.cli.tenants import contact, license_, source
from gateway.app.cli.tts import tts
from gateway.app.cli.upkeep import check_config, migrate

_EPILOG = """\b
First steps:
  tocsin serve                       the whole gateway, on SQLite under ./var
  tocsin license add --name Acme --tier pro
  tocsin contact add --license 1 --name Ana --phone +15550123
  tocsin source add --license 1 --kind webhook --name Test
  tocsin doctor                      what does not work yet, and what to do
\b
Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
"""


class Commands(click.Group):
    """A group that suggests the nearest command for a name that it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not close or "Did you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{close[0]}'?", ctx) from None


@click.group(cls=Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(importlib.metadata.version("tocsin"), prog_name="tocsin")
@click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help=CONFIG_HELP)
@click.pass_context
def tocsin(context: click.Context, config_file: Path | None) -> None:
    """Escalate alerts: WhatsApp text, WhatsApp voice note, then a real phone call, until a person acknowledges.

    Every command takes --config and --json; COMMAND --help shows examples.
    """
    remember_config(context, config_file)


for _command in (
    serve,
    web,
    engine,
    check_config,
    migrate,
    doctor,
    license_,
    contact,
    source,
    event,
    asterisk,
    tts,
    call,
):
    tocsin.add_command(_command)


def main() -> None:
    """Run the command line with the arguments of this process, and exit."""
    tocsin(prog_name="tocsin")
