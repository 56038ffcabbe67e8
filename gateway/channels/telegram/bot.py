"""The Bot API's client: one bot, at the configured address, each request within its time; and no token in the logs."""

import logging
import os
import re

# The library's opt-in to durations as timedelta, which it asks for by a warning wherever flood control is met.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from telegram import Bot
from telegram.request import HTTPXRequest

from gateway.config.schema import TelegramConfig

_CONNECT_SHARE = 1 / 3


class _TokenFilter(logging.Filter):
    """Takes the bot's token out of the addresses that the libraries log."""

    _IN_ADDRESS = re.compile(r"/bot[^/\s\"']+")

    def filter(self, record: logging.LogRecord) -> bool:
        told = record.getMessage()
        hidden = self._IN_ADDRESS.sub("/bot***", told)
        if hidden != told:
            record.msg, record.args = hidden, None
        return True


_TOKEN_FILTER = _TokenFilter()


def hide_tokens() -> None:
    """Keep the bot's token out of what the libraries log."""
    for name in ("httpx", "telegram.Bot"):
        logging.getLogger(name).addFilter(_TOKEN_FILTER)


def new_request(config: TelegramConfig) -> HTTPXRequest:
    """Return a connection to the Bot API, to be used as an asynchronous context manager."""
    limit = config.timeout.total_seconds()
    return HTTPXRequest(
        connection_pool_size=1,
        connect_timeout=limit * _CONNECT_SHARE,
        pool_timeout=limit * _CONNECT_SHARE,
        read_timeout=limit,
        write_timeout=limit,
    )


def new_bot(config: TelegramConfig, request: HTTPXRequest, updates: HTTPXRequest | None = None) -> Bot:
    """Return the bot over that connection, or those. Raises ``InvalidToken`` for what no token looks like."""
    return Bot(
        config.bot_token.get_secret_value(),
        base_url=f"{config.api_base.rstrip('/')}/bot",
        request=request,
        get_updates_request=updates or request,
    )


def bot_id(config: TelegramConfig) -> str:
    """Return the bot's own id, which is public: the part of its token before the colon."""
    return config.bot_token.get_secret_value().partition(":")[0]
