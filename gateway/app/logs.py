"""Structured logs on standard error, the product's own and its libraries'.

``TOCSIN_LOG_FORMAT`` is ``json`` (a line is one JSON object) or ``console`` (for people); the
default is ``console`` where standard error is a terminal. ``TOCSIN_LOG_LEVEL`` is a level of
Python's ``logging``, by name.
"""

import logging
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import Final, TextIO

import structlog
from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger as GunicornBaseLogger
from structlog.typing import EventDict, Processor, WrappedLogger

FORMAT_VARIABLE = "TOCSIN_LOG_FORMAT"
LEVEL_VARIABLE = "TOCSIN_LOG_LEVEL"
HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:secret|password|passwd|pin|token|authorization|cookie|api_key)(?:_key)?$", re.IGNORECASE
)
_SECRETS_IN_TEXT: Final = (
    (re.compile(r"\btsn_[A-Za-z0-9_-]{20,}"), "tsn_" + HIDDEN),
    # The password in a database's or proxy's address.
    (re.compile(r"(?<=://)([^\s:/@]*):\S+@"), rf"\1:{HIDDEN}@"),
    # A Telegram bot's token stands in the path of each request.
    (re.compile(r"\bbot\d{5,}:[A-Za-z0-9_-]{20,}"), "bot" + HIDDEN),
    (re.compile(r"(?<=/a/)[0-9]+\.[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"(?im)^(secret|x-alert-token|authorization):.*$"), rf"\1: {HIDDEN}"),
)
# Each of those has one of these in it. Most texts have none, and are spared the search for each.
_MAYBE_SECRET = re.compile(r"tsn_|://|bot\d|/a/|secret:|x-alert-token:|authorization:", re.IGNORECASE)
_QUIETER: Final = ("sqlalchemy.engine", "alembic", "httpx", "httpcore", "telegram", "twilio", "urllib3", "asyncio")


def configure_logging(environ: Mapping[str, str], *, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs of this process to standard error. May be called again; the last call holds.

    ``level`` is used where the environment names none.
    """
    target = sys.stderr if stream is None else stream
    as_json = environ.get(FORMAT_VARIABLE, "console" if target.isatty() else "json").lower() == "json"
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    after: list[Processor] = [structlog.processors.format_exc_info, redact]
    if as_json:
        after += [_in_reading_order, structlog.processors.JSONRenderer(default=str)]
    else:
        after += [structlog.dev.ConsoleRenderer(colors=target.isatty())]
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(_library_handler(target, before, after))
    root.setLevel(_level(environ.get(LEVEL_VARIABLE, level)))
    for name in _QUIETER:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    for name in ("gunicorn.error", "gunicorn.access", "werkzeug"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.captureWarnings(capture=True)
    # The product's own lines do not go through ``logging``, which takes longer over a line than all that is said here.
    structlog.configure(
        processors=[*before, *after],
        logger_factory=partial(_Lines, target),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


def _library_handler(target: TextIO, before: list[Processor], after: list[Processor]) -> logging.Handler:
    """Return what writes the lines of libraries, which use ``logging``, in the same form."""
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    return handler


class _Lines:
    """Writes lines to a stream, each at once. A line that cannot be written is lost: no escalation stops for it.

    There is no lock, which a process that is forked meanwhile might never get: each line is one call.
    """

    def __init__(self, stream: TextIO, name: str = "") -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        # A full disk, a reader who has gone; a stream that was closed.
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


class GunicornLogger(GunicornBaseLogger):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's logger, which leaves where and how its lines are written to ``configure_logging``."""

    def setup(self, cfg: GunicornConfig) -> None:
        """Take the configuration; called by gunicorn."""
        self.cfg = cfg
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.setLevel(logging.NOTSET)
            logger.propagate = True


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide values whose name says that they are secret, and secrets within texts."""
    return {key: HIDDEN if value and _is_secret(key) else _hidden(value) for key, value in event.items()}


def _in_reading_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put first what every line has."""
    return {key: event[key] for key in ("timestamp", "level", "logger", "event") if key in event} | dict(event)


# The names are those that stand in the code; what else is looked at by name is bounded.
@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _hidden(value: object) -> object:
    if isinstance(value, str):
        if not _MAYBE_SECRET.search(value):
            return value
        for pattern, replacement in _SECRETS_IN_TEXT:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(key, str) and item and _is_secret(key) else _hidden(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    return value


def _level(name: str) -> int:
    return logging.getLevelNamesMapping().get(name.upper(), logging.INFO)
