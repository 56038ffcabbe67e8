"""The main jobs of the tabs Contacts and Licenses in a real browser."""

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from gateway.ports.record import Record
from tests.browser.pages import DESKTOP, PHONE, sign_in, watch
from tests.unit.web.installation import Installation
from tests.unit.web.pages import add_user, with_pages
from tests.unit.web.tone import Tone
from tests.waiting import until

pytestmark = pytest.mark.browser

NAMES = ("Ana", "Ben", "Cleo")


@pytest.fixture
def there(record: Record, tmp_path: Path) -> Installation:
    made = Installation(record, audio_dir=tmp_path)
    add_user(made)
    for number, name in enumerate(NAMES):
        made.add_contact(name, f"+1212555010{number}")
    return made


@pytest.fixture
def speech(tmp_path: Path) -> Tone:
    return Tone(tmp_path)


@pytest.fixture
def app(there: Installation, speech: Tone) -> Flask:
    return with_pages(there, speech=speech)


def names(there: Installation) -> list[str]:
    with there.record.read() as work:
        return [one.name for one in work.contacts.of_license(there.license.id)]


def order(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("[data-contact] td[data-label=Name] a").all_text_contents()]


def test_contact_is_moved_by_button_and_by_keys_and_the_focus_stays(
    there: Installation, serve: str, browser: Browser
) -> None:
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/contacts/")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("button", name="Move Cleo up").click()
        status = page.locator("[data-moved]")
        expect(status).to_contain_text("Cleo is number 2 now.")
        expect(page.get_by_role("button", name="Move Cleo up")).to_be_focused()
        page.keyboard.press("Alt+ArrowUp")
        expect(status).to_contain_text("Cleo is number 1 now.")
        # The first one cannot go up any more, so the other button of the row has the focus.
        expect(page.get_by_role("button", name="Move Cleo down")).to_be_focused()
        assert order(page) == names(there) == ["Cleo", "Ana", "Ben"]
        assert complaints == []


def test_contact_is_dragged_to_another_place(there: Installation, serve: str, browser: Browser) -> None:
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/contacts/")
        rows = page.locator("[data-contact]")
        handle = rows.nth(0).locator("[data-handle]").bounding_box()
        last = rows.nth(2).bounding_box()
        assert handle is not None
        assert last is not None
        page.mouse.move(handle["x"] + 8, handle["y"] + 8)
        page.mouse.down()
        page.mouse.move(handle["x"] + 20, handle["y"] + 30, steps=3)
        page.mouse.move(last["x"] + 100, last["y"] + last["height"] - 5, steps=5)
        page.mouse.up()
        expect(page.locator("[data-moved]")).to_contain_text("The order is changed")
        assert order(page) == names(there) == ["Ben", "Cleo", "Ana"]
        assert complaints == []


def test_template_is_seen_and_heard_while_it_is_worded(
    there: Installation, serve: str, speech: Tone, browser: Browser
) -> None:
    path = f"/admin/licenses/{there.license.id}/templates/en/call"
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, path)
        expect(page.get_by_role("button", name="Preview")).to_be_hidden()
        page.get_by_label("Template").fill("Wake up: {{ titel }}")
        expect(page.locator("[data-problem]")).to_contain_text("did you mean title?")
        page.get_by_label("Template").fill("Wake up: {{ title }}")
        expect(page.locator("[data-spoken]")).to_contain_text("Wake up: Blacklisted plate")
        expect(page.locator("[data-problem]")).to_have_text("")
        page.get_by_role("button", name="Listen").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        until(lambda: speech.said, timeout=20, message="nothing was spoken")
        assert speech.said[0].startswith("Wake up: Blacklisted plate")
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Listen")).to_be_enabled()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Alerts from now on are told by it.")).to_be_visible()
        assert complaints == []
    with there.record.read() as work:
        (license_,) = work.licenses.list()
    assert license_.templates == {"en": {"call": "Wake up: {{ title }}"}}
