"""Messages to a license's owner by the Telegram Bot API."""

import asyncio
import logging
import os
import re

# The library's opt-in to durations as timedelta, which it asks for by a warning wherever flood control is met.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from telegram import Bot, LinkPreviewOptions
from telegram.constants import MessageLimit
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from gateway.channels.lengths import shortened
from gateway.channels.telegram.outcomes import PROVIDER, failed_delivery
from gateway.config.schema import TelegramConfig
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import Delivery, Message, ProviderCheck

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


class TelegramChannel:
    """The ``NotificationChannel`` of messages to owners.

    ``Message.to`` is a chat id or ``@channel``. Each send has a connection and an event loop of its own on the calling
    thread, and ends within the configured timeout.
    """

    def __init__(self, config: TelegramConfig) -> None:
        self._config = config
        for name in ("httpx", "telegram.Bot"):
            logging.getLogger(name).addFilter(_TOKEN_FILTER)

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:  # noqa: ARG002 - of WhatsApp's alone
        """Return ``not_supported`` for all levels but the owner's, for which ``None``."""
        return None if message_level is Level.OWNER else "not_supported"

    def send(self, message: Message) -> Delivery:
        """Send the message and return what became of it. Takes the configured timeout at most."""
        if (reason := self.refuse(message.level, window_open=message.window_open)) is not None:
            return Delivery(state=AttemptState.SKIPPED, provider=PROVIDER, reason=reason)
        try:
            message_id = asyncio.run(self._send(message.to, shortened(message.text, MessageLimit.MAX_TEXT_LENGTH)))
        except (TelegramError, TimeoutError) as error:
            return failed_delivery(error)
        return Delivery(state=AttemptState.SENT, provider=PROVIDER, provider_id=message_id)

    def check(self) -> ProviderCheck:
        """Tell whether Telegram can be reached and knows the bot."""
        try:
            username = asyncio.run(self._username())
        except InvalidToken:
            return ProviderCheck(ok=False, detail="bot token refused: take it from @BotFather")
        except (TelegramError, TimeoutError) as error:
            return ProviderCheck(ok=False, detail=failed_delivery(error).reason or "refused")
        return ProviderCheck(ok=True, detail=f"bot @{username} answers")

    async def _send(self, chat: str, text: str) -> str:
        async with self._request() as request, asyncio.timeout(self._config.timeout.total_seconds()):
            sent = await self._bot(request).send_message(
                chat_id=chat,
                text=text,
                # A preview would fetch the acknowledgement link.
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
            return str(sent.message_id)

    async def _username(self) -> str:
        async with self._request() as request, asyncio.timeout(self._config.timeout.total_seconds()):
            return (await self._bot(request).get_me()).username or "?"

    def _bot(self, request: HTTPXRequest) -> Bot:
        return Bot(
            self._config.bot_token.get_secret_value(),
            base_url=f"{self._config.api_base.rstrip('/')}/bot",
            request=request,
            get_updates_request=request,
        )

    def _request(self) -> HTTPXRequest:
        limit = self._config.timeout.total_seconds()
        return HTTPXRequest(
            connection_pool_size=1,
            connect_timeout=limit * _CONNECT_SHARE,
            pool_timeout=limit * _CONNECT_SHARE,
            read_timeout=limit,
            write_timeout=limit,
        )
