"""The tab of contacts."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.contact import Contact
from gateway.model.user import Role
from gateway.ports.record import Record
from tests.unit.web.installation import Installation
from tests.unit.web.pages import Browser, signed_in, with_pages

pytestmark = pytest.mark.databases("sqlite")

_CONFIG, _ = parse_config(
    """
    twilio: {account_sid: AC00000000000000000000000000000000, auth_token: x, whatsapp_from: "+14155238886"}
    call_safety: {denied: ["+34806"]}
    """,
    {},
)


@pytest.fixture
def config() -> Config:
    return _CONFIG


def people(there: Installation) -> list[Contact]:
    with there.record.read() as work:
        return list(work.contacts.of_license(there.license.id))


def names(there: Installation) -> list[str]:
    return [one.name for one in people(there)]


def audited(there: Installation) -> list[str]:
    with there.record.read() as work:
        return [entry.action for entry in work.audit.list(license_ids=[there.license.id])]


def test_contact_is_set_up_with_the_licenses_language_and_their_phone_as_whatsapp(
    there: Installation, root: Browser
) -> None:
    assert "Nobody is told of this license" in root.get("/admin/contacts/").get_data(as_text=True)
    root.get(f"/admin/contacts/new?license={there.license.id}")
    fields = {"license": there.license.id, "name": "Ana <b>", "phone": "+34 600 111 222", "language": "", "pin": "4711"}
    answer = root.post("/admin/contacts/new", **fields)
    (ana,) = people(there)
    assert answer.location == f"/admin/contacts/#contact-{ana.id}"
    assert (ana.phone, ana.whatsapp, ana.language, ana.has_pin) == ("+34600111222", "+34600111222", "en", True)
    page = root.get("/admin/contacts/").get_data(as_text=True)
    assert "Ana &lt;b&gt;" in page
    assert "4711" not in page
    assert audited(there) == ["contact.added"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"phone": "600"}, "write + and the country code"),
        ({"phone": "+34806123456"}, "would never be called: call_safety.denied has its beginning"),
        ({"phone": "+881612345678"}, "satellite numbers are not called unless"),
        ({"whatsapp": "x"}, "write + and the country code"),
        ({"pin": "12"}, "must be 4 to 10 digits"),
        ({"name": " "}, "must be 1 to 200 printable characters"),
        ({"language": "it"}, "Not a valid choice"),
        ({"license": "99"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_stands_beside_its_field_and_changes_nothing(
    there: Installation, root: Browser, changes: dict[str, str], told: str
) -> None:
    fields = {"license": there.license.id, "name": "Ana", "phone": "+34600111222", "language": "es", **changes}
    root.get("/admin/contacts/new")
    answer = root.post("/admin/contacts/new", **fields)
    assert answer.status_code == 400
    assert told in answer.get_data(as_text=True)
    assert people(there) == []


def test_contact_is_changed_and_their_pin_is_kept_changed_and_removed(there: Installation, root: Browser) -> None:
    ana = there.add_contact("Ana", "+34600111222", language="it")
    path = f"/admin/contacts/{ana.id}"
    page = root.get(path).get_data(as_text=True)
    assert "remove_pin" not in page, "there is none"
    assert 'value="it"' in page, "a language that is no usual choice stays"
    fields = {"name": "Ana B", "phone": "+34600111222", "whatsapp": "+34600999888", "language": "it", "enabled": "y"}
    assert root.post(path, **fields, pin="4711").status_code == 302
    (changed,) = people(there)
    assert (changed.name, changed.whatsapp, changed.language, changed.has_pin) == ("Ana B", "+34600999888", "it", True)
    assert root.post(path, **fields).status_code == 302
    assert people(there)[0].has_pin
    both = root.post(path, **fields, pin="4712", remove_pin="y")
    assert both.status_code == 400
    assert "choose one of both" in both.get_data(as_text=True)
    assert root.post(path, **{**fields, "whatsapp": ""}, remove_pin="y").status_code == 302
    (changed,) = people(there)
    assert (changed.whatsapp, changed.has_pin) == ("+34600111222", False)
    with there.record.read() as work:
        assert "4711" not in repr(work.audit.list(license_ids=None))


def test_number_that_became_forbidden_can_stay_but_not_be_entered(there: Installation, root: Browser) -> None:
    ana = there.add_contact("Ana", "+34806123456")
    path = f"/admin/contacts/{ana.id}"
    assert "Is never called" in root.get("/admin/contacts/").get_data(as_text=True)
    fields = {"name": "Ana B", "phone": "+34806123456", "language": "en", "enabled": "y"}
    assert root.post(path, **fields).status_code == 302
    assert root.post(path, **{**fields, "phone": "+34806123457"}).status_code == 400


def test_contacts_are_moved_by_places_and_as_a_whole(there: Installation, root: Browser) -> None:
    ana, ben, cleo = (
        there.add_contact(name, f"+1555010{number}") for number, name in enumerate(("Ana", "Ben", "Cleo"))
    )
    root.get("/admin/contacts/")
    assert root.post(f"/admin/contacts/{cleo.id}/move", to="up").location == f"/admin/contacts/#contact-{cleo.id}"
    assert names(there) == ["Ana", "Cleo", "Ben"]
    assert "Cleo is number 2 now." in root.get("/admin/contacts/").get_data(as_text=True)
    root.post(f"/admin/contacts/{ana.id}/move", to="down")
    assert names(there) == ["Cleo", "Ana", "Ben"]
    root.post(f"/admin/contacts/{cleo.id}/move", to="up")
    assert names(there) == ["Cleo", "Ana", "Ben"], "who is first stays first"
    assert root.post(f"/admin/contacts/{cleo.id}/move", to="sideways").status_code == 400
    order = f"/admin/contacts/order/{there.license.id}"
    root.post(order, contact=[ben.id, ana.id, cleo.id])
    assert names(there) == ["Ben", "Ana", "Cleo"]
    root.post(order, contact=[ana.id, ben.id])
    assert "Somebody else has changed the contacts" in root.get("/admin/contacts/").get_data(as_text=True)
    assert names(there) == ["Ben", "Ana", "Cleo"]
    assert set(audited(there)) == {"contact.moved"}


def test_disabled_contact_is_told_no_more_until_they_are_enabled(there: Installation, root: Browser) -> None:
    ana = there.add_contact("Ana")
    root.get("/admin/contacts/")
    root.post(f"/admin/contacts/{ana.id}/enabled")
    assert not people(there)[0].enabled
    assert "Ana is not told of new alerts any more." in root.get("/admin/contacts/").get_data(as_text=True)
    root.post(f"/admin/contacts/{ana.id}/enabled")
    assert people(there)[0].enabled
    assert audited(there) == ["contact.changed"] * 2


def test_reachability_is_told_in_words_and_its_flags_are_cleared_one_by_one(there: Installation, root: Browser) -> None:
    now = there.clock.now()
    ana, ben, cleo, dan = (there.add_contact(f"P{number}", f"+1212555010{number}") for number in range(4))
    with there.record.write() as work:
        work.contacts.flag_phone_invalid(ana.id, now)
        work.contacts.block_whatsapp(ana.id, "63003: not on WhatsApp", now)
        work.contacts.block_whatsapp(ben.id, "opted_out", now)
        work.contacts.open_window(cleo.id, now + timedelta(hours=3))
        work.contacts.close_window(dan.id, now)
        work.commit()
    page = root.get("/admin/contacts/").get_data(as_text=True)
    for words in (
        "The network knows no such number",
        "63003: not on WhatsApp",
        "Wrote STOP by WhatsApp",
        "WhatsApp: window open until",
        "2026-11-20 16:00:00 CET",
        "WhatsApp: window closed",
    ):
        assert words in page
    assert "opted_out" not in page
    root.post(f"/admin/contacts/{ana.id}/clear-flags", which="phone")
    cleared = people(there)[0]
    assert (cleared.phone_invalid_at, cleared.whatsapp_blocked) == (None, "63003: not on WhatsApp")
    root.post(f"/admin/contacts/{ana.id}/clear-flags", which="whatsapp")
    assert people(there)[0].whatsapp_blocked is None
    assert root.post(f"/admin/contacts/{ana.id}/clear-flags").status_code == 400
    assert people(there)[1].whatsapp_blocked == "opted_out"
    assert audited(there) == ["contact.flags_cleared"] * 2


def test_without_whatsapp_the_page_says_that_people_get_calls_only(record: Record, tmp_path: Path) -> None:
    there = Installation(record, audio_dir=tmp_path, config=Config())
    there.add_contact("Ana")
    browser = signed_in(with_pages(there), there)
    assert "WhatsApp is not set up" in browser.get("/admin/contacts/").get_data(as_text=True)


def test_viewer_looks_and_changes_nothing(app: Flask, there: Installation) -> None:
    ana = there.add_contact("Ana")
    browser = signed_in(app, there, "eye@example.org", Role.VIEWER, [there.license.id])
    page = browser.get("/admin/contacts/").get_data(as_text=True)
    assert "Ana" in page
    assert "/move" not in page
    assert browser.get("/admin/contacts/new").status_code == 403
    paths = [f"{ana.id}", f"{ana.id}/enabled", f"{ana.id}/move", f"{ana.id}/clear-flags", "new", "order/1"]
    assert {browser.post(f"/admin/contacts/{path}").status_code for path in paths} == {403}


def test_contacts_of_another_license_do_not_exist(app: Flask, there: Installation) -> None:
    ana = there.add_contact("Ana")
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    browser = signed_in(app, there, "ben@example.org", Role.ADMIN, [other.id])
    assert "Ana" not in browser.get("/admin/contacts/").get_data(as_text=True)
    browser.get("/admin/contacts/new")
    paths = ["", "/enabled", "/move", "/clear-flags"]
    assert {browser.post(f"/admin/contacts/{ana.id}{path}").status_code for path in paths} == {404}
    assert browser.get(f"/admin/contacts/{ana.id}").status_code == 404
    assert browser.get("/admin/contacts/999").status_code == 404
    assert browser.post(f"/admin/contacts/order/{there.license.id}", contact=ana.id).status_code == 404
    fields = {"license": there.license.id, "name": "Mine", "phone": "+12125550100", "language": ""}
    assert browser.post("/admin/contacts/new", **fields).status_code == 400
    assert names(there) == ["Ana"]


def test_change_without_the_forms_token_is_refused(there: Installation, root: Browser) -> None:
    ana = there.add_contact("Ana")
    assert root.client.post(f"/admin/contacts/{ana.id}/enabled").status_code == 400
    assert people(there)[0].enabled
