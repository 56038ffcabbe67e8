"""Dialling one leg: its sounds laid out, its Originate sent, and what is to be thought of the answer."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import structlog

from gateway.channels.asterisk.ami_values import UnsafeValueError
from gateway.channels.asterisk.book import LegBook
from gateway.channels.asterisk.connection import AMIConnection
from gateway.channels.asterisk.leg import Leg
from gateway.channels.asterisk.originate import PublishedSounds, originate_headers
from gateway.channels.asterisk.sounds import Shelf
from gateway.channels.asterisk.wire import AMIConnectionLostError, AMINotConnectedError, AMITimeoutError
from gateway.config.schema import TrunkConfig
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import NOT_LAID_OUT, CallOrder, SoundsMissing

log = structlog.get_logger(__name__)


class LegDialler:
    """Dials the legs of a node, whose trunks are given in their order. ``seek`` looks a leg up of which nobody knows
    whether it was dialled. Used on the loop's thread alone.
    """  # noqa: D205 (one sentence of meaning is longer than a line)

    def __init__(
        self,
        *,
        connection: AMIConnection,
        book: LegBook,
        trunks: Sequence[TrunkConfig],
        shelf: Shelf,
        io: Executor,
        clock: Clock,
        seek: Callable[[Leg], None],
        node: str,
    ) -> None:
        self._connection = connection
        self._book = book
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._shelf = shelf
        self._io = io
        self._clock = clock
        self._seek = seek
        self._node = node
        self._serial = itertools.count(1)

    async def dial(self, order: CallOrder, leg: Leg) -> None:
        """Dial a leg that is in the book, unless it is struck out meanwhile."""
        trunk = self._trunks[order.trunk]
        leg.action_id = f"originate-{next(self._serial)}-{order.call_id}"
        loop = asyncio.get_running_loop()
        try:
            sounds, laid_out = await loop.run_in_executor(self._io, self._lay_out, order)
            headers = originate_headers(
                order,
                trunk,
                sounds,
                action_id=leg.action_id,
                now=self._clock.now(),
                others=[other for other in self._trunks.values() if other is not trunk],
            )
        except (OSError, UnsafeValueError) as error:
            log.error("call_not_prepared", call_id=leg.call_id, reason=str(error))  # noqa: TRY400 (the reason is all)
            if self._book.has(leg):
                self._book.end_as(leg, CallOutcome.TRUNK_TROUBLE)
            return
        if not self._book.has(leg):
            # It was hung up, or the connection was lost, while the sounds were laid out.
            return
        if not laid_out:
            self._book.tell(SoundsMissing(leg.call_id, self._clock.now(), self._node, NOT_LAID_OUT))
        leg.audio_sha256, leg.caller_id = sounds.message_sha256, trunk.caller_id
        leg.sent, leg.sent_at = True, loop.time()
        log.info("call_dialled", call_id=leg.call_id, trunk=trunk.name)
        try:
            answer = await self._connection.act("Originate", headers)
        except (AMINotConnectedError, UnsafeValueError):
            # Nothing was written.
            if self._book.has(leg):
                self._book.end_as(leg, CallOutcome.TRUNK_TROUBLE)
        except AMIConnectionLostError:
            # It may ring. The look-up after the reconnect tells; it is not sent again.
            log.warning("call_unanswered_by_node", call_id=leg.call_id)
        except AMITimeoutError:
            log.warning("call_unanswered_by_node", call_id=leg.call_id)
            self._seek(leg)
        else:
            self._answered(leg, success=answer.success, message=answer.message)

    def _lay_out(self, order: CallOrder) -> tuple[PublishedSounds, bool]:
        """Return where the node finds the call's sounds, and whether they were laid out there.

        Where they cannot be laid out, the call is placed all the same: the node may have them from earlier calls, and
        plays tones where it has not. Keys work, and a phone that rings wakes whom no message would.
        """
        try:
            return self._shelf.publish(order), True
        except OSError as error:
            log.error(  # noqa: TRY400 (the reason is all there is)
                "sounds_not_laid_out", call_id=order.call_id, reason=str(error), advice="run tocsin doctor"
            )
            return self._shelf.expected(order), False

    def _answered(self, leg: Leg, *, success: bool, message: str) -> None:
        if not self._book.has(leg):
            return
        if success:
            if leg.watchdog is None and not leg.sought:
                self._book.arm(leg)
        elif "already" in message or "exists" in message:
            self._seek(leg)
        else:
            log.warning("originate_refused", call_id=leg.call_id, trunk=leg.trunk, reason=message)
            self._book.end_as(leg, CallOutcome.TRUNK_TROUBLE)
