"""Messages to a license's owner by the Telegram Bot API."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import MessageLimit
from telegram.error import ChatMigrated, InvalidToken, RetryAfter, TelegramError

from gateway.channels.lengths import shortened
from gateway.channels.telegram.bot import hide_tokens, new_bot, new_request
from gateway.channels.telegram.outcomes import PROVIDER, WEBHOOK_ADVICE, failed_delivery, failed_edit, pause_of
from gateway.channels.telegram.pace import Pace
from gateway.config.schema import TelegramConfig
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import Button, Delivery, Message, ProviderCheck

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

# A preview would fetch the acknowledgement link.
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class TelegramChannel:
    """The ``OwnerChannel`` of the Bot API.

    ``Message.to`` is a chat id or ``@channel``. Each send has a connection and an event loop of its own on the calling
    thread, and ends within the configured timeout. A group that has become a supergroup is followed.
    """

    def __init__(self, config: TelegramConfig, *, pace: Pace | None = None) -> None:
        self._config = config
        self.pace = pace or Pace()
        self._moved: dict[str, str] = {}
        hide_tokens()

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:  # noqa: ARG002 - of WhatsApp's alone
        """Return ``not_supported`` for all levels but the owner's, for which ``None``."""
        return None if message_level is Level.OWNER else "not_supported"

    def turn(self, chat: str) -> timedelta:
        """See the port."""
        return self.pace.turn(self._moved.get(chat, chat))

    def takes_presses(self) -> bool:
        """Tell whether the bot's updates are asked for."""
        return self._config.poll

    def send(self, message: Message) -> Delivery:
        """Send the message and return what became of it. Takes the configured timeout at most."""
        if (reason := self.refuse(message.level, window_open=message.window_open)) is not None:
            return Delivery(state=AttemptState.SKIPPED, provider=PROVIDER, reason=reason)
        chat = self._moved.get(message.to, message.to)
        try:
            return asyncio.run(self._in_time(self._sent(chat, message)))
        except (TelegramError, TimeoutError) as error:
            self._note_refusal(chat, error)
            return failed_delivery(error)

    def edit(self, message: Message, message_id: str) -> Delivery:
        """See the port. Takes the configured timeout at most."""
        try:
            asyncio.run(self._in_time(self._edited(message, int(message_id))))
        except (TelegramError, TimeoutError) as error:
            self._note_refusal(message.to, error)
            return failed_edit(error, message_id)
        return Delivery(state=AttemptState.SENT, provider=PROVIDER, provider_id=message_id, chat=message.to)

    def check(self) -> ProviderCheck:
        """Tell whether Telegram can be reached and knows the bot, and whether its updates can be asked for."""
        try:
            username, webhook = asyncio.run(self._in_time(self._looked_up()))
        except InvalidToken:
            return ProviderCheck(ok=False, detail="bot token refused: take it from @BotFather")
        except (TelegramError, TimeoutError) as error:
            return ProviderCheck(ok=False, detail=failed_delivery(error).reason or "refused")
        if not self._config.poll:
            return ProviderCheck(ok=True, detail=f"bot @{username} answers; telegram.poll is off: no buttons")
        if webhook:
            host = urlsplit(webhook).hostname or "somewhere"
            detail = f"bot @{username} has a webhook at {host}, so nobody learns of pressed buttons: {WEBHOOK_ADVICE}"
            return ProviderCheck(ok=False, detail=detail)
        return ProviderCheck(ok=True, detail=f"bot @{username} answers")

    async def _sent(self, chat: str, message: Message) -> Delivery:
        async with new_request(self._config) as request:
            bot = new_bot(self._config, request)

            async def send(to: str) -> Delivery:
                sent = await bot.send_message(
                    chat_id=to,
                    text=shortened(message.text, MessageLimit.MAX_TEXT_LENGTH),
                    reply_markup=_keyboard(message.button),
                    link_preview_options=_NO_PREVIEW,
                )
                return Delivery(
                    state=AttemptState.SENT, provider=PROVIDER, provider_id=str(sent.message_id), chat=str(sent.chat.id)
                )

            try:
                return await send(chat)
            except ChatMigrated as moved:
                # The refused request has sent nothing, so this cannot be a second message.
                self._moved[message.to] = str(moved.new_chat_id)
                log.warning("telegram_group_moved", chat=chat, new_chat=moved.new_chat_id)
                return await send(str(moved.new_chat_id))

    async def _edited(self, message: Message, message_id: int) -> None:
        async with new_request(self._config) as request:
            await new_bot(self._config, request).edit_message_text(
                chat_id=message.to,
                message_id=message_id,
                text=shortened(message.text, MessageLimit.MAX_TEXT_LENGTH),
                reply_markup=_keyboard(message.button),
                link_preview_options=_NO_PREVIEW,
            )

    async def _looked_up(self) -> tuple[str, str]:
        async with new_request(self._config) as request:
            bot = new_bot(self._config, request)
            username = (await bot.get_me()).username or "?"
            return username, (await bot.get_webhook_info()).url if self._config.poll else ""

    async def _in_time(self, work: Coroutine[Any, Any, _T]) -> _T:
        async with asyncio.timeout(self._config.timeout.total_seconds()):
            return await work

    def _note_refusal(self, chat: str, error: TelegramError | TimeoutError) -> None:
        if isinstance(error, RetryAfter):
            self.pace.refused(chat, pause_of(error))


def _keyboard(button: Button | None) -> InlineKeyboardMarkup | None:
    if button is None:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(button.text, callback_data=button.data)]])
