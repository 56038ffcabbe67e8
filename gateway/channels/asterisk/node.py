"""The legs of one Asterisk: from orders and AMI events to reports."""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Collection, Coroutine, Sequence
from concurrent.futures import Executor
from datetime import datetime
from pathlib import Path

import structlog

from gateway.channels.asterisk.adoption import LegRecord, erase_record, leg_record, live_channels
from gateway.channels.asterisk.ami_events import (
    AMIEvent,
    AnswerReported,
    ChannelHungUp,
    ChannelSeen,
    DialProgressed,
    KeyReported,
    OriginateReported,
)
from gateway.channels.asterisk.ami_values import UnsafeValueError, channel_id, checked_call_id, checked_number
from gateway.channels.asterisk.connection import AMIConnection, NodeHealth
from gateway.channels.asterisk.dialling import TrunkPace
from gateway.channels.asterisk.leg import Leg, trunk_of
from gateway.channels.asterisk.originate import PublishedSounds, originate_headers
from gateway.channels.asterisk.sounds import SoundShelf
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.channels.asterisk.wire import AMIConnectionLostError, AMINotConnectedError, AMITimeoutError
from gateway.config.schema import NodeConfig, TrunkConfig
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallNeverDialled,
    CallOrder,
    CallRinging,
    KeyPressed,
    PhoneListener,
    PhoneNodeDown,
    PhoneNodeUp,
    PhoneReport,
)

log = structlog.get_logger(__name__)

_LONGEST_QUEUE = 1000
_LONGEST_MEMORY = 10_000
_LOOK_UPS_AT_ONCE = 16
_OWN_TIME_OUT = (480, 19)  # TechCause and Cause
_NEARLY = 0.95  # Asterisk's clock and ours need not agree to the millisecond
_NO_RESULT = (AMIConnectionLostError, AMINotConnectedError, AMITimeoutError)


class _Memory(OrderedDict[str, None]):
    """The last so many call ids. The oldest give way."""

    def add(self, call_id: str) -> None:
        self[call_id] = None
        self.move_to_end(call_id)
        if len(self) > _LONGEST_MEMORY:
            self.popitem(last=False)

    def take(self, call_id: str) -> bool:
        """Remove an id and tell whether it was there."""
        if call_id not in self:
            return False
        del self[call_id]
        return True


