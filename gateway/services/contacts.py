"""Editing contacts. Running escalations keep the numbers, names and order that they began with."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TypeVar

from werkzeug.security import generate_password_hash

from gateway.config.schema import parse_e164, parse_language
from gateway.model.audit import Actor
from gateway.model.contact import Contact
from gateway.ports.record import Record, UnitOfWork
from gateway.services.audit import note_change
from gateway.services.checked import contact_target, name_of, pin_of, position_among, valid
from gateway.services.exceptions import InvalidValueError, UnknownContactError
from gateway.services.whatsapp import people_with

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChange:
    """What to change of a contact; ``None`` leaves a value as it is.

    An empty ``whatsapp`` takes the phone, an empty ``pin`` removes the PIN.
    """

    name: str | None = None
    phone: str | None = None
    whatsapp: str | None = None
    language: str | None = None
    position: int | None = None
    enabled: bool | None = None
    pin: str | None = None


def set_contact(record: Record, contact_id: int, change: ContactChange, *, actor: Actor, at: datetime) -> Contact:
    """Change a contact and return it. Raises ``ServiceError``.

    A WhatsApp number that is the phone stays so when the phone changes. What was learnt of a number does not hold for
    the next one.
    """
    with record.write() as work:
        current = _held(work, contact_id)
        changed = _changed(work, current, change)
        work.contacts.update(changed)
        if change.pin is not None:
            work.contacts.set_pin_hash(contact_id, generate_password_hash(pin_of(change.pin)) if change.pin else None)
            changed = replace(changed, has_pin=bool(change.pin))
        after = asdict(changed) | ({"pin": "changed"} if change.pin else {})
        _note(work, actor, at, "contact.changed", before=current, after=after)
        work.commit()
    return changed


def order_contacts(
    record: Record, license_id: int, contact_ids: Sequence[int], *, actor: Actor, at: datetime
) -> Sequence[Contact]:
    """Put a license's contacts into this order, and return them. Raises ``InvalidValueError`` unless all are named."""
    with record.write() as work:
        work.licenses.lock(license_id)
        by_id = {contact.id: contact for contact in work.contacts.of_license(license_id)}
        if sorted(by_id) != sorted(contact_ids):
            raise InvalidValueError("order", "must name each of the license's contacts once")
        _put(work, [by_id[contact_id] for contact_id in contact_ids], actor=actor, at=at)
        work.commit()
        return work.contacts.of_license(license_id)


def move_contact(record: Record, contact_id: int, places: int, *, actor: Actor, at: datetime) -> Sequence[Contact]:
    """Move a contact by so many places, up where negative, and return all of the license in their order.

    Who is at an end already stays there. Raises ``UnknownContactError``.
    """
    with record.write() as work:
        contact = _held(work, contact_id)
        people = list(work.contacts.of_license(contact.license_id))
        place = [each.id for each in people].index(contact_id)
        moved = people.pop(place)
        people.insert(max(0, place + places), moved)
        _put(work, people, actor=actor, at=at)
        work.commit()
        return work.contacts.of_license(contact.license_id)


def clear_flags(
    record: Record, contact_id: int, *, actor: Actor, at: datetime, whatsapp: bool = True, phone: bool = True
) -> Contact:
    """Forget that a contact could not be reached, so that they are tried again. Raises ``UnknownContactError``.

    For WhatsApp this holds for everybody with the same number, an opt-out included: ask the person first. Twilio keeps
    opt-outs of its own.
    """
    with record.write() as work:
        contact = current = _held(work, contact_id)
        if whatsapp:
            for each in people_with(work, contact.whatsapp):
                work.contacts.unblock_whatsapp(each.id)
            contact = replace(contact, whatsapp_blocked=None, whatsapp_blocked_at=None)
        if phone:
            contact = replace(contact, phone_invalid_at=None)
            work.contacts.update(contact)
        _note(work, actor, at, "contact.flags_cleared", before=current, after=asdict(contact))
        work.commit()
    return contact


def _put(work: UnitOfWork, people: Sequence[Contact], *, actor: Actor, at: datetime) -> None:
    """Give contacts the places of their order, and enter each that has moved."""
    for position, contact in enumerate(people, start=1):
        moved = replace(contact, position=position)
        if moved != contact:
            work.contacts.update(moved)
            _note(work, actor, at, "contact.moved", before=contact, after=asdict(moved))


def _held(work: UnitOfWork, contact_id: int) -> Contact:
    """Return a contact, with the order of its license's contacts locked."""
    contact = work.contacts.get(contact_id)
    if contact is None:
        raise UnknownContactError(contact_id)
    work.licenses.lock(contact.license_id)
    return work.contacts.get(contact_id) or contact


def _note(
    work: UnitOfWork, actor: Actor, at: datetime, action: str, *, before: Contact, after: Mapping[str, object]
) -> None:
    target, license_id = contact_target(before), before.license_id
    note_change(work, actor, action, target, at=at, license_id=license_id, before=asdict(before), after=after)


def _changed(work: UnitOfWork, current: Contact, change: ContactChange) -> Contact:
    phone = current.phone if change.phone is None else valid("phone", parse_e164, change.phone)
    followed = current.whatsapp == current.phone
    if change.whatsapp:
        whatsapp = valid("whatsapp", parse_e164, change.whatsapp)
    elif change.whatsapp is not None or followed:
        whatsapp = phone
    else:
        whatsapp = current.whatsapp
    position = current.position
    if change.position is not None and change.position != position:
        others = [each for each in work.contacts.of_license(current.license_id) if each.id != current.id]
        position = position_among(others, change.position)
    changed = replace(
        current,
        name=current.name if change.name is None else name_of(change.name),
        phone=phone,
        whatsapp=whatsapp,
        language=current.language if change.language is None else valid("language", parse_language, change.language),
        position=position,
        enabled=_or_kept(change.enabled, current.enabled),
    )
    if phone != current.phone:
        changed = replace(changed, phone_invalid_at=None)
    return changed if whatsapp == current.whatsapp else _with_what_is_known(work, changed)


def _with_what_is_known(work: UnitOfWork, contact: Contact) -> Contact:
    """Return a contact of a new WhatsApp number with what is on record of that number."""
    others = [each for each in people_with(work, contact.whatsapp) if each.id != contact.id]
    known = max(others, key=lambda each: (each.whatsapp_blocked is not None, each.id), default=None)
    return replace(
        contact,
        whatsapp_window_until=max((o.whatsapp_window_until for o in others if o.whatsapp_window_until), default=None),
        whatsapp_blocked=known.whatsapp_blocked if known else None,
        whatsapp_blocked_at=known.whatsapp_blocked_at if known else None,
    )


def _or_kept(new: T | None, kept: T) -> T:
    return kept if new is None else new
