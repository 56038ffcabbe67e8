"""The dead man's switch: an address that is fetched as long as the engine does its work, and not a moment longer."""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from http import HTTPStatus

import requests
import structlog

from actors.timers import Timers

log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 5.0


class HeartbeatUrl:
    """Fetches ``url`` every so often while ``is_well``; silence is what raises the alarm, at whoever watches it.

    The address often is a secret, so it is not logged.
    """

    def __init__(
        self, url: str, *, every: timedelta, is_well: Callable[[], bool], executor: Executor, timers: Timers
    ) -> None:
        self._url = url
        self._every = every
        self._is_well = is_well
        self._executor = executor
        self._timers = timers

    def start(self) -> None:
        """Fetch it soon, and again and again until the timers are stopped."""
        self._timers.after(self._every, self.start)
        self._executor.submit(self.beat)

    def beat(self) -> bool:
        """Fetch it if all is well; tell whether it was reached."""
        if not self._is_well():
            log.warning("heartbeat_withheld")
            return False
        try:
            with requests.get(self._url, timeout=_TIMEOUT_SECONDS, stream=True) as answer:
                reached = answer.status_code < HTTPStatus.BAD_REQUEST
                reason = f"HTTP {answer.status_code}"
        except requests.RequestException as error:
            reached, reason = False, type(error).__name__
        if not reached:
            log.warning("heartbeat_url_not_reached", reason=reason)
        return reached
