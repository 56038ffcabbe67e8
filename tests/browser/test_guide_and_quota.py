"""The main jobs of the tabs Guide and Quota in a real browser."""

import pytest
from playwright.sync_api import Browser, Dialog, expect

from gateway.model.event import EventStatus
from gateway.model.license import SourceKind
from gateway.ports.record import Record
from gateway.services import sources
from tests.browser.pages import PHONE, sign_in, watch
from tests.unit.web.installation import Installation
from tests.unit.web.pages import TOKENS, add_user

pytestmark = pytest.mark.browser


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
