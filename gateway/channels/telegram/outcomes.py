"""What the Bot API's answers and failures mean, as python-telegram-bot tells them. Pure."""

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from gateway.model.attempt import AttemptState
from gateway.ports.messages import Delivery

PROVIDER = "telegram"

_LONGEST_REASON = 300
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
            pause = error.retry_after
            seconds = pause.total_seconds() if isinstance(pause, timedelta) else pause
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
