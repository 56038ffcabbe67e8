"""The main jobs of the tabs Guide and Quota in a real browser."""

import logging
import shutil
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright
from werkzeug.serving import make_server

from gateway.model.event import EventStatus
from gateway.model.license import SourceKind
from gateway.ports.record import Record
from gateway.services import sources
from gateway.store import open_record
from tests.browser.test_ack_page import ARGUMENTS, PHONE, watch
from tests.unit.web.installation import Installation
from tests.unit.web.pages import PASSWORD, TOKENS, add_user, with_pages

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "these tests need Chromium: install the package chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def record(sqlite_url: str) -> Iterator[Record]:
    opened = open_record(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def there(record: Record) -> Installation:
    made = Installation(record)
    add_user(made)
    sources.add_source(
        record,
        TOKENS,
        license_id=made.license.id,
        kind=SourceKind.SECURITY,
        name="Test panel",
        at=made.clock.now(),
    )
    return made


@pytest.fixture
def serve(there: Installation) -> Iterator[str]:
    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, with_pages(there), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    logger.setLevel(level)


def sign_in(page: Page, serve: str, path: str) -> None:
    page.goto(f"{serve}/admin/sign-in?next={path}")
    page.locator("#email").fill("root@example.org")
    page.locator("#password").fill(PASSWORD)
    page.locator("#submit").click()
    page.wait_for_url(f"**{path}")


def test_run_asks_first_then_shows_the_answer_and_its_event(there: Installation, serve: str, browser: Browser) -> None:
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/guide/")
        page.get_by_label("Source", exact=True).select_option("Test panel")
        asked: list[str] = []

        def refuse(dialog: Dialog) -> None:
            asked.append(dialog.message)
            dialog.dismiss()

        page.once("dialog", refuse)
        page.get_by_role("button", name="Run An intrusion").click()
        assert "phones ring" in asked[0]
        assert there.all_events() == []
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Run An intrusion").click()
        expect(page.get_by_text("Posted as Test panel.")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("link", name="Event 1").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Intrusion")
        assert complaints == []
    (event,) = there.all_events()
    assert event.status is EventStatus.OPEN


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_are_drawn_in_the_theme_of_the_page(
    there: Installation, serve: str, browser: Browser, theme: str
) -> None:
    with browser.new_context(viewport=PHONE, color_scheme="dark" if theme == "dark" else "light") as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, f"/admin/quota/{there.license.id}")
        charts = page.get_by_role("img", name="by month")
        expect(charts).to_have_count(2)
        for chart, what in zip(charts.all(), ["voice", "events"], strict=True):
            chart.scroll_into_view_if_needed()
            expect(chart).to_have_attribute("src", f"/admin/quota/{there.license.id}/{what}.svg?theme={theme}")
            expect(chart).to_have_js_property("naturalWidth", 560)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert complaints == []