class PhoneNode:
    """One Asterisk and its legs. Everything happens on the loop's thread; only ``is_ready`` is read from others."""

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
    ) -> None:
        self.name = node.name
        self._listener = listener
        self._clock = clock
        self._timings = timings
        self._io = io
        self._shelf = SoundShelf(node.sounds_dir)
        self._connection = AMIConnection(node=node, secret=secret, timings=timings, clock=clock, listener=self)
        self._paces = {
            trunk.name: TrunkPace(trunk, start=self._start, longest_queue=_LONGEST_QUEUE) for trunk in trunks
        }
        self._legs: dict[str, Leg] = {}
        self._ended = _Memory()
        self._given_up = _Memory()
        self._hang_ups = _Memory()
        self._to_forget = _Memory()
        self._forgetting = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._serial = itertools.count(1)
        self._generation = 0
        self.is_ready = False

    async def run(self) -> None:
        """Keep the node connected until cancelled."""
        try:
            await self._connection.run()
        finally:
            for task in self._tasks:
                task.cancel()

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
        return call_id in self._legs or call_id in self._ended

    # Orders.

    def place(self, order: CallOrder) -> None:
        """Dial, as soon as the trunk's pace permits."""
        if order.call_id in self._legs:
            log.warning("call_placed_twice", call_id=order.call_id)
            return
        leg = Leg(call_id=order.call_id, ring_timeout=order.ring_timeout, trunk=order.trunk, rang=False)
        try:
            checked_call_id(order.call_id)
            checked_number(order.to_number)
        except UnsafeValueError as error:
            log.error("call_refused", call_id=order.call_id, reason=str(error))  # noqa: TRY400 (the reason is all)
            self._tell(leg.ended(at=self._clock.now(), outcome=CallOutcome.INVALID_NUMBER))
            return
        if not self.is_ready:
            self._tell(leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))
            return
        self._hang_ups.take(order.call_id)
        self._given_up.take(order.call_id)
        self._ended.take(order.call_id)
        self._legs[order.call_id] = leg
        if not self._paces[order.trunk].add(order):
            log.warning("trunk_queue_full", trunk=order.trunk, call_id=order.call_id)
            self._end(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))

    def hang_up(self, call_id: str) -> None:
        """End a leg, as soon as it can be reached."""
        leg = self._legs.get(call_id)
        if leg is None:
            if call_id in self._ended:
                return
            # Perhaps a leg of an earlier life of the gateway, which will be looked up.
            self._hang_ups.add(call_id)
            self._hang_up_channel(channel_id(call_id))
            return
        leg.hang_up_wanted = True
        if leg.sent:
            self._hang_up_channel(leg.channel or channel_id(call_id))
        else:
            self._end(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.CANCELLED))

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Play the last word to a live leg; one that nobody has answered is hung up."""
        leg = self._legs.get(call_id)
        if leg is None:
            log.debug("call_over_before_last_word", call_id=call_id)
        elif leg.sought or not self._connection.is_up:
            leg.last_word = sound
        elif leg.answered_at is None:
            self.hang_up(call_id)
        else:
            self._run(self._say(leg, sound))

    def look_up(self, call_ids: Collection[str]) -> None:
        """Find out about legs; after this the node takes orders."""
        self._run(self._look_up_all(frozenset(call_ids)))

    def forget(self, call_id: str) -> None:
        """Drop what the node keeps of a leg, now or when it is connected."""
        self._to_forget.add(call_id)
        self._forget_on()

    # What the connection tells.

    def connected(self) -> None:
        """Take note that the node can be asked; its unfinished legs are to be looked up."""
        self._generation += 1
        self._forget_on()
        self._tell(PhoneNodeUp(self.name))

    def disconnected(self, reason: str) -> None:
        """End what was not sent yet; keep the legs that are under way there."""
        self._generation += 1
        self.is_ready = False
        for pace in self._paces.values():
            pace.clear()
        for leg in list(self._legs.values()):
            self._disarm(leg)
            if not leg.sent:
                self._end(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))
        self._tell(PhoneNodeDown(self.name, reason))

    def event(self, event: AMIEvent) -> None:  # noqa: C901 (one flat table of cases)
        """Take an AMI event."""
        call_id = getattr(event, "call_id", "")
        leg = self._legs.get(call_id)
        if leg is None:
            if isinstance(event, ChannelSeen) and call_id in self._given_up:
                # It was reported as not dialled; should it ring now, another trunk may be ringing as well.
                log.warning("late_call_hung_up", call_id=call_id)
                self._hang_up_channel(event.channel)
            return
        match event:
            case ChannelSeen():
                self._seen(leg, event)
            case DialProgressed():
                leg.rang = True
            case OriginateReported():
                self._originate_reported(leg, event)
            case AnswerReported(at=at):
                self._answered(leg, at)
            case KeyReported():
                self._key(event)
            case ChannelHungUp() if leg.sought:
                leg.hung_up = event
            case ChannelHungUp():
                self._hung_up(leg, event)
            case _:
                pass

    # Dialling.

    def _start(self, order: CallOrder) -> None:
        self._run(self._dial(order, self._legs[order.call_id]))

    async def _dial(self, order: CallOrder, leg: Leg) -> None:
        trunk = self._paces[order.trunk].trunk
        leg.action_id = f"originate-{next(self._serial)}-{order.call_id}"
        try:
            sounds = await asyncio.get_running_loop().run_in_executor(self._io, self._publish, order)
            headers = originate_headers(order, trunk, sounds, action_id=leg.action_id, now=self._clock.now())
        except (OSError, UnsafeValueError) as error:
            log.error("call_not_prepared", call_id=leg.call_id, reason=str(error))  # noqa: TRY400 (the reason is all)
            if self._legs.get(leg.call_id) is leg:
                self._end(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))
            return
        if self._legs.get(leg.call_id) is not leg:
            # It was hung up, or the connection was lost, while the sounds were laid out.
            return
        leg.sent = True
        leg.sent_at = asyncio.get_running_loop().time()
        log.info("call_dialled", call_id=leg.call_id, trunk=trunk.name)
        try:
            answer = await self._connection.act("Originate", headers)
        except (AMINotConnectedError, UnsafeValueError):
            if self._legs.get(leg.call_id) is leg:
                self._end(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))
        except AMIConnectionLostError:
            # It may ring. The look-up after the reconnect tells; it is not sent again.
            log.warning("call_unanswered_by_node", call_id=leg.call_id)
        except AMITimeoutError:
            log.warning("call_unanswered_by_node", call_id=leg.call_id)
            self._seek(leg)
        else:
            self._originate_answered(leg, success=answer.success, message=answer.message)

    def _publish(self, order: CallOrder) -> PublishedSounds:
        return PublishedSounds(self._shelf.put(order.announcement), self._shelf.put_prompts(order.prompts))

    def _originate_answered(self, leg: Leg, *, success: bool, message: str) -> None:
        if self._legs.get(leg.call_id) is not leg:
            return
        if success:
            if leg.watchdog is None and not leg.sought:
                self._arm(leg)
        elif "already" in message or "exists" in message:
            self._seek(leg)
        else:
            log.warning("originate_refused", call_id=leg.call_id, trunk=leg.trunk, reason=message)
            self._end(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))

    # Following.

    def _seen(self, leg: Leg, event: ChannelSeen) -> None:
        first = leg.channel is None
        leg.channel = event.channel
        if first and leg.hang_up_wanted:
            self._hang_up_channel(event.channel)
        if event.ringing:
            self._rings(leg)
        if event.up:
            self._answered(leg, None)

    def _rings(self, leg: Leg) -> None:
        leg.rang = True
        if not leg.ringing_told and leg.answered_at is None:
            leg.ringing_told = True
            self._tell(CallRinging(leg.call_id, self._clock.now()))

    def _answered(self, leg: Leg, at: datetime | None) -> None:
        if leg.answered_at is None:
            leg.answered_at = at or self._clock.now()
            log.info("call_answered", call_id=leg.call_id)
            self._tell(CallAnswered(leg.call_id, leg.answered_at))
            self._arm(leg)

    def _key(self, key: KeyReported) -> None:
        self._tell(KeyPressed(key.call_id, key.digit, key.sequence, key.at or self._clock.now()))

    def _originate_reported(self, leg: Leg, event: OriginateReported) -> None:
        if event.action_id != leg.action_id:
            return
        if event.answered:
            self._answered(leg, None)
            return
        leg.refused = True
        if leg.channel is None:
            self._seek(leg)
        else:
            # Its Hangup, which tells the causes, comes just before or after this.
            self._arm(leg, self._timings.end_after_report.total_seconds())

    def _hung_up(self, leg: Leg, event: ChannelHungUp) -> None:
        if leg.rang is False and self._is_our_doing(leg, event) and not leg.hang_up_wanted and not leg.sought:
            # Nothing rang that was told here. The record knows of early media too (SIP 183), which is a phone that rings.
            leg.hung_up = event
            self._seek(leg)
            return
        self._end(
            leg,
            leg.ended(
                at=self._clock.now(),
                hangup_cause=event.hangup_cause,
                sip_cause=None if self._is_our_doing(leg, event) else event.sip_cause,
            ),
        )

    def _is_our_doing(self, leg: Leg, event: ChannelHungUp) -> bool:
        """Whether we ended the leg, not the network.

        When our ring time-out ends a leg, or a hangup cancels it, Asterisk 22 sets ``TechCause`` by itself, to 480 and 19
        for the time-out, though the network never said so.
        """
        if leg.answered_at is not None:
            return False
        if leg.hang_up_wanted:
            return True
        if (event.sip_cause, event.hangup_cause) != _OWN_TIME_OUT or leg.sent_at is None:
            return False
        rung_for = asyncio.get_running_loop().time() - leg.sent_at
        return rung_for >= leg.ring_timeout.total_seconds() * _NEARLY

    def _end(self, leg: Leg, ended: CallEnded) -> None:
        self._drop(leg)
        log.info("call_ended", call_id=leg.call_id, outcome=ended.outcome.value, trunk=leg.trunk)
        self._tell(ended)

    def _drop(self, leg: Leg) -> None:
        self._disarm(leg)
        if self._legs.get(leg.call_id) is leg:
            del self._legs[leg.call_id]
        self._ended.add(leg.call_id)
        pace = self._paces.get(leg.trunk or "")
        if pace is not None:
            pace.remove(leg.call_id)
            pace.release(leg.call_id)

    # Looking up.

    async def _look_up_all(self, call_ids: frozenset[str]) -> None:
        generation = self._generation
        legs = {leg.call_id: leg for leg in self._legs.values() if leg.sent}
        for call_id in call_ids - self._legs.keys():
            try:
                checked_call_id(call_id)
            except UnsafeValueError:
                self._tell(CallNeverDialled(call_id))
                continue
            leg = Leg(call_id=call_id, ring_timeout=self._timings.longest_call, sent=True)
            leg.hang_up_wanted = self._hang_ups.take(call_id)
            self._ended.take(call_id)
            legs[call_id] = self._legs[call_id] = leg
        if await self._find(legs, ordered=False) and generation == self._generation and self._connection.is_up:
            self.is_ready = True
            log.info("phone_node_ready", node=self.name, legs=len(self._legs))

    def _seek(self, leg: Leg) -> None:
        """Look up one leg of our own; where the connection is lost, the look-up after the reconnect will tell."""
        if self._connection.is_up and not leg.sought:
            self._run(self._seek_one(leg))

    async def _seek_one(self, leg: Leg) -> None:
        await self._find({leg.call_id: leg}, ordered=True)

    async def _find(self, legs: dict[str, Leg], *, ordered: bool) -> bool:
        """Find out how legs stand and report it; false where that could not be done.

        A leg of which nothing conclusive is seen is looked for once more after a moment: its channel may end between
        the two questions, or be just about to begin.
        """
        for leg in legs.values():
            leg.sought = True
        try:
            if legs:
                for last in (False, True):
                    await self._find_once(legs, ordered=ordered, last=last)
                    if not legs:
                        break
                    await asyncio.sleep(self._timings.settle.total_seconds())
        except _NO_RESULT as error:
            log.warning("look_up_failed", node=self.name, reason=str(error))
            self._connection.drop(f"a look-up failed: {error}")
            return False
        finally:
            for leg in legs.values():
                leg.sought = False
        return True

    async def _find_once(self, legs: dict[str, Leg], *, ordered: bool, last: bool) -> None:
        channels = await live_channels(self._connection)
        for batch in _batches(sorted(legs), _LOOK_UPS_AT_ONCE):
            results = await asyncio.gather(
                *(leg_record(self._connection, call_id) for call_id in batch), return_exceptions=True
            )
            for call_id, record in zip(batch, results, strict=True):
                if isinstance(record, BaseException):
                    raise record
                leg = legs[call_id]
                if self._legs.get(call_id) is not leg or self._found(
                    leg, channels.get(call_id), record, ordered=ordered, last=last
                ):
                    del legs[call_id]

    def _found(self, leg: Leg, channel: ChannelSeen | None, record: LegRecord, *, ordered: bool, last: bool) -> bool:
        """Report a leg as it was found; false where that is not clear yet."""
        if leg.hung_up is not None or record.ended is not None:
            self._found_ended(leg, record)
        elif channel is not None:
            self._found_live(leg, channel, record, ordered=ordered)
        elif not last and not (leg.refused and not record.dialled):
            return False
        elif record.dialled:
            for key in record.keys:
                self._key(key)
            leg.answered_at = leg.answered_at or record.answered_at
            self._give_up(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.LOST))
        elif leg.hang_up_wanted:
            self._give_up(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.CANCELLED))
        elif ordered:
            self._give_up(leg, leg.ended(at=self._clock.now(), outcome=CallOutcome.TRUNK_TROUBLE))
        else:
            self._drop(leg)
            self._given_up.add(leg.call_id)
            self._tell(CallNeverDialled(leg.call_id))
        return True

    def _found_ended(self, leg: Leg, record: LegRecord) -> None:
        for key in record.keys:
            self._key(key)
        end = record.ended
        leg.answered_at = leg.answered_at or record.answered_at or (end.answered_at if end else None)
        if end is None:
            assert leg.hung_up is not None
            self._hung_up(leg, leg.hung_up)
            return
        leg.rang = leg.rang or end.rang
        self._end(
            leg,
            leg.ended(at=end.at or self._clock.now(), hangup_cause=end.hangup_cause, sip_cause=end.sip_cause),
        )

    def _found_live(self, leg: Leg, channel: ChannelSeen, record: LegRecord, *, ordered: bool) -> None:
        leg.sought = False
        leg.trunk = leg.trunk or trunk_of(channel.channel)
        if pace := self._paces.get(leg.trunk or ""):
            pace.occupy(leg.call_id)
        leg.channel = channel.channel
        if not ordered:
            # Whoever asks may know nothing of it, and is told again.
            leg.ringing_told = False
            leg.answered_at, answered_at = None, leg.answered_at or record.answered_at
        else:
            answered_at = record.answered_at
        if channel.up or answered_at is not None:
            self._answered(leg, answered_at)
        elif channel.ringing:
            self._rings(leg)
        for key in record.keys:
            self._key(key)
        self._arm(leg)
        if leg.hang_up_wanted:
            self._hang_up_channel(channel.channel)
        elif leg.last_word is not None:
            sound, leg.last_word = leg.last_word, None
            self.say_and_hang_up(leg.call_id, sound)

    def _give_up(self, leg: Leg, ended: CallEnded) -> None:
        self._given_up.add(leg.call_id)
        self._end(leg, ended)

    # Watching.

    def _arm(self, leg: Leg, seconds: float | None = None) -> None:
        """Look the leg up after so long, unless it ends before."""
        self._disarm(leg)
        if seconds is None:
            limit = self._timings.longest_call if leg.answered_at else leg.ring_timeout + self._timings.ring_margin
            seconds = limit.total_seconds()
        leg.watchdog = asyncio.get_running_loop().call_later(seconds, self._overdue, leg)

    def _disarm(self, leg: Leg) -> None:
        if leg.watchdog is not None:
            leg.watchdog.cancel()
            leg.watchdog = None

    def _overdue(self, leg: Leg) -> None:
        leg.watchdog = None
        log.info("call_looked_up", call_id=leg.call_id)
        self._seek(leg)

    # Small orders to Asterisk.

    def _hang_up_channel(self, channel: str) -> None:
        if self._connection.is_up:
            self._run(self._act("Hangup", [("Channel", channel)]))

    async def _act(self, name: str, headers: list[tuple[str, str]]) -> None:
        try:
            answer = await self._connection.act(name, headers)
        except (*_NO_RESULT, UnsafeValueError) as error:
            log.warning("phone_order_lost", action=name, reason=str(error))
        else:
            if not answer.success:
                # Mostly: the leg has ended already.
                log.debug("phone_order_refused", action=name, reason=answer.message)

    async def _say(self, leg: Leg, sound: Path) -> None:
        try:
            path = await asyncio.get_running_loop().run_in_executor(self._io, self._shelf.put, sound)
        except (OSError, UnsafeValueError) as error:
            log.error("last_word_not_prepared", call_id=leg.call_id, reason=str(error))  # noqa: TRY400 (as above)
            self.hang_up(leg.call_id)
            return
        if self._legs.get(leg.call_id) is not leg:
            return
        if not self._connection.is_up or leg.sought:
            leg.last_word = sound
            return
        channel = leg.channel or channel_id(leg.call_id)
        # Asterisk works a connection's actions off in their order.
        await asyncio.gather(
            self._act("Setvar", [("Channel", channel), ("Variable", "TOCSIN_REPLY"), ("Value", path)]),
            self._act(
                "Redirect", [("Channel", channel), ("Context", "tocsin-say"), ("Exten", "say"), ("Priority", "1")]
            ),
        )

    def _forget_on(self) -> None:
        if self._to_forget and not self._forgetting and self._connection.is_up:
            self._forgetting = True
            self._run(self._forget_all())

    async def _forget_all(self) -> None:
        try:
            while self._to_forget and self._connection.is_up:
                call_id = next(iter(self._to_forget))
                await erase_record(self._connection, call_id)
                self._to_forget.take(call_id)
        except UnsafeValueError:
            self._to_forget.take(call_id)
        except _NO_RESULT as error:
            log.warning("forgetting_postponed", node=self.name, legs=len(self._to_forget), reason=str(error))
        finally:
            self._forgetting = False

    # The thread's own.

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("phone_task_failed", node=self.name, exc_info=error)

    def _tell(self, report: PhoneReport) -> None:
        try:
            self._listener(report)
        except Exception:
            log.exception("phone_listener_failed", node=self.name, report=type(report).__name__)


def _batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[first : first + size] for first in range(0, len(items), size)]
