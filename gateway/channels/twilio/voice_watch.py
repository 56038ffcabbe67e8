"""The legs at Twilio that are in progress, and when each is looked at next."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from gateway.channels.twilio.voice_leg import VoiceLeg


class LegWatch:
    """Keeps legs and has each looked at when its time has come. All methods may be called from any thread.

    ``look`` is called on a thread of the watch's own and must not block.
    """

    def __init__(self, *, look: Callable[[VoiceLeg], object], lost_after: timedelta) -> None:
        self._look = look
        self._lost_after = lost_after
        self._legs: dict[str, VoiceLeg] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="twilio-voice-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def add(self, leg: VoiceLeg) -> VoiceLeg:
        """Keep a leg, unless one of its id is kept already; return the one that is."""
        with self._changed:
            return self._legs.setdefault(leg.call_id, leg)

    def get(self, call_id: str) -> VoiceLeg | None:
        """Return a leg."""
        with self._changed:
            return self._legs.get(call_id)

    def remove(self, call_id: str) -> bool:
        """Keep a leg no more; tell whether it was kept."""
        with self._changed:
            return self._legs.pop(call_id, None) is not None

    def look_again(self, leg: VoiceLeg, seconds: float) -> None:
        """Have a leg looked at in so many seconds, or earlier where that is due already."""
        with self._changed:
            now = time.monotonic()
            leg.look_at = now + seconds if leg.look_at is None else min(now + seconds, leg.look_at)
            if leg.sid is None and leg.lost_at is None:
                leg.lost_at = now + self._lost_after.total_seconds()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                due = self._due()
                while not due and not self._stopped:
                    self._changed.wait(self._pause())
                    due = self._due()
                if self._stopped:
                    return
                for leg in due:
                    leg.look_at = None
            for leg in due:
                self._look(leg)

    def _due(self) -> list[VoiceLeg]:
        now = time.monotonic()
        return [leg for leg in self._legs.values() if leg.look_at is not None and leg.look_at <= now]

    def _pause(self) -> float | None:
        """Return the seconds until the next leg is due; ``None`` where none waits."""
        waiting = [leg.look_at for leg in self._legs.values() if leg.look_at is not None]
        return max(min(waiting) - time.monotonic(), 0) if waiting else None
