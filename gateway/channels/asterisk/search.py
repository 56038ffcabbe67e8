"""Finding out how legs stand that were out of sight: after a gap, a restart, or a long silence."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from gateway.channels.asterisk.adoption import LegRecord, leg_record, live_channels
from gateway.channels.asterisk.ami_events import AMIEvent, ChannelSeen
from gateway.channels.asterisk.book import LegBook
from gateway.channels.asterisk.connection import AMIConnection
from gateway.channels.asterisk.leg import Leg
from gateway.channels.asterisk.timings import AsteriskTimings
from gateway.channels.asterisk.wire import NO_RESULT
from gateway.model.call import CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import CallNeverDialled

log = structlog.get_logger(__name__)

_RECORDS_AT_ONCE = 16


class LegSearch:
    """Asks a node for legs and reports them. ``live`` is called with each leg that is found in progress."""

    def __init__(
        self,
        *,
        connection: AMIConnection,
        book: LegBook,
        clock: Clock,
        timings: AsteriskTimings,
        live: Callable[[Leg, ChannelSeen], None],
    ) -> None:
        self._connection = connection
        self._book = book
        self._clock = clock
        self._timings = timings
        self._live = live

    async def find(self, legs: dict[str, Leg], *, ordered: bool) -> bool:
        """Find out how legs stand and report it; false where that could not be done, and the connection is replaced.

        ``ordered``: whoever ordered the legs waits for their end, so that one that was never dialled ends in trunk
        trouble; otherwise it is reported as never dialled. A leg of which nothing conclusive is seen is looked for once
        more after a moment: its channel may end between the two questions, or be about to begin.
        """
        for leg in legs.values():
            leg.sought = True
        try:
            for last in (False, True):
                if not legs:
                    break
                if last:
                    await asyncio.sleep(self._timings.settle.total_seconds())
                await self._find_once(legs, ordered=ordered, last=last)
        except NO_RESULT as error:
            log.warning("look_up_failed", reason=str(error))
            self._connection.drop(f"a look-up failed: {error}")
            return False
        finally:
            for leg in legs.values():
                leg.sought = False
        return True

    async def _find_once(self, legs: dict[str, Leg], *, ordered: bool, last: bool) -> None:
        channels = await live_channels(self._connection)
        for batch in _batches(sorted(legs), _RECORDS_AT_ONCE):
            records = await asyncio.gather(
                *(leg_record(self._connection, call_id) for call_id in batch), return_exceptions=True
            )
            for call_id, record in zip(batch, records, strict=True):
                if isinstance(record, BaseException):
                    raise record
                leg = legs[call_id]
                if not self._book.has(leg) or self._found(
                    leg, channels.get(call_id), record, ordered=ordered, last=last
                ):
                    del legs[call_id]

    def _found(self, leg: Leg, channel: ChannelSeen | None, record: LegRecord, *, ordered: bool, last: bool) -> bool:
        """Report a leg as it was found; false where that is not clear yet."""
        leg.audio_sha256 = leg.audio_sha256 or record.audio_sha256
        leg.caller_id = leg.caller_id or record.caller_id
        if leg.hung_up is not None or record.ended is not None:
            self._found_ended(leg, record)
        elif channel is not None:
            self._found_live(leg, channel, record, ordered=ordered)
        elif not last and not (leg.refused and not record.dialled):
            return False
        elif record.dialled or leg.channel is not None:
            # Asterisk's database reaches the disk a second late: a crash may lose what was dialled before our eyes.
            self._tell_notes(leg, record)
            leg.answered_at = leg.answered_at or record.answered_at
            self._book.give_up(leg, CallOutcome.LOST)
        elif leg.hang_up_wanted:
            self._book.give_up(leg, CallOutcome.CANCELLED)
        elif ordered:
            self._book.give_up(leg, CallOutcome.TRUNK_TROUBLE)
        else:
            self._book.drop(leg)
            self._book.given_up.add(leg.call_id)
            self._book.tell(CallNeverDialled(leg.call_id))
        return True

    def _found_ended(self, leg: Leg, record: LegRecord) -> None:
        self._tell_notes(leg, record)
        end = record.ended
        leg.quality = leg.quality or record.quality
        leg.answered_at = leg.answered_at or record.answered_at or (end.answered_at if end else None)
        if end is None:
            assert leg.hung_up is not None
            self._book.end_by(leg, leg.hung_up)
            return
        leg.rang = leg.rang or end.rang
        leg.sip_call_id = leg.sip_call_id or end.sip_call_id
        at = end.at or self._clock.now()
        self._book.end(leg, leg.ended(at=at, hangup_cause=end.hangup_cause, sip_cause=end.sip_cause))

    def _found_live(self, leg: Leg, channel: ChannelSeen, record: LegRecord, *, ordered: bool) -> None:
        leg.sought = leg.out_of_sight = False
        leg.channel = channel.channel
        answered_at = leg.answered_at or record.answered_at
        if not ordered:
            # Whoever asks may know nothing of it, and is told again.
            leg.ringing_told, leg.answered_at = False, None
        if channel.up or answered_at is not None:
            self._book.answered(leg, answered_at)
        elif channel.ringing:
            self._book.rings(leg)
        self._tell_notes(leg, record)
        self._book.arm(leg)
        self._live(leg, channel)

    def _tell_notes(self, leg: Leg, record: LegRecord) -> None:
        notes: tuple[AMIEvent, ...] = (*record.keys, *record.operators, *record.machines)
        for noted in notes:
            self._book.note(leg, noted)


def _batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[first : first + size] for first in range(0, len(items), size)]
