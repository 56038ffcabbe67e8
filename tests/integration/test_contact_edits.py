"""Editing contacts: what changes, what is checked, what was learnt of a number, and the audit log."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.audit import COMMAND_LINE
from gateway.model.contact import Contact
from gateway.model.whatsapp import Reach, Window
from gateway.ports.record import Record
from gateway.services.contacts import ContactChange, clear_flags, move_contact, order_contacts, set_contact
from gateway.services.exceptions import InvalidValueError, PositionTakenError, UnknownContactError
from tests.records import NOW, add_tenant


def change(record: Record, contact_id: int, **changes: object) -> Contact:
    made = ContactChange(**changes)  # type: ignore[arg-type]
    return set_contact(record, contact_id, made, actor=COMMAND_LINE, at=NOW)


def contact(record: Record, contact_id: int) -> Contact:
    with record.read() as work:
        found = work.contacts.get(contact_id)
    assert found is not None
    return found


def actions(record: Record, license_id: int) -> list[str]:
    with record.read() as work:
        return [entry.action for entry in work.audit.list(license_ids=[license_id], limit=50)]


def test_a_change_is_made_and_everything_else_stays(record: Record) -> None:
    ana = add_tenant(record).contacts[0]
    changed = change(record, ana.id, name=" Ana B ", language="pt-br", enabled=False, pin="1234")
    assert changed == contact(record, ana.id)
    assert changed == replace(ana, name="Ana B", language="pt-BR", enabled=False, has_pin=True)
    assert change(record, ana.id, pin="") == replace(changed, has_pin=False)


def test_a_whatsapp_number_that_is_the_phone_follows_it(record: Record) -> None:
    ana, ben = add_tenant(record).contacts
    assert change(record, ana.id, phone="+34600000001").whatsapp == "+34600000001"
    change(record, ben.id, whatsapp="+34600000002")
    assert change(record, ben.id, phone="+34600000003").whatsapp == "+34600000002"
    assert change(record, ben.id, whatsapp="").whatsapp == "+34600000003"


def test_what_was_learnt_of_a_number_goes_with_the_number(record: Record) -> None:
    ana, ben = add_tenant(record).contacts
    until = NOW + timedelta(hours=3)
    with record.write() as work:
        work.contacts.block_whatsapp(ana.id, "63024: unreachable", NOW)
        work.contacts.flag_phone_invalid(ana.id, NOW)
        work.contacts.open_window(ben.id, until)
        work.commit()
    changed = change(record, ana.id, phone=ben.whatsapp)
    assert (changed.whatsapp_blocked, changed.whatsapp_blocked_at, changed.phone_invalid_at) == (None, None, None)
    assert changed.whatsapp_window_until == until
    with record.read() as work:
        reach = work.contacts.whatsapp_reach([ana.id])
    assert reach == {ben.whatsapp: Reach(window_until=until)}
    assert reach[ben.whatsapp].window(NOW) is Window.OPEN


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"phone": "600"}, "phone"), ({"language": "x!"}, "language"), ({"name": " "}, "name"), ({"pin": "12"}, "pin")],
)
def test_a_value_that_cannot_be_changes_nothing(record: Record, changes: dict[str, object], told: str) -> None:
    ana = add_tenant(record).contacts[0]
    with pytest.raises(InvalidValueError, match=told):
        change(record, ana.id, **changes)
    assert contact(record, ana.id) == ana


def test_a_place_that_is_taken_is_refused_and_an_order_is_set_as_a_whole(record: Record) -> None:
    tenant = add_tenant(record)
    ana, ben = tenant.contacts
    with pytest.raises(PositionTakenError):
        change(record, ana.id, position=ben.position)
    with pytest.raises(InvalidValueError):
        order_contacts(record, tenant.license.id, [ana.id], actor=COMMAND_LINE, at=NOW)
    ordered = order_contacts(record, tenant.license.id, [ben.id, ana.id], actor=COMMAND_LINE, at=NOW)
    assert [each.id for each in ordered] == [ben.id, ana.id]


def test_a_contact_moves_by_places_and_no_further_than_to_an_end(record: Record) -> None:
    tenant = add_tenant(record)
    ana, ben = tenant.contacts

    def moved(contact_id: int, places: int) -> list[tuple[int, int]]:
        people = move_contact(record, contact_id, places, actor=COMMAND_LINE, at=NOW)
        return [(each.id, each.position) for each in people]

    assert moved(ana.id, 1) == [(ben.id, 1), (ana.id, 2)]
    assert moved(ana.id, 1) == [(ben.id, 1), (ana.id, 2)]
    assert moved(ana.id, -5) == [(ana.id, 1), (ben.id, 2)]
    with pytest.raises(UnknownContactError):
        moved(4711, 1)
    assert actions(record, tenant.license.id) == ["contact.moved"] * 4


def test_cleared_flags_let_everybody_with_the_number_be_tried_again(record: Record) -> None:
    ana, other = add_tenant(record).contacts[0], add_tenant(record, "Airport").contacts[0]
    change(record, other.id, whatsapp=ana.whatsapp)
    with record.write() as work:
        for each in (ana, other):
            work.contacts.block_whatsapp(each.id, "opted_out", NOW)
        work.contacts.flag_phone_invalid(ana.id, NOW)
        work.commit()
    cleared = clear_flags(record, ana.id, actor=COMMAND_LINE, at=NOW, phone=False)
    assert (cleared.whatsapp_blocked, cleared.phone_invalid_at) == (None, NOW)
    assert contact(record, other.id).whatsapp_blocked is None
    assert clear_flags(record, ana.id, actor=COMMAND_LINE, at=NOW, whatsapp=False).phone_invalid_at is None
    assert contact(record, ana.id).phone_invalid_at is None


def test_every_edit_is_in_the_audit_log_without_the_pin(record: Record) -> None:
    tenant = add_tenant(record)
    ana, ben = tenant.contacts
    change(record, ana.id, pin="987654")
    order_contacts(record, tenant.license.id, [ben.id, ana.id], actor=COMMAND_LINE, at=NOW)
    clear_flags(record, ana.id, actor=COMMAND_LINE, at=NOW)
    assert sorted(actions(record, tenant.license.id)) == [
        "contact.changed",
        "contact.flags_cleared",
        "contact.moved",
        "contact.moved",
    ]
    with record.read() as work:
        assert "987654" not in repr(work.audit.list(license_ids=[tenant.license.id], limit=50))


def test_nobody_is_edited_who_does_not_exist(record: Record) -> None:
    with pytest.raises(UnknownContactError, match="there is no contact 4711"):
        change(record, 4711, name="X")
