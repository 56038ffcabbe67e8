"""How fast Telegram lets a bot send: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from pyrate_limiter import Decision, Duration, InMemoryBucket, Rate, RateItem

_TO_ONE_CHAT = Rate(1, Duration.SECOND)
_TO_ONE_GROUP = Rate(20, Duration.MINUTE)
_TO_ALL = Rate(30, Duration.SECOND)
_MOST_IDLE_CHATS = 1000
_SHORTEST_WAIT = 1


class Pace:
    """Gives out turns: one a second for a chat, 20 a minute for a group or channel, 30 a second in all.

    After a 429 the chat gets none for as long as it says. When a second chat is refused meanwhile, it is the bot
    that is meant, and none gets any. Times are monotonic (``now``, in seconds), and may be asked for by any thread.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._all = InMemoryBucket([_TO_ALL])
        self._chats: dict[str, InMemoryBucket] = {}
        self._held: dict[str, int] = {}
        self._all_held_until = 0

    def turn(self, chat: str) -> timedelta:
        """Take a turn to send something to the chat, and return nothing; else how long to wait before asking again."""
        with self._lock:
            now = self._milliseconds()
            wait = max(self._all_held_until, self._held.get(chat, 0)) - now
            if wait <= 0:
                # The chat comes first: a turn of it that is lost to the other limit is soon there again.
                wait = _waiting(self._bucket(chat, now), now) or _waiting(self._all, now)
        return timedelta(milliseconds=max(wait, 0))

    def refused(self, chat: str, retry_after: timedelta) -> None:
        """Take note of a 429 for that chat."""
        with self._lock:
            now = self._milliseconds()
            until = now + round(retry_after.total_seconds() * 1000)
            self._held = {each: end for each, end in self._held.items() if end > now}
            if self._held.keys() - {chat}:
                self._all_held_until = max(self._all_held_until, until)
            self._held[chat] = max(self._held.get(chat, 0), until)

    def _bucket(self, chat: str, now: int) -> InMemoryBucket:
        if chat not in self._chats:
            self._forget_idle(now)
            private = chat.isdecimal()
            self._chats[chat] = InMemoryBucket([_TO_ONE_CHAT] if private else [_TO_ONE_CHAT, _TO_ONE_GROUP])
        return self._chats[chat]

    def _forget_idle(self, now: int) -> None:
        if len(self._chats) < _MOST_IDLE_CHATS:
            return
        for bucket in self._chats.values():
            bucket.leak(now)
        self._chats = {chat: bucket for chat, bucket in self._chats.items() if bucket.count()}

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)


def _waiting(bucket: InMemoryBucket, now: int) -> int:
    """Take a turn from the bucket and return 0, or the milliseconds until there is one."""
    bucket.leak(now)
    decision = bucket.put_decision(RateItem("message", now))
    if not isinstance(decision, Decision) or decision.allowed:
        return 0
    return max(decision.retry_after_ms or _SHORTEST_WAIT, _SHORTEST_WAIT)
