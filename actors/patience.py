"""What an actor does while the record is away: it forgets nothing, and later does everything in its order."""

from collections import deque
from datetime import timedelta

import structlog

from actors.event import tell_if_alive
from actors.pool import ActorPool, PooledActor
from actors.timers import Timers
from gateway.ports.record import RecordUnavailableError

log = structlog.get_logger(__name__)

_RETRY = timedelta(seconds=1)


class BeginWork:
    """From a patient actor to itself, first of all."""


class TryAgain:
    """To a patient actor, by its own timer: perhaps the record is back."""


class PatientActor(PooledActor):
    """An actor that keeps what it could not record, and whatever came after it, until the record is back.

    Were it to fail instead, its successor would have to find out elsewhere what it was told, and might find a call's
    end before the key that was pressed in it. What raised ``RecordUnavailableError`` is done again: nobody knows then
    whether it was recorded or not.
    """

    def __init__(self, *, pool: ActorPool, timers: Timers) -> None:
        super().__init__(pool=pool)
        self._own_timers = timers
        self._kept: deque[object] = deque()
        self._late: list[object] = []  # handled since the record is back
        self._waiting = False

    def begin(self) -> None:
        """Take up what stands on record."""
        raise NotImplementedError

    def handle(self, message: object) -> None:
        """Handle a message."""
        raise NotImplementedError

    def recovered(self, messages: tuple[object, ...]) -> None:
        """Do what a second try of these messages may have left undone."""

    def on_start(self) -> None:
        """Begin, now or when the record is there."""
        self.on_receive(BeginWork())

    def on_receive(self, message: object) -> None:
        """Handle a message, now or in its turn."""
        if not isinstance(message, TryAgain):
            self._kept.append(message)
            if self._waiting:
                return
        try:
            self._handle_kept()
        except RecordUnavailableError as error:
            if not self._waiting:
                log.warning("record_unavailable", error=str(error), actor=str(self), message=type(message).__name__)
            self._waiting = True
            ref = self.actor_ref
            self._own_timers.after(_RETRY, lambda: tell_if_alive(ref, TryAgain()))

    def _handle_kept(self) -> None:
        while self._kept:
            message = self._kept[0]
            if isinstance(message, BeginWork):
                self.begin()
            else:
                self.handle(message)
            self._kept.popleft()
            if self._waiting:
                self._late.append(message)
        if self._waiting:
            self.recovered(tuple(self._late))
            log.info("record_back", actor=str(self), messages=len(self._late))
            self._late.clear()
            self._waiting = False
