"""What is learnt about reaching people by WhatsApp, and where it is kept: with every contact that has the number."""

from collections.abc import Sequence
from datetime import datetime

from gateway.model.contact import Contact
from gateway.model.whatsapp import OPTED_OUT, WINDOW, MessageFault
from gateway.model.whatsapp_numbers import same_phone
from gateway.ports.messages import Delivery
from gateway.ports.record import UnitOfWork


def people_with(work: UnitOfWork, number: str) -> Sequence[Contact]:
    """Return every contact, of any license, whose WhatsApp number means the same phone."""
    return work.contacts.with_whatsapp(*same_phone(number))


def learn(work: UnitOfWork, delivery: Delivery, *, began_at: datetime, at: datetime) -> dict[str, object]:
    """Record what a message's failure says about its recipient; return it for the timeline.

    ``began_at`` is when the message was begun: whoever has written since has a window that is open all the same, and
    is reached all the same.
    """
    if delivery.to is None:
        return {}
    match delivery.fault:
        case MessageFault.WINDOW_CLOSED:
            for contact in _silent_since(work, delivery.to, began_at):
                work.contacts.close_window(contact.id, at)
            return {"window": "closed"}
        case MessageFault.OPTED_OUT:
            for contact in people_with(work, delivery.to):
                work.contacts.block_whatsapp(contact.id, OPTED_OUT, at)
            return {"whatsapp_blocked": OPTED_OUT}
        case MessageFault.UNREACHABLE:
            reason = delivery.reason or MessageFault.UNREACHABLE.value
            for contact in _silent_since(work, delivery.to, began_at):
                work.contacts.block_whatsapp(contact.id, reason, at)
            return {"whatsapp_blocked": reason}
        case _:
            return {}


def opt_out(work: UnitOfWork, contacts: Sequence[Contact], at: datetime) -> None:
    """Record that the person wants nothing more by WhatsApp."""
    for contact in contacts:
        work.contacts.block_whatsapp(contact.id, OPTED_OUT, at)


def wrote(work: UnitOfWork, contacts: Sequence[Contact], at: datetime, *, opts_in: bool = False) -> None:
    """Record that the person wrote: the window is open, and WhatsApp reaches them.

    Only ``opts_in`` ends an opt-out.
    """
    for contact in contacts:
        work.contacts.open_window(contact.id, at + WINDOW)
        if contact.whatsapp_blocked is not None and (opts_in or contact.whatsapp_blocked != OPTED_OUT):
            work.contacts.unblock_whatsapp(contact.id)


def _silent_since(work: UnitOfWork, number: str, since: datetime) -> Sequence[Contact]:
    people = people_with(work, number)
    last = max((each.whatsapp_window_until for each in people if each.whatsapp_window_until), default=None)
    return () if last is not None and last > since + WINDOW else people
