"""Commands that run the gateway."""

from collections.abc import Callable

import click
import structlog

from gateway.app import metric_files
from gateway.app.cli.invocation import CommandFailedError, Invocation, command
from gateway.app.logs import configure_logging
from gateway.config.schema import Config

log = structlog.get_logger(__name__)


@click.command()
@command
def serve(invocation: Invocation) -> None:
    """Run the whole gateway on this machine: web processes and engine.

    SIGTERM and Ctrl-C stop both gracefully: running escalations go on after the next start.

    \b
    Examples:
      tocsin serve
      TOCSIN_LOG_FORMAT=json tocsin serve -c /etc/tocsin.yaml
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = _prepared(invocation, warn=True)
    metric_files.begin(config, afresh=True)
    # Imported here so that every other command starts without Flask, gunicorn and the actors.
    from gateway.app.serve import serve as run_both  # noqa: PLC0415

    _run(lambda: run_both(config, invocation.config_file), "the gateway")


@click.command()
@command
def web(invocation: Invocation) -> None:
    """Run the web processes alone; the engine runs elsewhere on the same database.

    \b
    Example:
      tocsin web -c /etc/tocsin.yaml
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = _prepared(invocation)
    metric_files.begin(config)
    from gateway.app.serve import run_web  # noqa: PLC0415 - see serve

    _run(lambda: run_web(config), "the web server")


@click.command()
@command
def engine(invocation: Invocation) -> None:
    """Run the engine alone; web processes run elsewhere on the same database.

    \b
    Example:
      tocsin engine -c /etc/tocsin.yaml
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = _prepared(invocation)
    metric_files.begin(config)
    from gateway.app.engine_process import run_engine  # noqa: PLC0415 - see serve

    _run(lambda: run_engine(config), "the engine")


def _prepared(invocation: Invocation, *, warn: bool = False) -> Config:
    """Return the configuration, with logs turned on as a service needs them."""
    loaded = invocation.load()
    configure_logging(invocation.environ, level="INFO")
    for warning in loaded.warnings if warn else ():
        log.warning("configuration_doubtful", path=warning.path, problem=warning.problem, suggestion=warning.suggestion)
    return loaded.config


def _run(run: Callable[[], int], what: str) -> None:
    from gateway.app.bootstrap import NotReadyError  # noqa: PLC0415 - see serve

    try:
        status = run()
    except NotReadyError as error:
        raise CommandFailedError(str(error), code="not_ready") from error
    if status:
        raise CommandFailedError(f"{what} ended with status {status}: see the log above")
