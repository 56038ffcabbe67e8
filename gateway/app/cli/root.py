"""The root of the command line, and the entry point."""

import difflib
import importlib
import importlib.metadata
from pathlib import Path

import click

from gateway.app.cli.invocation import CONFIG_HELP, remember_config

# A command's module is imported when the command is used: most need neither Twilio, Telegram nor speech.
_COMMANDS = {
    "serve": "running",
    "web": "running",
    "engine": "running",
    "check-config": "upkeep",
    "migrate": "upkeep",
    "doctor": "doctor",
    "license": "licenses",
    "contact": "tenants",
    "source": "sources",
    "template": "templates",
    "admin": "users",
    "event": "events",
    "quota": "quota",
    "evidence": "evidence",
    "asterisk": "asterisk",
    "tts": "tts",
    "call": "call",
    "whatsapp": "whatsapp",
}
_EPILOG = """\b
First steps:
  tocsin serve                       the whole gateway, on SQLite under ./var
  tocsin license add --name Acme --tier pro
  tocsin contact add --license 1 --name Ana --phone +15550123
  tocsin source add --license 1 --kind webhook --name Test
  tocsin admin add --email you@example.com
  tocsin doctor                      what does not work yet, and what to do
\b
Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
"""


class Commands(click.Group):
    """The top commands: imported when they are used, and suggested where a name is near one of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command by its name."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"gateway.app.cli.{_COMMANDS[cmd_name]}")
        # A module cannot hold a name with a dash, nor hide Python's own ``license``.
        names = (cmd_name.replace("-", "_"), f"{cmd_name}_")
        found: click.Command = next(getattr(module, name) for name in names if hasattr(module, name))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.5)
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


def main() -> None:
    """Run the command line with the arguments of this process, and exit."""
    tocsin(prog_name="tocsin")
