"""The calls of one Asterisk: from orders and AMI events to reports."""

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path

import structlog

from gateway.channels.asterisk.ami_events import (
    AMIEvent,
    ChannelHungUp,
    ChannelSeen,
    ContactSeen,
    MessageUnspoken,
    OriginateReported,
    RegistrySeen,
)
from gateway.channels.asterisk.ami_values import UnsafeValueError, channel_id, checked_call_id, checked_number
from gateway.channels.asterisk.book import CallMemory, LegBook
from gateway.channels.asterisk.connection import AMIConnection, NodeHealth
from gateway.channels.asterisk.dialler import LegDialler
from gateway.channels.asterisk.dialling import TrunkPace
from gateway.channels.asterisk.forgetting import Forgetting
from gateway.channels.asterisk.leg import Leg, trunk_of
from gateway.channels.asterisk.orders import LegOrders
from gateway.channels.asterisk.search import LegSearch
from gateway.channels.asterisk.sounds import Shelf, SoundShelf
from gateway.channels.asterisk.sounds_http import SentSounds
from gateway.channels.asterisk.tasks import Tasks
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.channels.asterisk.trunk_states import TrunkListener, TrunkStates
from gateway.config.schema import NodeConfig, TrunkConfig
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import (
    TONES_PLAYED,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    PhoneListener,
    PhoneNodeDown,
    PhoneNodeUp,
    SoundsMissing,
)

log = structlog.get_logger(__name__)

_LONGEST_QUEUE = 1000


