"""What happens in the owners' chats, fetched from the Bot API by long polling: no address of ours need be reachable."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from gateway.channels.telegram.bot import hide_tokens, new_bot, new_request
from gateway.channels.telegram.outcomes import failed_delivery, failed_poll, pause_of
from gateway.channels.telegram.pace import Pace
from gateway.channels.telegram.reading import ALLOWED_UPDATES, read_update
from gateway.config.schema import TelegramConfig
from gateway.ports.owners import ButtonPressed, ChatAsked, OwnerAnswer, OwnerUpdate
from gateway.ports.record import RecordUnavailableError

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
Take = Callable[[OwnerUpdate], OwnerAnswer | None]

_POLL = timedelta(seconds=25)
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_RECORD_PAUSE = 1.0
_TRIES = 3
_OK = "ok"
# Anybody may write to a bot. Those who do are answered at this pace, so that owners' messages never wait for them.
_STRANGERS = "strangers"


class TelegramUpdates:
    """The ``OwnerUpdates`` of one bot.

    An update is confirmed to Telegram (by the next request's ``offset``) only after it was taken, and comes again where
    the process ends before that. ``pace`` is the channel's.
    """

    def __init__(self, config: TelegramConfig, *, pace: Pace) -> None:
        self._config = config
        self._pace = pace
        self._strangers = Pace()
        self._state = _OK
        self._stopping = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._polling: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        hide_tokens()

    def start(self, take: Take, position: Callable[[], int | None]) -> None:
        """See the port."""
        self._polling = self._loop.create_task(self._poll(take, position))
        self._thread = threading.Thread(target=self._run, name="telegram-updates")
        self._thread.start()

    def stop(self) -> None:
        """See the port. What is being taken is taken, and the request under way is left."""
        self._stopping.set()
        if self._thread is None or self._polling is None:
            self._loop.close()
            return
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._polling.cancel)
        self._thread.join()

    def state(self) -> str:
        """See the port."""
        return self._state

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            if self._polling is not None:
                with suppress(asyncio.CancelledError):
                    self._loop.run_until_complete(self._polling)
        except Exception:
            log.exception("telegram_updates_failed")
            self._state = "pressed buttons do not arrive: a fault of this program, see the log; restart the engine"
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _poll(self, take: Take, position: Callable[[], int | None]) -> None:
        offset = await self._patiently(position)
        pause, wait = _FIRST_PAUSE, 0.0
        while not self._stopping.is_set():
            try:
                async with new_request(self._config) as request, new_request(self._config) as answering:
                    bot = new_bot(self._config, answering, request)
                    while not self._stopping.is_set():
                        updates = await bot.get_updates(offset=offset, timeout=_POLL, allowed_updates=ALLOWED_UPDATES)
                        self._tell(_OK)
                        pause = _FIRST_PAUSE
                        for update in updates:
                            await self._take(bot, update, take)
                            # Telegram numbers anew after a week without updates, perhaps with lower numbers.
                            offset = update.update_id + 1
            except (TelegramError, TimeoutError) as error:
                self._tell(failed_poll(error), advise=isinstance(error, Conflict | InvalidToken))
                wait = pause_of(error).total_seconds() if isinstance(error, RetryAfter) else pause
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:
                log.exception("telegram_updates_not_understood")
                self._tell(f"pressed buttons do not arrive: {type(error).__name__}, see the log")
                wait, pause = pause, min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(wait)

    async def _take(self, bot: Bot, update: Update, take: Take) -> None:
        happened = read_update(update)
        if happened is None:
            return
        try:
            answer = await self._patiently(lambda: take(happened))
        except Exception:
            # One that cannot be taken must not keep all others from being taken.
            log.exception("telegram_update_skipped", update=repr(happened))
            return
        if answer is None:
            return
        try:
            async with asyncio.timeout(self._config.timeout.total_seconds()):
                await self._answer(bot, update, happened, answer)
        except (TelegramError, TimeoutError) as error:
            # What was pressed is on record, and the message is edited soon: nothing depends on the answer.
            log.info("telegram_answer_not_sent", reason=failed_delivery(error).reason)

    async def _answer(self, bot: Bot, update: Update, happened: OwnerUpdate, answer: OwnerAnswer) -> None:
        if isinstance(happened, ButtonPressed) and update.callback_query is not None:
            await bot.answer_callback_query(update.callback_query.id, text=answer.text, show_alert=answer.alert)
        elif isinstance(happened, ChatAsked):
            if self._strangers.turn(_STRANGERS) or self._pace.turn(happened.chat):
                log.warning("telegram_question_not_answered", chat=happened.chat, reason="flood limits")
                return
            await bot.send_message(chat_id=happened.chat, text=answer.text)

    async def _patiently(self, ask: Callable[[], _T]) -> _T:
        """Ask until the record is there to answer; what else goes wrong may do so a few times."""
        faults = 0
        while True:
            try:
                return ask()
            except RecordUnavailableError as error:
                log.warning("record_unavailable", error=str(error), waiting="telegram updates")
            except Exception:
                faults += 1
                if faults >= _TRIES:
                    raise
                log.exception("telegram_update_not_taken", tries=faults)
            await asyncio.sleep(_RECORD_PAUSE)

    def _tell(self, state: str, *, advise: bool = False) -> None:
        """Keep how things stand, and log it where it has changed."""
        if state == self._state:
            return
        self._state = state
        if state == _OK:
            log.info("telegram_updates_arrive")
        elif advise:
            log.error("telegram_updates_do_not_arrive", reason=state)
        else:
            log.warning("telegram_updates_do_not_arrive", reason=state)
