"""OwnerActor: whose owners wait to be told what, and whose turn it is. Sending is done beside it, a few at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from actors.event import Tell, tell_if_alive
from actors.messages import EventChanged
from actors.pool import ActorPool, PooledActor
from actors.timers import Timer, Timers
from gateway.ports.clock import Clock
from gateway.ports.record import EscalationRecord, RecordUnavailableError
from gateway.services.advance import Begun
from gateway.services.owner_messages import MOST_TOGETHER, MessagePlace, Told

log = structlog.get_logger(__name__)

# What falls due so soon after a chat's last message goes together: owners are told of a storm, not buried by it. It
# also leaves a group turns for edits, of the 20 a minute that Telegram grants it.
_GATHER = timedelta(seconds=5)
_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class TellOwner:
    """Have the owner told of an event, by an attempt that is on record."""

    begun: Begun
    escalation: EscalationRecord


@dataclass(frozen=True, slots=True)
class LookForEdits:
    """Look for messages that do not show how things stand; ``regular``: and again a little later."""

    regular: bool = False


@dataclass(frozen=True, slots=True)
class EditsFound:
    """These messages are to be edited."""

    places: tuple[MessagePlace, ...]


@dataclass(frozen=True, slots=True)
class ChatDue:
    """It may be this chat's turn."""

    chat: str


@dataclass(frozen=True, slots=True)
class ChatServed:
    """What was sent or edited in this chat is done with."""

    chat: str


class Desk(Protocol):
    """Who sends and edits: ``gateway.services.owner_messages.OwnerDesk``."""

    def turn(self, chat: str) -> timedelta:
        """Take a turn, or say how long to wait for one."""
        ...

    def tell(self, told: Sequence[Told]) -> None:
        """Send one message."""
        ...

    def put_off(self, told: Sequence[Told], reason: str) -> None:
        """Record that these could not be sent in time."""
        ...

    def due(self) -> Sequence[MessagePlace]:
        """Return what is to be edited."""
        ...

    def refresh(self, place: MessagePlace) -> None:
        """Edit one message."""
        ...


