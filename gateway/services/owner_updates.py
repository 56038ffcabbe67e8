"""What owners do in their chats: they press the button under a message, or ask which chat this is.

What a press did is recorded together with how far the updates have been read: whenever the process is killed, a press
is neither lost nor taken twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import EventStatus
from gateway.ports.clock import Clock
from gateway.ports.owner_messages import OwnerMessage
from gateway.ports.owners import ButtonPressed, ChatAsked, ChatMoved, OwnerAnswer, OwnerUpdate
from gateway.ports.record import EscalationRecord, Record, UnitOfWork
from gateway.services.acknowledge import AckResult, acknowledge_within
from gateway.services.owner_messages import BUTTON_PREFIX
from gateway.services.owner_moves import move_within
from gateway.wording import owners
from gateway.wording.phrases import one_line

log = structlog.get_logger(__name__)

_LONGEST_NAME = 80
_LONGEST_NUMBER = 18


class OwnerUpdateTaker:
    """Takes updates, each once. ``cursor`` names the list that they come from; ``on_taken`` hears of presses."""

    def __init__(self, *, record: Record, clock: Clock, cursor: str, on_taken: Callable[[], None]) -> None:
        self._record = record
        self._clock = clock
        self._cursor = cursor
        self._on_taken = on_taken

    def position(self) -> int | None:
        """Return the first update that may not have been taken. Raises ``RecordUnavailableError``."""
        with self._record.read() as work:
            return work.cursors.position(self._cursor)

    def take(self, update: OwnerUpdate) -> OwnerAnswer | None:
        """Do what the update says, and return what to answer. Raises ``RecordUnavailableError``: nothing was done."""
        match update:
            case ButtonPressed():
                with self._record.write() as work:
                    answer = self._pressed(work, update)
                    work.cursors.move(self._cursor, update.update_id + 1)
                    work.commit()
                self._on_taken()
                return answer
            case ChatMoved(chat=chat, new_chat=new_chat):
                with self._record.write() as work:
                    move_within(work, chat, new_chat)
                    work.cursors.move(self._cursor, update.update_id + 1)
                    work.commit()
            case ChatAsked(chat=chat, language=language):
                # Anybody may ask, and nothing comes of it: it is not recorded how far these were read.
                return OwnerAnswer(owners.chat_id(language, chat))
        return None

    def _pressed(self, work: UnitOfWork, pressed: ButtonPressed) -> OwnerAnswer:
        at = self._clock.now()
        rows = _rows_of(work, pressed, at)
        escalations = {each.event.id: each for each in work.events.escalations([row.event_id for row in rows])}
        if not escalations:
            log.warning(
                "owner_button_refused",
                chat=pressed.chat,
                message_id=pressed.message_id,
                user_id=pressed.user_id,
                data=pressed.data,
            )
            return OwnerAnswer(owners.refused(pressed.language), alert=True)
        by = one_line(pressed.by, _LONGEST_NAME) or str(pressed.user_id)
        known_as: dict[str, object] = {"telegram_user": pressed.user_id}
        if pressed.username is not None:
            known_as["telegram_username"] = pressed.username
        mine = {event_id for event_id in escalations if _has_it(work, event_id, by)}
        # What the source has withdrawn needs nobody any more.
        wanted = [
            event_id
            for event_id, escalation in escalations.items()
            if event_id not in mine and escalation.event.status is not EventStatus.RESOLVED
        ]
        results = acknowledge_within(
            work,
            event_ids=wanted,
            contact_id=None,
            by=by,
            via=AcknowledgedVia.REPLY,
            at=at,
            known_as=known_as,
        )
        mine |= {result.event_id for result in results if result.first}
        log.info("owner_pressed_button", chat=pressed.chat, by=by, events=sorted(mine))
        language = next(iter(escalations.values())).snapshot.language
        titles = [escalations[event_id].event.title for event_id in mine]
        return OwnerAnswer(
            owners.pressed(
                language, mine=len(mine), title=titles[0] if titles else "", other=_other(results, escalations)
            )
        )


def _rows_of(work: UnitOfWork, pressed: ButtonPressed, at: datetime) -> Sequence[OwnerMessage]:
    """Return what the message shows whose button was pressed; nothing unless it is a button of that very message.

    A message that was sent just before the engine was killed gets its id here.
    """
    number = pressed.data.removeprefix(BUTTON_PREFIX)
    if not pressed.data.startswith(BUTTON_PREFIX) or not (number.isascii() and number.isdecimal()):
        return ()
    if len(number) > _LONGEST_NUMBER:
        return ()
    row = work.owner_messages.get(int(number))
    if row is None or row.chat.casefold() not in {pressed.chat, (pressed.chat_name or pressed.chat).casefold()}:
        return ()
    rows = work.owner_messages.of_message(row.chat, row.message_id)
    if row.numbered:
        return rows if row.message_id == pressed.message_id else ()
    for each in rows:
        work.owner_messages.number(each.attempt_id, chat=pressed.chat, message_id=pressed.message_id)
        work.owner_messages.event_changed(each.event_id, at)
    return [replace(each, chat=pressed.chat, message_id=pressed.message_id) for each in rows]


def _has_it(work: UnitOfWork, event_id: int, by: str) -> bool:
    """Tell whether the same person has pressed the button before, and was first: again is once."""
    first = work.acknowledgements.first_of(event_id)
    return first is not None and first.contact_id is None and (first.via, first.by) == (AcknowledgedVia.REPLY, by)


def _other(results: Sequence[AckResult], escalations: Mapping[int, EscalationRecord]) -> owners.ToldAlert | None:
    """Return one of the alerts that somebody else has, or that was withdrawn."""
    taken = [result for result in results if not result.first]
    if taken:
        return owners.ToldAlert(title=escalations[taken[0].event_id].event.title, open=False, by=taken[0].by)
    withdrawn = [each.event for each in escalations.values() if each.event.status is EventStatus.RESOLVED]
    return owners.ToldAlert(title=withdrawn[0].title, open=False) if withdrawn else None
