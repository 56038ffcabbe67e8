"""The queue of updates that a bot asks for: https://core.telegram.org/bots/api#getting-updates."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from tests.clouds.telegram_rules import MOST_UPDATES

_FIRST_ID = 730_000_001
_LONGEST_WAIT = 50
# An offset so far beyond the newest update belongs to a numbering that is over: it is left out of account.
_FAR_BEYOND = 10


class UpdateQueue:
    """Unconfirmed updates, and the one request that waits for them. ``changed`` guards it and tells of changes."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._waiting: list[dict[str, Any]] = []
        self._allowed: frozenset[str] | None = None
        self._last_id = _FIRST_ID - 1
        self._polls = 0
        self.offsets: list[int | None] = []

    @property
    def unconfirmed(self) -> list[int]:
        """The ids of those that would be delivered again."""
        with self._changed:
            return [update["update_id"] for update in self._waiting]

    def add(self, kind: str, content: Mapping[str, Any]) -> None:
        """Queue an update, if the bot has asked for that kind."""
        with self._changed:
            if self._allowed is not None and kind not in self._allowed:
                return
            self._last_id += 1
            self._waiting.append({"update_id": self._last_id, kind: dict(content)})
            self._changed.notify_all()

    def number_anew(self, first_id: int) -> None:
        """Number updates from another id, as Telegram does after a week without any."""
        with self._changed:
            self._waiting.clear()
            self._last_id = first_id - 1

    def poll(self, fields: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """Return the updates from ``offset`` on, waiting for one; ``None`` where another request came meanwhile."""
        offset = int(fields["offset"]) if "offset" in fields else None
        limit = int(fields.get("limit", MOST_UPDATES))
        with self._changed:
            self._polls += 1
            mine = self._polls
            self.offsets.append(offset)
            if "allowed_updates" in fields:
                self._allowed = frozenset(json.loads(fields["allowed_updates"])) or None
            self._confirm(offset or 0)
            self._changed.notify_all()
            seconds = min(int(fields.get("timeout", 0)), _LONGEST_WAIT)
            self._changed.wait_for(lambda: self._waiting or self._polls != mine, seconds)
            return None if self._polls != mine else self._waiting[:limit]

    def release(self) -> None:
        """Let whoever waits go."""
        with self._changed:
            self._polls += 1
            self._changed.notify_all()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            self._waiting = self._waiting[offset:]
        elif offset <= self._last_id + _FAR_BEYOND:
            self._waiting = [update for update in self._waiting if update["update_id"] >= offset]
