"""Licenses, contacts and sources in both databases."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.model.license import SourceKind
from gateway.ports.record import Record
from tests.records import NOW, a_contact, a_license, a_source, add_tenant


def test_a_license_comes_back_as_it_was_stored(record: Record) -> None:
    with record.write() as work:
        stored = work.licenses.add(a_license())
        work.commit()
    assert stored == replace(a_license(), id=stored.id)
    with record.read() as work:
        assert work.licenses.get(stored.id) == stored
        assert work.licenses.get(stored.id + 1) is None


def test_licenses_are_listed_by_id(record: Record) -> None:
    first, second = (add_tenant(record, name).license for name in ("Zoo", "Airport"))
    with record.read() as work:
        assert list(work.licenses.list()) == [first, second]


def test_an_updated_license_keeps_its_id_and_its_age(record: Record) -> None:
    license_ = add_tenant(record).license
    other = add_tenant(record, "Other").license
    changed = replace(license_, name="New", active=False, tier="basic", owner_telegram=None, policy={"l1_wait": "1s"})
    with record.write() as work:
        work.licenses.update(replace(changed, created_at=NOW + timedelta(days=1)))
        work.commit()
    with record.read() as work:
        assert work.licenses.get(license_.id) == changed
        assert work.licenses.get(other.id) == other


def test_nothing_is_recorded_without_commit(record: Record) -> None:
    with record.write() as work:
        work.licenses.add(a_license())
    with record.read() as work:
        assert list(work.licenses.list()) == []


def test_nothing_is_recorded_when_the_unit_of_work_raises(record: Record) -> None:
    def fail() -> None:
        with record.write() as work:
            work.licenses.add(a_license())
            raise KeyError("a mistake")

    with pytest.raises(KeyError):
        fail()
    with record.read() as work:
        assert list(work.licenses.list()) == []


def test_contacts_come_in_their_order(record: Record) -> None:
    tenant = add_tenant(record)
    with record.write() as work:
        first = work.contacts.add(a_contact(tenant.license.id, 0), pin_hash="scrypt$…")
        work.commit()
    assert first.has_pin
    with record.read() as work:
        assert list(work.contacts.of_license(tenant.license.id)) == [first, *tenant.contacts]
        assert work.contacts.get(first.id) == first
        assert work.contacts.get(first.id + 1) is None


def test_contacts_of_any_license_are_found_by_their_whatsapp_number(record: Record) -> None:
    one, other = add_tenant(record, "One"), add_tenant(record, "Other")
    with record.write() as work:
        same = work.contacts.add(
            replace(a_contact(other.license.id, 3), whatsapp=one.contacts[0].whatsapp), pin_hash=None
        )
        work.commit()
    with record.read() as work:
        assert list(work.contacts.with_whatsapp(one.contacts[0].whatsapp)) == [one.contacts[0], same]
        assert list(work.contacts.with_whatsapp("+15559999999")) == []


def test_a_contacts_window_and_wrong_number_are_recorded(record: Record) -> None:
    contact = add_tenant(record).contacts[0]
    until = NOW + timedelta(hours=24)
    with record.write() as work:
        work.contacts.open_window(contact.id, until)
        work.contacts.flag_phone_invalid(contact.id, NOW)
        work.commit()
    with record.read() as work:
        assert work.contacts.get(contact.id) == replace(contact, whatsapp_window_until=until, phone_invalid_at=NOW)


def test_a_source_is_found_by_its_token_with_its_license(record: Record) -> None:
    tenant, _ = add_tenant(record), add_tenant(record, "Other")
    with record.read() as work:
        found = work.sources.by_token_hash(tenant.token_hash, NOW)
        assert found is not None
        assert (found.source, found.license) == (tenant.source, tenant.license)
        assert work.sources.by_token_hash(b"\x00" * 32, NOW) is None
        assert work.sources.get(tenant.source.id) == tenant.source
        assert work.sources.get(tenant.source.id + 100) is None


def test_a_disabled_source_is_found_all_the_same(record: Record) -> None:
    tenant = add_tenant(record)
    disabled = replace(a_source(tenant.license.id), enabled=False, kind=SourceKind.SECURITY)
    with record.write() as work:
        stored = work.sources.add(disabled, token_hash=b"h" * 32, token_encrypted=None)
        work.commit()
    with record.read() as work:
        found = work.sources.by_token_hash(b"h" * 32, NOW)
        assert found is not None
        assert found.source == replace(disabled, id=stored.id)
        assert list(work.sources.of_license(tenant.license.id)) == [tenant.source, stored]


def test_a_datetime_without_time_zone_is_refused(record: Record) -> None:
    with record.write() as work, pytest.raises(Exception, match="without time zone"):
        work.licenses.add(replace(a_license(), created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 the mistake under test
