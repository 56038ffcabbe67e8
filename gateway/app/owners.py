"""What goes on between the engine and the owners' chats: reports, notices, edits, pressed buttons."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pykka
import structlog

from actors.event import Tell, tell_if_alive
from actors.messages import LookForSignals
from actors.owner import LookForEdits, OwnerActor
from actors.pool import ActorPool
from actors.timers import Timers
from gateway.channels.telegram.bot import bot_id
from gateway.channels.telegram.owner import TelegramChannel
from gateway.channels.telegram.updates import TelegramUpdates
from gateway.config.schema import Config
from gateway.ports.clock import Clock
from gateway.ports.messages import NotificationChannel
from gateway.ports.owners import OwnerChannel, OwnerUpdates
from gateway.ports.record import Record
from gateway.services.deliver import Courier
from gateway.services.notices import NoticeSender
from gateway.services.owner_messages import OwnerDesk
from gateway.services.owner_updates import OwnerUpdateTaker

log = structlog.get_logger(__name__)

_NOTICES_EVERY = timedelta(seconds=3)
_MESSAGES_AT_ONCE = 4
# Beside those that send: one looks for edits, one sends notices. None of them is one of the engine's other workers, so
# that nobody's text or call waits for a Telegram that does not answer.
_WORKERS = _MESSAGES_AT_ONCE + 2
OWNER_THREADS = _WORKERS + 1
"""How many threads work for owners on the record: the workers, and the one that fetches the updates."""


class Owners:
    """Everything about owners that runs in the engine process. ``stop`` is the exact reverse of ``start``.

    A ``channel`` that is no ``OwnerChannel`` sends each message by itself, without a button.
    """

    def __init__(
        self,
        config: Config,
        *,
        channel: NotificationChannel | None,
        record: Record,
        clock: Clock,
        pool: ActorPool,
        timers: Timers,
        courier: Courier,
        link_url: Callable[[int], str],
        dispatcher: Tell,
    ) -> None:
        self._record = record
        self._clock = clock
        self._pool = pool
        self._timers = timers
        self._dispatcher = dispatcher
        self._executor = ThreadPoolExecutor(_WORKERS, thread_name_prefix="owners")
        self._notices = NoticeSender(record=record, clock=clock, channel=channel, policy=config.policy.policy())
        self._desk = None
        if isinstance(channel, OwnerChannel):
            self._desk = OwnerDesk(
                record=record,
                clock=clock,
                channel=channel,
                composer=courier.composer,
                results=courier.results,
                link_url=link_url,
            )
        self._actor: pykka.ActorRef[OwnerActor] | None = None
        self._updates: OwnerUpdates | None = None
        if config.telegram is not None and config.telegram.poll and isinstance(channel, TelegramChannel):
            self._updates = TelegramUpdates(config.telegram, pace=channel.pace)
            self._taker = OwnerUpdateTaker(
                record=record,
                clock=clock,
                cursor=f"telegram:{bot_id(config.telegram)}",
                on_taken=self._taken,
            )
        self._stopping = False

    @property
    def tell(self) -> Tell | None:
        """Who owners' messages are handed over to; ``None``: whoever sends the others."""
        return None if self._desk is None else self._tell

    def start(self) -> None:
        """Begin."""
        self._start_actor()
        self._send_notices()
        if self._updates is not None:
            self._updates.start(self._taker.take, self._taker.position)

    def stop(self) -> None:
        """End: what is being sent is sent and recorded. The pool and the timers are the engine's."""
        self._stopping = True
        if self._updates is not None:
            self._updates.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def parts(self) -> Mapping[str, str]:
        """Return how the updates come in: ``ok``, or what is wrong with it."""
        return {} if self._updates is None else {"telegram": self._updates.state()}

    def _start_actor(self) -> None:
        if self._desk is None or self._stopping:
            return
        self._actor = OwnerActor.start(
            pool=self._pool,
            clock=self._clock,
            timers=self._timers,
            executor=self._executor,
            desk=self._desk,
            dispatcher=self._dispatcher,
            most_at_once=_MESSAGES_AT_ONCE,
            on_broken=self._start_actor,
        )

    def _tell(self, message: object) -> None:
        if self._actor is not None:
            tell_if_alive(self._actor, message)

    def _taken(self) -> None:
        self._dispatcher(LookForSignals())
        self._tell(LookForEdits())

    def _send_notices(self) -> None:
        """Tell owners what they have used of their caps, now and every few seconds."""
        # An executor that takes nothing any more is that of an engine that stops.
        with suppress(RuntimeError):
            self._executor.submit(self._notices.send_due)
        self._timers.after(_NOTICES_EVERY, self._send_notices)
