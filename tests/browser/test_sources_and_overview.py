"""The main jobs of the tabs Alert sources, Overview and Users in a real browser."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from gateway.config.schema import WebConfig
from gateway.model.license import SourceKind
from tests import ports
from tests.browser.pages import DESKTOP, PHONE, is_wider_than_its_window, served, sign_in, watch
from tests.unit.web.installation import Installation, open_event
from tests.unit.web.pages import PASSWORD

pytestmark = pytest.mark.browser

NAME = "Gate 4 'north' \"A\" $HOME `id` \\"


@pytest.fixture
def port(there: Installation) -> int:
    """Return the port of the address that commands are made with."""
    chosen = ports.free_port()
    there.config = there.config.model_copy(update={"web": WebConfig(public_url=f"http://127.0.0.1:{chosen}")})
    return chosen


@pytest.fixture
def serve(port: int, app: Flask) -> Iterator[str]:
    with served(app, port) as address:
        yield address


def test_new_source_is_posted_to_by_the_command_that_its_menu_copies(
    there: Installation, serve: str, browser: Browser
) -> None:
    bash = shutil.which("bash")
    assert bash
    allowed = ["clipboard-read", "clipboard-write"]
    with browser.new_context(viewport=DESKTOP, permissions=allowed) as context:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/sources/")
        page.get_by_role("link", name="New source").click()
        page.get_by_label("Name").fill(NAME)
        page.get_by_label("Kind").select_option(SourceKind.PARKING.value)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(NAME)
        page.goto(serve + "/admin/sources/")
        page.get_by_role("row").filter(has_text=NAME).get_by_role("button", name="Actions").click()
        page.get_by_role("button", name="Copy curl").click()
        expect(page.locator(".admin-toast")).to_be_visible()
        command = page.evaluate("navigator.clipboard.readText()")
        assert complaints == []
    done = subprocess.run([bash, "-c", command], capture_output=True, text=True, check=True, timeout=60)
    (event,) = there.all_events()
    assert f'"event_id":{event.id}' in done.stdout.replace(" ", "")
    with there.record.read() as work:
        source = work.sources.get(event.source_id)
    assert source is not None
    assert (source.name, source.kind) == (NAME, SourceKind.PARKING)


@pytest.mark.parametrize("streams", [True, False])
def test_overview_shows_a_new_alert_without_being_loaded_again(
    there: Installation, app: Flask, serve: str, browser: Browser, *, streams: bool
) -> None:
    there.add_contact("Ana")
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        if not streams:
            # As where all streams are taken.
            page.route("**/admin/live/?*", lambda route: route.fulfill(status=503, body=""))
        sign_in(page, serve, "/admin/overview/")
        expect(page.locator("[data-live-state]")).to_have_text(
            "Live" if streams else "Every few seconds", timeout=60_000
        )
        page.evaluate("window.sameDocument = true")
        expect(page.get_by_text("Nothing escalates. All is quiet.")).to_be_visible()
        event_id = open_event(app.test_client(), "Fence cut at lane 9", severity="critical")
        link = page.get_by_role("link", name="Fence cut at lane 9")
        expect(link).to_be_visible(timeout=60_000)
        assert page.evaluate("window.sameDocument") is True
        assert not is_wider_than_its_window(page)
        link.click()
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("nobody else is called")).to_be_visible()
    assert there.event(event_id).acknowledged_by == "root"


def test_user_is_added_and_disabled_and_the_audit_log_tells_before_and_after(
    there: Installation, serve: str, browser: Browser
) -> None:
    with browser.new_context(viewport=DESKTOP) as context, browser.new_context(viewport=DESKTOP) as elsewhere:
        page = context.new_page()
        complaints = watch(page)
        sign_in(page, serve, "/admin/users/new")
        page.get_by_label("E-mail").fill("eye@example.org")
        page.get_by_label("Role").select_option("viewer")
        page.get_by_label("Licenses").select_option(str(there.license.id))
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("eye@example.org may sign in now.")).to_be_visible()
        theirs = elsewhere.new_page()
        sign_in(theirs, serve, "/admin/overview/", "eye@example.org")
        page.get_by_role("link", name="eye@example.org").click()
        page.get_by_label("May sign in").uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        theirs.goto(serve + "/admin/events/")
        expect(theirs).to_have_url(f"{serve}/admin/sign-in?next=/admin/events/")
        page.goto(serve + "/admin/audit/")
        entry = page.get_by_role("row").filter(has_text="user.changed").first
        expect(entry).to_contain_text("enabled")
        assert complaints == []


def test_keys_alone_lead_past_the_tabs_and_through_a_menu(serve: str, browser: Browser) -> None:
    with browser.new_context(viewport=DESKTOP, reduced_motion="reduce") as context:
        page = context.new_page()
        sign_in(page, serve, "/admin/sources/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        actions = page.get_by_role("button", name="Actions").first
        actions.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".dropdown-menu.show")).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(page.locator(".dropdown-menu.show .dropdown-item").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".dropdown-menu.show")).to_have_count(0)
        expect(actions).to_be_focused()
