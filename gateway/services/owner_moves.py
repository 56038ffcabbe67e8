"""Following an owner's chat that has got another id: a Telegram group that became a supergroup."""

import structlog

from gateway.ports.record import Record, UnitOfWork

log = structlog.get_logger(__name__)


def follow_move(record: Record, chat: str, new_chat: str) -> None:
    """Give the licenses whose owner is that chat its new id. A chat that is called by a name keeps it."""
    if chat == new_chat or not _is_id(chat):
        return
    with record.write() as work:
        moved = move_within(work, chat, new_chat)
        if moved:
            work.commit()


def move_within(work: UnitOfWork, chat: str, new_chat: str) -> bool:
    """Do the same inside a transaction of the caller's, who commits; tell whether there was such a license."""
    licenses = work.licenses.move_owner(chat, new_chat)
    if licenses:
        log.warning("owner_chat_moved", chat=chat, new_chat=new_chat, licenses=list(licenses))
    return bool(licenses)


def _is_id(chat: str) -> bool:
    return chat.removeprefix("-").isdecimal()
