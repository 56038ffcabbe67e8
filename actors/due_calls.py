"""What a contact is to be called about, and its wait for a line."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pykka
import structlog

from actors.event import Tell, tell_if_alive
from actors.line_messages import AskForLine, WaitedForLine, WithdrawRequest
from actors.messages import EventChanged
from actors.timers import Timer, Timers
from gateway.model.attempt import AttemptState
from gateway.ports.clock import Clock
from gateway.ports.record import Record
from gateway.services import calls
from gateway.services.call_safety import CallGuard
from gateway.services.line_requests import wanted_line

log = structlog.get_logger(__name__)

NO_FREE_LINE = "no_free_line"


@dataclass(slots=True)
class _DueCall:
    """An attempt's event; since when a line is asked for; whether a trunk was in trouble for the attempt."""

    event_id: int
    asked_at: datetime | None = None
    tried: bool = False


class DueCalls:
    """The attempts of one contact that wait to be dialled. Used by the contact's actor alone.

    ``me`` is that actor, which is told of granted lines. Lines that are merely busy are waited for up to ``line_wait``;
    then the ladder goes on.
    """

    def __init__(
        self,
        *,
        contact_id: int,
        me: "pykka.ActorRef[Any]",
        record: Record,
        clock: Clock,
        timers: Timers,
        dispatcher: Tell,
        switchboard: Tell,
        guard: CallGuard | None,
        line_wait: timedelta,
    ) -> None:
        self._contact_id = contact_id
        self._me = me
        self._record = record
        self._clock = clock
        self._timers = timers
        self._dispatcher = dispatcher
        self._switchboard = switchboard
        self._guard = guard
        self._line_wait = line_wait
        self._due: dict[int, _DueCall] = {}
        self._asking = False
        self._timer: Timer | None = None

    @property
    def attempt_ids(self) -> tuple[int, ...]:
        """The attempts."""
        return tuple(sorted(self._due))

    @property
    def event_ids(self) -> tuple[int, ...]:
        """Their events."""
        return tuple(sorted({due.event_id for due in self._due.values()}))

    def add(self, attempt_id: int, event_id: int) -> None:
        """Enter an attempt."""
        self._due[attempt_id] = _DueCall(event_id)

    def drop(self, attempt_ids: Collection[int]) -> None:
        """Strike out attempts that turned out to be over, and have their events looked at."""
        self._tell_changed(self._take(attempt_ids))

    def drop_event(self, event_id: int) -> None:
        """Strike out what is due for an event."""
        self._take([attempt_id for attempt_id, due in self._due.items() if due.event_id == event_id])
        if self._asking:
            self.ask()

    def ask(self) -> None:
        """Ask for a line for what is due; anew where that has changed, and not any more where nothing is."""
        wanted = None
        if self._due:
            now = self._clock.now()
            events = {attempt_id: due.event_id for attempt_id, due in self._due.items()}
            wanted = wanted_line(self._record, contact_id=self._contact_id, due=events, guard=self._guard, at=now)
            self.drop(self._due.keys() - wanted.attempt_ids)
            for attempt_id, due in self._due.items():
                due.asked_at = due.asked_at or now
                due.tried = attempt_id in wanted.tried
        if wanted is not None and wanted.request is not None:
            self._asking = True
            self._switchboard(AskForLine(wanted.request, self._me))
            self._wait()
        elif self._asking:
            self._asking = False
            self._switchboard(WithdrawRequest(self._contact_id))

    def granted(self) -> None:
        """Take note that the contact's actor has a line."""
        self._asking = False

    def refused(self, reason: str) -> None:
        """Let the ladder go on, as no trunk can carry the call."""
        if self._asking:
            self._asking = False
            # What fell due meanwhile, and that no trunk was tried for, may yet be carried.
            self.give_up([key for key, due in self._due.items() if due.tried] or list(self._due), reason)
            self.ask()

    def waited(self) -> None:
        """Let the ladder go on where lines have been busy for too long."""
        if self._asking:
            now = self._clock.now()
            over = [key for key, due in self._due.items() if due.asked_at and now - due.asked_at >= self._line_wait]
            self.give_up(over, NO_FREE_LINE)
            self.ask()

    def give_up(self, attempt_ids: Collection[int], reason: str) -> None:
        """Record that nobody could place these calls; the ladder goes on, and tries again with a growing pause."""
        if not attempt_ids:
            return
        log.warning("call_not_placed", contact_id=self._contact_id, reason=reason, attempt_ids=attempt_ids)
        calls.settle_attempts(
            self._record,
            attempt_ids=attempt_ids,
            state=AttemptState.UNAVAILABLE,
            reason=reason,
            at=self._clock.now(),
        )
        self.drop(attempt_ids)

    def dialled(self, attempt_ids: Collection[int]) -> timedelta:
        """Strike out what is dialled and return how long it had to wait; what is left begins to wait anew."""
        waited = self._longest_wait()
        self._take(attempt_ids)
        for due in self._due.values():
            due.asked_at = None
        return waited

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        me, left = self._me, self._line_wait - self._longest_wait()
        self._timer = self._timers.after(left, lambda: tell_if_alive(me, WaitedForLine()))

    def _longest_wait(self) -> timedelta:
        now = self._clock.now()
        return max((now - due.asked_at for due in self._due.values() if due.asked_at is not None), default=timedelta())

    def _take(self, attempt_ids: Collection[int]) -> set[int]:
        return {self._due.pop(attempt_id).event_id for attempt_id in attempt_ids if attempt_id in self._due}

    def _tell_changed(self, event_ids: Iterable[int]) -> None:
        for event_id in event_ids:
            self._dispatcher(EventChanged(event_id))
