from datetime import timedelta

import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from gateway.channels.telegram.outcomes import failed_delivery
from gateway.channels.telegram.owner import TelegramChannel
from gateway.config.schema import TelegramConfig
from gateway.model.attempt import AttemptState, Level


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (RetryAfter(timedelta(seconds=30)), AttemptState.UNAVAILABLE, "retry after 30 s"),
        (InvalidToken(), AttemptState.FAILED, "bot token refused"),
        (Forbidden("Forbidden: bot was blocked by the user"), AttemptState.FAILED, "blocked"),
        (BadRequest("Bad Request: chat not found"), AttemptState.FAILED, "Chat not found"),
        (ChatMigrated(-1009), AttemptState.FAILED, "-1009"),
        (caused(NetworkError("x"), httpx.ConnectError("x")), AttemptState.UNAVAILABLE, "no connection"),
        (caused(TimedOut(), httpx.ConnectTimeout("x")), AttemptState.UNAVAILABLE, "no connection"),
        (caused(TimedOut(), httpx.PoolTimeout("x")), AttemptState.UNAVAILABLE, "no connection"),
        (caused(TimedOut(), httpx.ReadTimeout("x")), AttemptState.UNKNOWN, "no answer"),
        (caused(NetworkError("x"), httpx.RemoteProtocolError("x")), AttemptState.UNKNOWN, "no answer"),
        (caused(NetworkError("x"), httpx.WriteError("x")), AttemptState.UNKNOWN, "no answer"),
        (NetworkError("Bad Gateway (502)"), AttemptState.UNKNOWN, "server error"),
        (TelegramError("Invalid server response"), AttemptState.UNKNOWN, "kind"),
        (Conflict("x"), AttemptState.UNKNOWN, "kind"),
        (TimeoutError(), AttemptState.UNKNOWN, "no answer"),
    ],
)
def test_each_failure_has_its_state(error: TelegramError | TimeoutError, state: AttemptState, words: str) -> None:
    delivery = failed_delivery(error)
    assert delivery.state is state
    assert words in (delivery.reason or "")


def test_an_unusable_address_is_final_and_not_shown() -> None:
    error = caused(NetworkError("Unknown error: https://x/bot1:token"), httpx.InvalidURL("https://x/bot1:token"))
    delivery = failed_delivery(error)
    assert delivery.state is AttemptState.FAILED
    assert delivery.reason == "unusable address: check api_base and bot_token"


@pytest.mark.parametrize("level", list(Level))
def test_the_owner_is_the_only_one_who_is_told(level: Level) -> None:
    channel = TelegramChannel(TelegramConfig.model_validate({"bot_token": "1:t"}))
    expected = None if level is Level.OWNER else "not_supported"
    assert channel.refuse(level, window_open=False) == expected