class OwnerActor(PooledActor):
    """Keeps a queue for each owner's chat, and serves a chat at its turns: new messages first, then edits.

    What it holds is on record as pending: should it be lost, the ladder has the owner told again.
    """

    def __init__(
        self,
        *,
        pool: ActorPool,
        clock: Clock,
        timers: Timers,
        executor: Executor,
        desk: Desk,
        dispatcher: Tell,
        most_at_once: int,
        on_broken: Callable[[], None],
    ) -> None:
        super().__init__(pool=pool)
        self._clock = clock
        self._timers = timers
        self._executor = executor
        self._desk = desk
        self._dispatcher = dispatcher
        self._most_at_once = most_at_once
        self._on_broken = on_broken
        self._waiting: dict[str, list[Told]] = {}
        self._edits: dict[str, dict[MessagePlace, None]] = {}
        self._serving: set[str] = set()
        self._editing: set[MessagePlace] = set()
        self._not_before: dict[str, datetime] = {}
        self._timer_of: dict[str, Timer] = {}
        self._looking = False

    def on_start(self) -> None:
        """Look what was left to be edited, now and every second."""
        self._look(again=True)

    def on_receive(self, message: object) -> None:
        """Queue what comes, and serve whose turn it is."""
        match message:
            case TellOwner(begun, escalation):
                chat = escalation.snapshot.owner_telegram or ""
                self._waiting.setdefault(chat, []).append((begun, escalation))
                self._find_out_anew(chat)
            case LookForEdits(regular):
                self._look(again=regular)
            case EditsFound(places):
                self._looking = False
                self._edit([place for place in places if place not in self._editing])
            case ChatDue(chat):
                self._timer_of.pop(chat, None)
                self._serve(chat)
            case ChatServed(chat):
                self._serving.discard(chat)
                self._editing = {place for place in self._editing if place.chat != chat}
                self._serve_all()

    def on_fault(self, error: BaseException) -> None:
        """Have another one started."""
        log.error("owner_actor_failed", exc_info=error)
        for timer in self._timer_of.values():
            timer.cancel()
        self._on_broken()

    def _find_out_anew(self, chat: str) -> None:
        if (timer := self._timer_of.pop(chat, None)) is not None:
            timer.cancel()
        self._serve(chat)

    def _edit(self, places: Sequence[MessagePlace]) -> None:
        for place in places:
            self._edits.setdefault(place.chat, {})[place] = None
        for chat in dict.fromkeys(place.chat for place in places):
            self._serve(chat)

    def _serve_all(self) -> None:
        for chat in [*self._waiting, *(chat for chat in self._edits if chat not in self._waiting)]:
            self._serve(chat)

    def _serve(self, chat: str) -> None:
        """Send or edit one message of the chat's, if it is its turn."""
        if chat in self._serving or chat in self._timer_of or len(self._serving) >= self._most_at_once:
            return
        waiting = self._waiting.get(chat, [])
        if not waiting and not self._edits.get(chat):
            return
        now = self._clock.now()
        wait = self._gathering(chat, waiting, now) or self._desk.turn(chat)
        late = [one for one in waiting if _is_late(one, now + wait)]
        if wait and late:
            self._put_off(chat, late, wait)
        if wait:
            self._come_back(chat, wait)
        elif waiting:
            self._send(chat, waiting, now)
        else:
            place = next(iter(self._edits[chat]))
            self._editing.add(place)
            del self._edits[chat][place]
            if not self._edits[chat]:
                del self._edits[chat]
            self._submit(chat, lambda: self._desk.refresh(place), ())

    def _gathering(self, chat: str, waiting: Sequence[Told], now: datetime) -> timedelta:
        """Return how long to wait for others to go together with these: not so long that the first would be late."""
        if not waiting:
            return timedelta()
        until = self._not_before.get(chat, now)
        begun, _ = waiting[0]
        if begun.attempt.deadline_at is not None:
            until = min(until, begun.attempt.began_at + (begun.attempt.deadline_at - begun.attempt.began_at) / 2)
        return max(until - now, timedelta())

    def _send(self, chat: str, waiting: Sequence[Told], now: datetime) -> None:
        license_id = waiting[0][1].event.license_id
        together = [one for one in waiting if one[1].event.license_id == license_id][:MOST_TOGETHER]
        taken = {id(one) for one in together}
        self._leave(chat, [one for one in waiting if id(one) not in taken])
        self._not_before = {each: until for each, until in self._not_before.items() if until > now}
        self._not_before[chat] = now + _GATHER
        self._submit(chat, lambda: self._desk.tell(together), [begun.attempt.event_id for begun, _ in together])

    def _put_off(self, chat: str, late: Sequence[Told], wait: timedelta) -> None:
        taken = {id(one) for one in late}
        self._leave(chat, [one for one in self._waiting[chat] if id(one) not in taken])
        reason = f"flood control: {wait.total_seconds():.0f} s until the next message to this chat"

        def put_off() -> None:
            self._desk.put_off(late, reason)
            for begun, _ in late:
                self._dispatcher(EventChanged(begun.attempt.event_id))

        self._elsewhere(put_off)

    def _leave(self, chat: str, rest: list[Told]) -> None:
        if rest:
            self._waiting[chat] = rest
        else:
            self._waiting.pop(chat, None)

    def _submit(self, chat: str, work: Callable[[], None], event_ids: Sequence[int]) -> None:
        """Do it elsewhere; whatever happens, the chat is served again, and the events' actors look at the record."""
        self._serving.add(chat)
        ref = self.actor_ref

        def do() -> None:
            try:
                work()
            finally:
                tell_if_alive(ref, ChatServed(chat))
                for event_id in event_ids:
                    self._dispatcher(EventChanged(event_id))

        self._elsewhere(do)

    def _come_back(self, chat: str, wait: timedelta) -> None:
        if not self._waiting.get(chat) and not self._edits.get(chat):
            return
        ref = self.actor_ref
        self._timer_of[chat] = self._timers.after(wait, lambda: tell_if_alive(ref, ChatDue(chat)))

    def _look(self, *, again: bool) -> None:
        ref = self.actor_ref
        if again:
            self._timers.after(_LOOK_EVERY, lambda: tell_if_alive(ref, LookForEdits(regular=True)))
        if self._looking:
            return
        self._looking = True

        def look() -> None:
            places: Sequence[MessagePlace] = ()
            try:
                places = self._desk.due()
            except RecordUnavailableError as error:
                log.warning("record_unavailable", error=str(error), waiting="owners' messages")
            finally:
                tell_if_alive(ref, EditsFound(tuple(places)))

        self._elsewhere(look)

    def _elsewhere(self, work: Callable[[], None]) -> None:
        # An executor that takes nothing any more is that of an engine that stops.
        with suppress(RuntimeError):
            self._executor.submit(_logged(work))


def _is_late(told: Told, at: datetime) -> bool:
    deadline_at = told[0].attempt.deadline_at
    return deadline_at is not None and deadline_at <= at


def _logged(work: Callable[[], None]) -> Callable[[], None]:
    def logged() -> None:
        try:
            work()
        except RecordUnavailableError as error:
            log.warning("record_unavailable", error=str(error), waiting="owners' messages")
        except Exception:
            # Nobody waits for this work's future: what it raises would be lost.
            log.exception("owner_work_failed")

    return logged
