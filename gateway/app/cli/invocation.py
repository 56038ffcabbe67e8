"""What every command has in common: where its configuration is, how it answers, how it ends.

A command ends with 0 when it is done, 1 when it failed, 2 when it was called wrongly or the
configuration has mistakes. With ``--json`` standard output is one JSON document whatever happens
after the options were understood; everything for people goes to standard error.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec

import click
from rich.console import Console
from rich.table import Table

from gateway.app.logs import configure_logging
from gateway.app.secrets import SecretsError
from gateway.config.loader import LoadedConfig, read
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.schema import Config
from gateway.ports.record import RecordUnavailableError
from gateway.ports.speech import SpeechError
from gateway.services.exceptions import ServiceError

P = ParamSpec("P")

DONE, FAILED, MISCONFIGURED = 0, 1, 2
_CONFIG_KEY = "gateway.config_file"
_DEFAULT_WIDTH = 120


class CommandFailedError(Exception):
    """A command could not do what it was asked for. The message says what to do about it."""

    def __init__(self, message: str, *, code: str = "failed", detail: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = dict(detail or {})


@dataclass(slots=True)
class Invocation:
    """One run of one command."""

    config_file: Path | None
    as_json: bool
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def load(self) -> LoadedConfig:
        """Return the configuration with its warnings. Raises ``ConfigError``."""
        return read(self.config_file, self.environ)

    def config(self) -> Config:
        """Return the configuration. Raises ``ConfigError``."""
        return self.load().config

    def answer(self, document: object, people: Callable[[], None]) -> None:
        """Print the document with ``--json``, and what is for people otherwise."""
        if self.as_json:
            print_json(document)
        else:
            people()

    def say(self, text: str) -> None:
        """Tell people something that is not the answer."""
        click.echo(text, err=True)


def command(function: Callable[Concatenate[Invocation, P], None]) -> Callable[P, None]:
    """Give a command its common options, and its errors an exit status and words.

    The command's function gets the invocation as its first argument. To be put directly above the
    function, below click's own decorators.
    """

    @click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help=CONFIG_HELP)
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
    @click.pass_context
    @functools.wraps(function)
    def run(
        context: click.Context, /, config_file: Path | None, as_json: bool, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        chosen = config_file if config_file is not None else context.meta.get(_CONFIG_KEY)
        invocation = Invocation(chosen, as_json)
        configure_logging(invocation.environ, level="WARNING")
        context.exit(_guarded(invocation, lambda: function(invocation, *args, **kwargs)))

    return run  # type: ignore[return-value] # click calls it with its parameters by name


CONFIG_HELP = "Configuration file.  [default: $TOCSIN_CONFIG, else ./tocsin.yaml, else built-in defaults]"


def remember_config(context: click.Context, config_file: Path | None) -> None:
    """Keep the file that was named before the subcommand for the subcommand."""
    context.meta[_CONFIG_KEY] = config_file


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows for people; ``empty`` is the sentence for none."""
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console().print(table)


def console() -> Console:
    """Return the console for people; what is not a terminal gets lines that are not cut."""
    out = Console(markup=False, highlight=False, emoji=False)
    return out if out.is_terminal else Console(markup=False, highlight=False, emoji=False, width=_DEFAULT_WIDTH)


def mistakes_document(mistakes: Sequence[Mistake]) -> list[dict[str, object]]:
    """Return mistakes as they stand in a JSON answer."""
    return [
        {"path": mistake.path, "problem": mistake.problem, "suggestion": mistake.suggestion, "line": mistake.line}
        for mistake in mistakes
    ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value)


def printable(value: object) -> str:
    """Return a value in one line. What comes from outside must not move the cursor or colour the terminal."""
    return "".join(mark if mark.isprintable() else " " for mark in str(value))


def _guarded(invocation: Invocation, run: Callable[[], None]) -> int:
    """Run a command and return its exit status, having told what went wrong."""
    try:
        run()
    except ConfigError as error:
        _tell(invocation, str(error), {"error": "configuration", "mistakes": mistakes_document(error.mistakes)})
        return MISCONFIGURED
    except CommandFailedError as error:
        _tell(invocation, str(error), {"error": error.code, **error.detail})
    except RecordUnavailableError as error:
        _tell(invocation, f"the database is out of reach: {error}", {"error": "unavailable"})
    except (ServiceError, SecretsError, SpeechError) as error:
        _tell(invocation, str(error), {"error": "failed"})
    else:
        return DONE
    return FAILED


def _tell(invocation: Invocation, message: str, document: Mapping[str, object]) -> None:
    click.echo(f"tocsin: {message}", err=True)
    if invocation.as_json:
        print_json({"ok": False, **document, "message": message})
