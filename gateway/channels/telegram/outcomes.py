"""What the Bot API's answers and failures mean, as python-telegram-bot tells them. Pure."""

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from gateway.model.attempt import AttemptState
from gateway.ports.messages import Delivery

PROVIDER = "telegram"
WEBHOOK_ADVICE = (
    "open https://api.telegram.org/bot<token>/deleteWebhook once, give Tocsin a bot of its own, "
    "or set telegram.poll: false"
)

_LONGEST_REASON = 300
# "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a
# current content and reply markup of the message", as the Bot API's server words it.
_IS_SHOWN = "message is not modified"
# httpx reports a failed TLS handshake as ConnectError.
_BEFORE_REQUEST = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
_UNUSABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol)


def failed_delivery(error: TelegramError | TimeoutError) -> Delivery:
    """Return what a failed ``sendMessage`` means.

    https://core.telegram.org/bots/api#making-requests. A 5xx, silence or a broken connection leave open
    whether the message was sent; ``TimeoutError`` is our own limit. No reason holds the token,
    which is part of every address.
    """
    match error:
        case RetryAfter():
            seconds = pause_of(error).total_seconds()
            return _delivery(AttemptState.UNAVAILABLE, f"flood control: retry after {seconds:.0f} s")
        case InvalidToken():
            reason = "bot token refused"
        case ChatMigrated():
            reason = f"the group is now a supergroup: use chat {error.new_chat_id}"
        case Forbidden() | BadRequest():
            reason = f"refused: {error.message}"
        case NetworkError() | TimeoutError():
            return _network_failure(error)
        case _:
            return _delivery(AttemptState.UNKNOWN, f"no answer of the Bot API's kind: {type(error).__name__}")
    return _delivery(AttemptState.FAILED, reason)


def failed_edit(error: TelegramError | TimeoutError, message_id: str) -> Delivery:
    """Return what a failed ``editMessageText`` means.

    ``FAILED`` is an end: the message or the chat is gone, the bot was blocked. A text that is shown already is what was
    wanted. All else may be tried again, since an edit that happens twice shows nothing twice.
    """
    if isinstance(error, BadRequest) and _IS_SHOWN in error.message.casefold():
        return Delivery(state=AttemptState.SENT, provider=PROVIDER, provider_id=message_id)
    if isinstance(error, ChatMigrated):
        return _delivery(AttemptState.FAILED, "the group is now a supergroup: its earlier messages cannot be edited")
    return failed_delivery(error)


def failed_poll(error: TelegramError | TimeoutError) -> str:
    """Return in words why a ``getUpdates`` failed, and what to do about it.

    https://core.telegram.org/bots/api#getupdates: a bot with a webhook has no updates to fetch, and one that several
    fetch from gives them to one.
    """
    match error:
        case Conflict() if "webhook" in error.message.casefold():
            return f"pressed buttons do not arrive: the bot has a webhook; {WEBHOOK_ADVICE}"
        case Conflict():
            return (
                "pressed buttons arrive late or not at all: another program asks for this bot's updates; "
                "end it, or give Tocsin a bot of its own"
            )
        case _:
            return f"pressed buttons do not arrive: {failed_delivery(error).reason}"


def pause_of(error: RetryAfter) -> timedelta:
    """Return how long flood control says to wait."""
    pause = error.retry_after
    return pause if isinstance(pause, timedelta) else timedelta(seconds=pause)


def _network_failure(error: NetworkError | TimeoutError) -> Delivery:
    cause = error.__cause__
    if isinstance(cause, _UNUSABLE):
        return _delivery(AttemptState.FAILED, "unusable address: check api_base and bot_token")
    if isinstance(cause, _BEFORE_REQUEST):
        return _delivery(AttemptState.UNAVAILABLE, f"no connection to Telegram: {type(cause).__name__}")
    if isinstance(cause, httpx.HTTPError) or isinstance(error, TimeoutError):
        return _delivery(AttemptState.UNKNOWN, f"no answer from Telegram: {type(cause or error).__name__}")
    return _delivery(AttemptState.UNKNOWN, "trouble at Telegram: it answered with a server error")


def _delivery(state: AttemptState, reason: str) -> Delivery:
    return Delivery(state=state, provider=PROVIDER, reason=reason[:_LONGEST_REASON])