class PhoneNode:
    """One Asterisk and its legs. Everything happens on the loop's thread; only ``is_ready`` and ``health`` are read
    from others.
    """  # noqa: D205 (one sentence of meaning is longer than a line)

    def __init__(
        self,
        *,
        node: NodeConfig,
        trunks: Sequence[TrunkConfig],
        secret: str,
        listener: PhoneListener,
        clock: Clock,
        timings: AsteriskTimings,
        io: Executor,
        trunk_listener: TrunkListener = lambda _: None,
    ) -> None:
        self.name = node.name
        self.is_ready = False
        self._clock = clock
        self._timings = timings
        wideband = any(trunk.wideband for trunk in trunks)
        self._shelf: Shelf = (
            SentSounds(node, secret, wideband=wideband)
            if node.sounds == "http"
            else SoundShelf(node.sounds_dir, wideband=wideband)
        )
        self._connection = AMIConnection(node=node, secret=secret, timings=timings, clock=clock, listener=self)
        self._paces = {
            trunk.name: TrunkPace(trunk, start=self._start, longest_queue=_LONGEST_QUEUE) for trunk in trunks
        }
        self._tasks = Tasks()
        self._book = LegBook(listener=listener, clock=clock, timings=timings, paces=self._paces, overdue=self._overdue)
        self._search = LegSearch(
            connection=self._connection, book=self._book, clock=clock, timings=timings, live=self._found_live
        )
        self._orders = LegOrders(
            connection=self._connection, book=self._book, tasks=self._tasks, shelf=self._shelf, io=io
        )
        self._dialler = LegDialler(
            connection=self._connection,
            book=self._book,
            trunks=trunks,
            shelf=self._shelf,
            io=io,
            clock=clock,
            seek=self._seek,
            node=self.name,
        )
        self._states = TrunkStates(
            connection=self._connection, tasks=self._tasks, trunks=trunks, listener=trunk_listener
        )
        self._forgetting = Forgetting(connection=self._connection, tasks=self._tasks)
        # Legs unknown here that somebody wants hung up: they may yet be found by a look-up.
        self._hang_ups = CallMemory()
        self._connections = 0

    async def run(self) -> None:
        """Keep the node connected until cancelled."""
        try:
            await self._connection.run()
        finally:
            self.is_ready = False
            self._tasks.cancel()

    def health(self) -> NodeHealth:
        """Return how the connection is."""
        connection = self._connection
        return NodeHealth(
            node=self.name,
            connected=connection.is_up,
            ready=self.is_ready,
            since=connection.since,
            last_error=connection.last_error,
        )

    def knows(self, call_id: str) -> bool:
        """Whether the leg is, or lately was, this node's."""
        return call_id in self._book or call_id in self._book.ended

    # What is ordered.

    def place(self, order: CallOrder) -> None:
        """Dial, as soon as the trunk's pace permits."""
        call_id = order.call_id
        if call_id in self._book:
            log.warning("call_placed_twice", call_id=call_id)
            return
        leg = Leg(call_id=call_id, ring_timeout=order.ring_timeout, trunk=order.trunk, rang=False)
        try:
            checked_call_id(call_id)
            checked_number(order.to_number)
        except UnsafeValueError as error:
            log.error("call_refused", call_id=call_id, reason=str(error))  # noqa: TRY400 (the reason is all there is)
            self._book.tell(CallEnded(call_id=call_id, at=self._clock.now(), outcome=CallOutcome.INVALID_NUMBER))
            return
        self._hang_ups.take(call_id)
        if not self.is_ready:
            self._book.end_as(leg, CallOutcome.TRUNK_TROUBLE)
            return
        self._book.open(leg)
        if not self._paces[order.trunk].add(order):
            log.warning("trunk_queue_full", trunk=order.trunk, call_id=call_id)
            self._book.end_as(leg, CallOutcome.TRUNK_TROUBLE)

    def hang_up(self, call_id: str) -> None:
        """End a leg, as soon as it can be reached."""
        leg = self._book.get(call_id)
        if leg is not None:
            leg.hang_up_wanted = True
            if leg.sent:
                self._orders.hang_up(leg.channel or channel_id(call_id))
            else:
                self._book.end_as(leg, CallOutcome.CANCELLED)
        elif call_id not in self._book.ended:
            try:
                channel = channel_id(call_id)
            except UnsafeValueError:
                return
            # Perhaps a leg of an earlier life of the gateway, which is yet to be looked up.
            self._hang_ups.add(call_id)
            self._orders.hang_up(channel)

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Play the last word to a live leg; one that nobody has answered is hung up."""
        leg = self._book.get(call_id)
        if leg is None:
            log.debug("call_over_before_last_word", call_id=call_id)
        elif leg.sought or not self._connection.is_up:
            leg.last_word = sound
        elif leg.answered_at is None:
            self.hang_up(call_id)
        else:
            self._orders.say(leg, sound)

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        """Tell a live leg that its PIN is not right. Where the connection is lost, the PIN is told again after that."""
        leg = self._book.get(call_id)
        if leg is not None and self._connection.is_up:
            self._orders.refuse_pin(leg, again=again)

    def look_up(self, call_ids: Collection[str]) -> None:
        """Find out about legs; after this the node takes orders."""
        self._tasks.start(self._look_up(frozenset(call_ids)))

    def forget(self, call_id: str) -> None:
        """Drop what the node keeps of a leg, now or when it is connected."""
        self._forgetting.add(call_id)

    # What the connection tells.

    def connected(self) -> None:
        """Take note that the node can be asked; its unfinished legs are to be looked up."""
        self._connections += 1
        self._forgetting.go_on()
        self._book.tell(PhoneNodeUp(self.name))

    def disconnected(self, reason: str) -> None:
        """End what was not sent yet; keep the legs that are under way there."""
        self.is_ready = False
        for pace in self._paces.values():
            pace.clear()
        for leg in list(self._book.values()):
            self._book.disarm(leg)
            leg.out_of_sight = True
            if not leg.sent:
                self._book.end_as(leg, CallOutcome.TRUNK_TROUBLE)
        self._book.tell(PhoneNodeDown(self.name, reason))

    def event(self, event: AMIEvent) -> None:
        """Take an AMI event."""
        leg = self._book.get(getattr(event, "call_id", ""))
        if leg is None:
            self._stray(event)
            return
        match event:
            case ChannelSeen():
                self._seen(leg, event)
            case OriginateReported():
                self._originate_reported(leg, event)
            case ChannelHungUp():
                self._hung_up(leg, event)
            case MessageUnspoken():
                log.error("call_without_words", call_id=leg.call_id, node=self.name, advice="run tocsin doctor")
                self._book.tell(SoundsMissing(leg.call_id, self._clock.now(), self.name, TONES_PLAYED))
            case _:
                self._book.note(leg, event)

    def _stray(self, event: AMIEvent) -> None:
        if isinstance(event, ContactSeen | RegistrySeen):
            self._states.seen(event)
        elif isinstance(event, ChannelSeen) and event.call_id in self._book.given_up:
            # It was reported as not dialled; should it ring now, another trunk may be ringing as well.
            log.warning("late_call_hung_up", call_id=event.call_id)
            self._orders.hang_up(event.channel)

    # Dialling.

    def _start(self, order: CallOrder) -> None:
        self._tasks.start(self._dialler.dial(order, self._book[order.call_id]))

    # Following.

    def _seen(self, leg: Leg, event: ChannelSeen) -> None:
        first, leg.channel = leg.channel is None, event.channel
        if first and leg.hang_up_wanted:
            self._orders.hang_up(event.channel)
        if first and not event.ringing and not event.up:
            leg.invited_at = event.at
        if event.ringing or event.up:
            leg.heard(event.at)
        if event.ringing:
            self._book.rings(leg)
        if event.up:
            self._book.answered(leg, None)

    def _originate_reported(self, leg: Leg, event: OriginateReported) -> None:
        if event.action_id != leg.action_id:
            return
        if event.answered:
            self._book.answered(leg, None)
            return
        leg.refused = True
        if leg.channel is None:
            self._seek(leg)
        else:
            # Its Hangup, which tells the causes, comes just before or after this.
            self._book.arm(leg, self._timings.end_after_report.total_seconds())

    def _hung_up(self, leg: Leg, event: ChannelHungUp) -> None:
        leg.hung_up = event
        if leg.sought:
            return
        if leg.out_of_sight:
            # It may have been answered, and keys pressed, before anybody listened again: its end comes after them.
            self._seek(leg)
        elif leg.rang is False and leg.timed_out(event) and not leg.hang_up_wanted and self._connection.is_up:
            # Nothing rang that was told here. The record knows of early media too (SIP 183), which is a ringing phone.
            self._seek(leg)
        else:
            self._book.end_by(leg, event)

    # Looking up.

    async def _look_up(self, call_ids: frozenset[str]) -> None:
        connection = self._connections
        legs = {leg.call_id: leg for leg in self._book.values() if leg.sent}
        for call_id in call_ids - self._book.keys():
            try:
                checked_call_id(call_id)
            except UnsafeValueError:
                self._book.tell(CallNeverDialled(call_id))
                continue
            leg = Leg(call_id=call_id, ring_timeout=self._timings.longest_call, sent=True, out_of_sight=True)
            leg.hang_up_wanted = self._hang_ups.take(call_id)
            self._book.open(leg)
            legs[call_id] = leg
        if await self._search.find(legs, ordered=False) and connection == self._connections and self._connection.is_up:
            self.is_ready = True
            self._states.ask()
            log.info("phone_node_ready", node=self.name, legs=len(self._book))

    def _overdue(self, leg: Leg) -> None:
        leg.watchdog = None
        log.info("call_looked_up", call_id=leg.call_id)
        self._seek(leg)

    def _seek(self, leg: Leg) -> None:
        """Look up one leg of our own; where the connection is lost, the look-up after the reconnect will tell."""
        if self._connection.is_up and not leg.sought:
            # Set here, so that what is told before the task begins is already kept for it.
            leg.sought = True
            self._tasks.start(self._seek_one(leg))

    async def _seek_one(self, leg: Leg) -> None:
        await self._search.find({leg.call_id: leg}, ordered=True)

    def _found_live(self, leg: Leg, channel: ChannelSeen) -> None:
        leg.trunk = leg.trunk or trunk_of(channel.channel)
        if pace := self._paces.get(leg.trunk or ""):
            pace.occupy(leg.call_id)
        if leg.hang_up_wanted:
            self._orders.hang_up(channel.channel)
        elif leg.last_word is not None:
            sound, leg.last_word = leg.last_word, None
            self.say_and_hang_up(leg.call_id, sound)
