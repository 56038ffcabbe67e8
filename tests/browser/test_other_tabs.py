"""The main jobs of the tabs Events, Calls, Trunks, Licenses, Audit log and My account in a real browser."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from gateway.ports.heartbeats import LinesState
from gateway.ports.record import Record
from tests.browser.pages import DESKTOP, PHONE, is_wider_than_its_window, sign_in, watch
from tests.unit.web.filled import Filled, fill
from tests.unit.web.installation import Installation, post
from tests.unit.web.pages import PASSWORD, with_pages
from tests.unit.web.tone import Tone

pytestmark = pytest.mark.browser

_NEW_PASSWORD = "another good password"


@pytest.fixture
def made(record: Record) -> Filled:
    return fill(record)


@pytest.fixture
def there(made: Filled) -> Installation:
    return made.there


@pytest.fixture
def app(there: Installation, tmp_path: Path) -> Flask:
    return with_pages(there, speech=Tone(tmp_path))


def test_an_event_is_found_by_its_title_and_status_and_taken(made: Filled, serve: str, browser: Browser) -> None:
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/events/")
        assert not is_wider_than_its_window(page)
        page.get_by_label("Title").fill("intrusion")
        page.get_by_label("Status").select_option("open")
        page.get_by_role("button", name="Filter").click()
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(1)
        page.get_by_role("link", name="Intrusion: motion in hall B").click()
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("Acknowledged: nobody else is called.")).to_be_visible()
        page.goto(f"{serve}/admin/events/?status=acknowledged&text=intrusion")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("Acknowledged")
        page.goto(f"{serve}/admin/events/?status=open&text=intrusion")
        expect(page.get_by_text("No event is like that.")).to_be_visible()
        # Streams of pages that were left may still take the places of all: then a page asks every few seconds.
        assert [text for text in complaints if "503" not in text and "/admin/live/" not in text] == []
    assert made.there.event(made.own["event"]).acknowledged_by == "root"


def test_calls_are_filtered_and_exported_as_they_are_shown(serve: str, browser: Browser) -> None:
    with browser.new_context(viewport=DESKTOP, accept_downloads=True) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/calls/")
        page.get_by_label("Outcome").select_option("busy")
        page.get_by_role("button", name="Filter").click()
        rows = page.locator("tbody tr")
        expect(rows.first).to_contain_text("Busy")
        shown = rows.count()
        with page.expect_download() as download:
            page.get_by_role("link", name="Export CSV").click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        exported = list(csv.DictReader(io.StringIO(text)))
        assert len(exported) == shown > 1
        assert {row["outcome"] for row in exported} == {"busy"}
        # What a spreadsheet would take for a formula; a number with its + is none.
        cells = [cell for row in exported for cell in row.values() if cell]
        assert not [cell for cell in cells if cell[0] in "=@" or (cell[0] in "+-" and not cell[1:].isdecimal())]
        rows.first.get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Call to")
        assert complaints == []


def test_a_trunk_that_comes_back_is_seen_without_loading_the_page_again(
    there: Installation, serve: str, browser: Browser
) -> None:
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/trunks/")
        expect(page.get_by_text("Left alone")).to_be_visible()
        page.evaluate("window.sameDocument = true")
        with there.record.write() as work:
            (beat,) = work.heartbeats.latest()
            assert beat.lines is not None
            well = LinesState(trunks=[replace(trunk, breaker="closed") for trunk in beat.lines.trunks])
            work.heartbeats.beat(replace(beat, lines=well))
            work.commit()
        expect(page.get_by_text("Left alone")).to_have_count(0, timeout=60_000)
        assert page.evaluate("window.sameDocument") is True
        assert complaints == []


def test_a_license_is_set_up_and_the_audit_log_tells_what_was_changed_in_it(
    there: Installation, serve: str, browser: Browser
) -> None:
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/licenses/new")
        page.get_by_label("Name").fill("Quay 5")
        page.get_by_label("Wait after the WhatsApp text").fill("45s")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Quay 5 is set up.")).to_be_visible()
        page.goto(f"{serve}/admin/contacts/")
        expect(page.get_by_role("heading", name="Quay 5")).to_be_visible()
        page.goto(f"{serve}/admin/licenses/")
        page.get_by_role("link", name="Quay 5").click()
        page.get_by_role("link", name="Edit").click()
        expect(page.get_by_label("Wait after the WhatsApp text")).to_have_value("45s")
        page.get_by_label("Name").fill("Quay 6")
        page.get_by_role("button", name="Save").click()
        page.goto(f"{serve}/admin/audit/")
        entry = page.locator("tbody tr").filter(has_text="license.changed").first
        expect(entry).to_contain_text("Quay 5")
        expect(entry).to_contain_text("Quay 6")
        assert complaints == []
    with there.record.read() as work:
        assert [one.policy for one in work.licenses.list() if one.name == "Quay 6"] == [{"l1_wait": "45s"}]


def test_a_new_token_is_taken_at_once_and_the_old_one_for_a_while(
    there: Installation, app: Flask, serve: str, browser: Browser
) -> None:
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        sign_in(page, serve, "/admin/sources/")
        row = page.get_by_role("row").filter(has_text="Gate source").first
        row.get_by_role("button", name="Actions").click()
        page.get_by_role("link", name="Rotate token").click()
        page.get_by_label("The present token is still taken for").select_option(label="an hour")
        page.get_by_role("button", name="Make a new token").click()
        token = page.locator("input[value^=tsn_], code:has-text('tsn_')").first
        expect(token).to_be_visible()
        new = token.input_value() if token.evaluate("one => one.tagName") == "INPUT" else token.inner_text().strip()
        assert post(app.test_client(), token=new, title="By the new one")[0] == 200
        assert post(app.test_client(), title="By the old one")[0] == 200
        there.clock.advance(3601)
        assert post(app.test_client(), title="By the old one")[0] == 403
        assert post(app.test_client(), token=new, title="By the new one again")[0] == 200
        page.goto(f"{serve}/admin/sources/")
        row.get_by_role("button", name="Actions").click()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Disable").click()
        confirm = page.locator("dialog[open] button[value=ok], dialog[open] .btn-primary, dialog[open] .btn-danger")
        if confirm.count():
            confirm.first.click()
        expect(page.get_by_text("its posts are refused")).to_be_visible()
    assert post(app.test_client(), token=new, title="Refused")[0] == 403


def test_ones_language_and_password_are_changed_and_other_browsers_are_signed_out(serve: str, browser: Browser) -> None:
    with browser.new_context(viewport=DESKTOP) as context, browser.new_context(viewport=DESKTOP) as elsewhere:
        page, other = context.new_page(), elsewhere.new_page()
        complaints = watch(page)
        sign_in(other, serve, "/admin/overview/")
        sign_in(page, serve, "/admin/account")
        page.get_by_label("Language").select_option("de")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("html")).to_have_attribute("lang", "de")
        expect(page.get_by_role("heading", name="Mein Konto")).to_be_visible()
        expect(page.get_by_role("link", name="Übersicht").first).to_be_attached()
        page.get_by_label("Bisheriges Passwort").fill(PASSWORD)
        page.get_by_label("Neues Passwort", exact=True).fill(_NEW_PASSWORD)
        page.get_by_label("Neues Passwort noch einmal").fill(_NEW_PASSWORD)
        page.get_by_role("button", name="Passwort ändern").click()
        expect(page.get_by_text("Ihr Passwort ist geändert.")).to_be_visible()
        other.goto(f"{serve}/admin/overview/")
        expect(other).to_have_url(f"{serve}/admin/sign-in?next=/admin/overview/")
        assert complaints == []
