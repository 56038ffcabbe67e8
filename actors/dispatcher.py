"""DispatcherActor: keeps one actor for every open event and routes what comes back."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pykka
import structlog

from actors.event import Tell, tell_if_alive
from actors.messages import (
    ActorFailed,
    CallOverdue,
    CallPrepared,
    CallsUnknown,
    CheckCalls,
    EventChanged,
    EventFinished,
    GiveUpTrial,
    LookForSignals,
    PhoneReported,
    PlaceCall,
    RoutePostponed,
    SayWhoLives,
    StartAgain,
    TakeUp,
    TakeUpEverything,
    TrialPrepared,
    TryCall,
    WhoLives,
    Withdraw,
)
from actors.pool import ActorPool, PooledActor
from actors.supervision import Restarts
from actors.timers import Timers
from gateway.ports.clock import Clock
from gateway.ports.phone import CallEnded, Phone, PhoneNodeDown, PhoneNodeUp, PhoneReport
from gateway.ports.record import Record, RecordUnavailableError, SignalKind
from gateway.services import call_queries, escalate, provider_calls
from gateway.services.advance import Surveyed, survey

log = structlog.get_logger(__name__)

Ref = pykka.ActorRef[Any]
NewActor = Callable[[int], Ref]
NewEventActor = Callable[[int, Surveyed | None], Ref]

_SIGNALS_AT_ONCE = 1000
_TAKEN_UP_AT_ONCE = 500
_RETRY = timedelta(seconds=1)


class DispatcherActor(PooledActor):
    """The parent of all event and contact actors, and the only one who knows where they are."""

    def __init__(
        self,
        *,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        phone: Phone,
        new_event_actor: NewEventActor,
        new_contact_actor: NewActor,
        on_broken: Callable[[], None],
        on_taken_up: Callable[[], None] = lambda: None,
        auditor: Tell | None = None,
    ) -> None:
        super().__init__(pool=pool)
        self._record = record
        self._clock = clock
        self._timers = timers
        self._phone = phone
        self._new_event_actor = new_event_actor
        self._new_contact_actor = new_contact_actor
        self._on_broken = on_broken
        self._on_taken_up = on_taken_up
        self._auditor = auditor
        self._events: dict[int, Ref] = {}
        self._contacts: dict[int, Ref] = {}
        self._contact_of_call: dict[str, int] = {}
        self._restarts = Restarts()
        self._postponed: deque[object] = deque()  # what could not be routed for want of the record, in its order
        self._awaits_record = False
        self._pausing: set[tuple[str, int | None]] = set()  # failed, and started again after a pause

    @property
    def open_events(self) -> int:
        """How many events have an actor."""
        return len(self._events)

    def on_receive(self, message: object) -> None:
        """Route a message. Without the database nothing is decided: what needs it waits, and keeps its order."""
        if isinstance(message, SayWhoLives | CallsUnknown):
            self._tell_auditor(message)
            return
        if isinstance(message, RoutePostponed):
            self._awaits_record = False
        elif not isinstance(message, LookForSignals):
            self._postponed.append(message)
            if len(self._postponed) > 1:
                return
        try:
            while self._postponed:
                self._route(self._postponed[0])
                self._postponed.popleft()
            if isinstance(message, LookForSignals):
                self._look_for_signals()
        except RecordUnavailableError as error:
            log.warning("record_unavailable", error=str(error), postponed=len(self._postponed))
            if self._postponed and not self._awaits_record:
                self._awaits_record = True
                ref = self.actor_ref
                self._timers.after(_RETRY, lambda: tell_if_alive(ref, RoutePostponed()))

    def on_fault(self, error: BaseException) -> None:
        """Without a dispatcher nothing moves: have the process end, its successor starts from the record."""
        log.error("dispatcher_failed", exc_info=error)
        self._on_broken()

    def _route(self, message: object) -> None:
        match message:
            case TakeUpEverything() | TakeUp():
                self._take_up(self._unfinished() if isinstance(message, TakeUpEverything) else message.event_ids)
            case EventChanged(event_id):
                self._tell_event(event_id, message)
            case PlaceCall(contact_id) | Withdraw(contact_id) | CheckCalls(contact_id) | CallOverdue(contact_id):
                self._tell_contact(contact_id, message)
            case CallPrepared() | TryCall() | GiveUpTrial() | TrialPrepared():
                self._tell_contact(message.contact_id, message)
            case PhoneReported(report):
                self._phone_reported(report)
            case EventFinished(event_id):
                self._let_go(event_id)
                self._restarts.forget(("event", event_id))
            case ActorFailed():
                self._actor_failed(message)
            case StartAgain(event_id, contact_id):
                self._start_again(event_id, contact_id)

    def _unfinished(self) -> tuple[int, ...]:
        """Start the actors of those who are being called, and return the events that are to be taken up."""
        with self._record.read() as work:
            event_ids = work.events.unfinished_ids()
            legs = work.calls.unfinished()
        log.info("escalations_to_take_up", events=len(event_ids), calls=len(legs))
        for leg in legs:
            self._contact_of_call[leg.id] = leg.contact_id
            self._contact(leg.contact_id)
        return tuple(event_ids)

    def _take_up(self, event_ids: tuple[int, ...]) -> None:
        """Start the actors of the first of these events; the rest comes after whatever else was told meanwhile."""
        now, later = event_ids[:_TAKEN_UP_AT_ONCE], event_ids[_TAKEN_UP_AT_ONCE:]
        self._start_surveyed(now)
        if later:
            tell_if_alive(self.actor_ref, TakeUp(later))
        else:
            log.info("escalations_taken_up", events=len(self._events))
            self._on_taken_up()

    def _start_surveyed(self, event_ids: Iterable[int]) -> None:
        """Start actors that know from the record how long their events have waited."""
        missing = [event_id for event_id in event_ids if event_id not in self._events]
        for surveyed in survey(self._record, missing, self._clock.now()) if missing else ():
            self._events[surveyed.event_id] = self._new_event_actor(surveyed.event_id, surveyed)

    def _look_for_signals(self) -> None:
        while True:
            with self._record.read() as work:
                signals = work.signals.pending(_SIGNALS_AT_ONCE)
            if not signals:
                return
            # Alerts that came in while no engine ran are here, too: not all of them are new.
            self._start_surveyed(
                dict.fromkeys(signal.event_id for signal in signals if signal.kind is SignalKind.EVENT_OPENED)
            )
            changed = (signal.event_id for signal in signals if signal.kind is not SignalKind.EVENT_OPENED)
            for event_id in dict.fromkeys(changed):
                self._tell_event(event_id, EventChanged(event_id))
            for call_id in dict.fromkeys(signal.call_id for signal in signals if signal.call_id is not None):
                for report in provider_calls.reports_of(self._record, call_id):
                    self._phone_reported(report)
            with self._record.write() as work:
                work.signals.remove([signal.id for signal in signals])
                work.commit()
            if len(signals) < _SIGNALS_AT_ONCE:
                # Whoever leaves another one wakes us after the commit.
                return

    def _phone_reported(self, report: PhoneReport) -> None:
        if isinstance(report, PhoneNodeUp):
            legs = call_queries.unfinished(self._record, node=report.node)
            log.info("phone_node_up", node=report.node, unfinished_calls=len(legs))
            for leg in legs:
                self._contact_of_call[leg.id] = leg.contact_id
                self._contact(leg.contact_id)
            self._phone.look_up(report.node, [leg.id for leg in legs])
        elif isinstance(report, PhoneNodeDown):
            log.warning("phone_node_down", node=report.node, reason=report.reason)
        else:
            contact_id = self._contact_of(report.call_id)
            if contact_id is None:
                log.warning("report_about_unknown_call", call_id=report.call_id, report=type(report).__name__)
                return
            self._tell_contact(contact_id, PhoneReported(report))
            if isinstance(report, CallEnded):
                self._contact_of_call.pop(report.call_id, None)

    def _let_go(self, event_id: int) -> None:
        ref = self._events.pop(event_id, None)
        if ref is not None:
            # What it was told before this message it handles before it stops.
            ref.stop(block=False)

    def _contact_of(self, call_id: str) -> int | None:
        if call_id not in self._contact_of_call:
            call = call_queries.find(self._record, call_id)
            if call is None:
                return None
            self._contact_of_call[call_id] = call.contact_id
        return self._contact_of_call[call_id]

    def _actor_failed(self, failed: ActorFailed) -> None:
        key, event_id, contact_id = _key(failed), failed.event_id, failed.contact_id
        if event_id is not None:
            self._events.pop(event_id, None)
        if contact_id is not None:
            self._contacts.pop(contact_id, None)
        pause = self._restarts.delay(key, self._clock.now())
        self._pausing.add(key)
        ref, again = self.actor_ref, StartAgain(event_id, contact_id)
        self._timers.after(pause, lambda: tell_if_alive(ref, again))
        for concerned in failed.concerned_events:
            try:
                escalate.note_fault(self._record, event_id=concerned, what=failed.error, at=self._clock.now())
            except RecordUnavailableError as error:
                log.warning("fault_not_recorded", event_id=concerned, error=str(error))

    def _start_again(self, event_id: int | None, contact_id: int | None) -> None:
        self._pausing -= {("event", event_id), ("contact", contact_id)}
        if event_id is not None:
            self._event(event_id)
        if contact_id is not None:
            self._contact(contact_id)
            # The calls that it was asked for are on record with their events: those ask again.
            with self._record.read() as work:
                waiting = work.attempts.pending_calls(contact_id)
            for attempt in waiting:
                self._tell_contact(contact_id, PlaceCall(contact_id, attempt.event_id, attempt.id))

    def _tell_auditor(self, message: SayWhoLives | CallsUnknown) -> None:
        """Answer the auditor, or pass on to it what an actor found out for it."""
        if self._auditor is not None:
            self._auditor(self._who_lives() if isinstance(message, SayWhoLives) else message)

    def _who_lives(self) -> WhoLives:
        events, contacts = (
            frozenset(
                [number for number, ref in refs.items() if ref.is_alive()]
                + [number for of, number in self._pausing if of == kind and number is not None]
            )
            for kind, refs in (("event", self._events), ("contact", self._contacts))
        )
        return WhoLives(events, contacts)

    def _event(self, event_id: int) -> Ref:
        ref = self._events.get(event_id)
        if ref is None or not ref.is_alive():
            ref = self._events[event_id] = self._new_event_actor(event_id, None)
        return ref

    def _contact(self, contact_id: int) -> Ref:
        ref = self._contacts.get(contact_id)
        if ref is None or not ref.is_alive():
            ref = self._contacts[contact_id] = self._new_contact_actor(contact_id)
        return ref

    def _tell_event(self, event_id: int, message: object) -> None:
        ref = self._events.get(event_id)
        if ref is None or not ref.is_alive():
            self._event(event_id)
        else:
            tell_if_alive(ref, message)

    def _tell_contact(self, contact_id: int, message: object) -> None:
        tell_if_alive(self._contact(contact_id), message)


def _key(failed: ActorFailed) -> tuple[str, int | None]:
    return ("event", failed.event_id) if failed.event_id is not None else ("contact", failed.contact_id)
