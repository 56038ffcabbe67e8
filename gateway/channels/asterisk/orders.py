"""What is asked of Asterisk for a live leg: to hang up, to speak, to ask again."""

import asyncio
from concurrent.futures import Executor
from pathlib import Path

import structlog

from gateway.channels.asterisk.ami_values import UnsafeValueError, channel_id
from gateway.channels.asterisk.book import LegBook
from gateway.channels.asterisk.connection import AMIConnection
from gateway.channels.asterisk.leg import Leg
from gateway.channels.asterisk.sounds import Shelf
from gateway.channels.asterisk.tasks import Tasks
from gateway.channels.asterisk.wire import NO_RESULT, Headers

log = structlog.get_logger(__name__)


class LegOrders:
    """Orders whose refusal is no news: mostly the leg has ended already."""

    def __init__(self, *, connection: AMIConnection, book: LegBook, tasks: Tasks, shelf: Shelf, io: Executor) -> None:
        self._connection = connection
        self._book = book
        self._tasks = tasks
        self._shelf = shelf
        self._io = io

    def hang_up(self, channel: str) -> None:
        """Hang a channel up, by its name or its unique id (Asterisk takes both)."""
        if self._connection.is_up:
            self._tasks.start(self._act("Hangup", [("Channel", channel)]))

    def say(self, leg: Leg, sound: Path) -> None:
        """Break into what an answered leg hears, play the sound, and end it."""
        self._tasks.start(self._say(leg, sound))

    def refuse_pin(self, leg: Leg, *, again: bool) -> None:
        """Have a leg told that its PIN is not right."""
        exten = "again" if again else "refused"
        self._tasks.start(self._redirect(leg.channel or channel_id(leg.call_id), "tocsin-pin", exten))

    async def _say(self, leg: Leg, sound: Path) -> None:
        channel = leg.channel or channel_id(leg.call_id)
        try:
            path = await asyncio.get_running_loop().run_in_executor(self._io, self._shelf.put, sound)
        except (OSError, UnsafeValueError) as error:
            log.error("last_word_not_prepared", call_id=leg.call_id, reason=str(error))  # noqa: TRY400 (the reason is all)
            # A prompt that the node has says at least that it is over.
            await self._redirect(channel, "tocsin-say", "plain")
            return
        if not self._book.has(leg):
            return
        if leg.sought or not self._connection.is_up:
            leg.last_word = sound
            return
        # Asterisk works a connection's actions off in their order.
        await asyncio.gather(
            self._act("Setvar", [("Channel", channel), ("Variable", "TOCSIN_REPLY"), ("Value", path)]),
            self._redirect(channel, "tocsin-say", "say"),
        )

    async def _redirect(self, channel: str, context: str, exten: str) -> None:
        await self._act("Redirect", [("Channel", channel), ("Context", context), ("Exten", exten), ("Priority", "1")])

    async def _act(self, name: str, headers: Headers) -> None:
        try:
            answer = await self._connection.act(name, headers)
        except (*NO_RESULT, UnsafeValueError) as error:
            log.warning("phone_order_lost", action=name, reason=str(error))
        else:
            if not answer.success:
                log.debug("phone_order_refused", action=name, reason=answer.message)
