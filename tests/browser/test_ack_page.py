"""The acknowledgement page in a real browser, on the screen of a phone."""

import re
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Request, expect

import web.ack
from gateway.config.schema import AckLinksConfig, Config
from gateway.model.contact import Contact
from gateway.model.event import EventStatus
from tests.browser.pages import PHONE, watch
from tests.unit.web.installation import Installation, open_event
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture
def app(there: Installation) -> Flask:
    return there.app()


@pytest.fixture
def ana(there: Installation) -> Contact:
    return there.add_contact("Ana Martínez", "+15550101")


@pytest.fixture
def require_tap(there: Installation) -> None:
    there.config = replace_config(there.config)


def replace_config(config: Config) -> Config:
    return config.model_copy(update={"ack_links": AckLinksConfig(require_tap=True)})


def phone(browser: Browser, *, scripts: bool = True, dark: bool = False) -> BrowserContext:
    return browser.new_context(
        viewport=PHONE,
        device_scale_factor=2,
        is_mobile=True,
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
    )


def status(there: Installation, event_id: int) -> EventStatus:
    return there.event(event_id).status


def test_opening_the_page_acknowledges(there: Installation, ana: Contact, serve: str, browser: Browser) -> None:
    event_id = open_event(there.app().test_client(), severity="critical")
    with phone(browser) as context:
        page = context.new_page()
        complaints = watch(page)
        page.goto(serve + there.link(event_id, ana))
        expect(page.get_by_role("heading", name="You have it")).to_be_visible()
        expect(page.get_by_text("Ana Martínez")).to_be_visible()
        assert complaints == []
    event = there.event(event_id)
    assert (event.status, event.acknowledged_by, event.acknowledged_via) == (
        EventStatus.ACKNOWLEDGED,
        "Ana Martínez",
        "link",
    )


def test_button_acknowledges_where_scripts_are_off(
    there: Installation, ana: Contact, serve: str, browser: Browser
) -> None:
    event_id = open_event(there.app().test_client())
    with phone(browser, scripts=False) as context:
        page = context.new_page()
        page.goto(serve + there.link(event_id, ana))
        button = page.get_by_role("button", name="I'm on it")
        expect(button).to_be_visible()
        assert status(there, event_id) is EventStatus.OPEN
        button.click()
        expect(page.get_by_role("heading", name="You have it")).to_be_visible()
    assert status(there, event_id) is EventStatus.ACKNOWLEDGED


@pytest.mark.usefixtures("require_tap")
def test_only_a_tap_acknowledges_where_it_is_required(
    there: Installation, ana: Contact, serve: str, browser: Browser
) -> None:
    event_id = open_event(there.app().test_client())
    with phone(browser) as context:
        page = context.new_page()
        page.goto(serve + there.link(event_id, ana), wait_until="networkidle")
        page.reload(wait_until="networkidle")
        assert status(there, event_id) is EventStatus.OPEN
        page.get_by_role("button", name="I'm on it").click()
        expect(page.get_by_role("heading", name="You have it")).to_be_visible()


def test_page_that_nobody_looks_at_waits_until_somebody_does(
    there: Installation, ana: Contact, serve: str, browser: Browser
) -> None:
    event_id = open_event(there.app().test_client())
    with phone(browser) as context:
        page = context.new_page()
        page.add_init_script(
            "window.looked = false;"
            "Object.defineProperty(document, 'visibilityState', {get: () => window.looked ? 'visible' : 'hidden'});"
        )
        page.goto(serve + there.link(event_id, ana), wait_until="networkidle")
        assert status(there, event_id) is EventStatus.OPEN
        page.evaluate("window.looked = true; document.dispatchEvent(new Event('visibilitychange'))")
        until(lambda: status(there, event_id) is EventStatus.ACKNOWLEDGED, 10, "the page acknowledges when it is seen")
        # It loads itself anew then; to close a browser's window in the midst of that can hang.
        expect(page.get_by_text("You have it")).to_be_visible()


def test_failed_acknowledgement_says_so_and_offers_the_button(
    there: Installation, ana: Contact, serve: str, browser: Browser
) -> None:
    event_id = open_event(there.app().test_client())
    with phone(browser) as context:
        page = context.new_page()
        page.route("**/a/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
        page.goto(serve + there.link(event_id, ana))
        expect(page.get_by_role("alert")).to_contain_text("did not go through")
        page.unroute_all()
        page.get_by_role("button", name="I'm on it").click()
        expect(page.get_by_role("heading", name="You have it")).to_be_visible()
    assert status(there, event_id) is EventStatus.ACKNOWLEDGED


def test_long_alert_fits_the_screen_of_a_phone(
    there: Installation, ana: Contact, serve: str, browser: Browser, tmp_path: Path
) -> None:
    client = there.app().test_client()
    ben = there.add_contact("Ben", "+15550102")
    words = {"title": "Vehículo " + "W" * 120, "body": "línea\n" * 40 + "x" * 400, "severity": "critical"}
    event_id = open_event(client, **words)
    client.post(there.link(event_id, ben))
    with phone(browser, dark=True) as context:
        page = context.new_page()
        page.goto(serve + there.link(event_id, ana))
        expect(page.get_by_role("heading", name="Ben has it")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.screenshot(path=tmp_path / "page.png")


@pytest.mark.parametrize("scripts", [True, False])
def test_everything_that_a_phone_loads_to_acknowledge_is_under_30_kb(
    there: Installation, ana: Contact, serve: str, browser: Browser, *, scripts: bool
) -> None:
    words = {"title": "T" * 500, "body": "x" * 5000, "severity": "critical"}
    event_id = open_event(there.app().test_client(), **words)
    loaded: list[Request] = []

    def keep(request: Request) -> None:
        loaded.append(request)

    with phone(browser, scripts=scripts) as context:
        page = context.new_page()
        page.on("requestfinished", keep)
        page.goto(serve + there.link(event_id, ana))
        if not scripts:
            page.get_by_role("button", name="I'm on it").click()
        expect(page.get_by_role("heading", name="You have it")).to_be_visible()
        page.wait_for_load_state("networkidle")
        sizes = [(one.url, one.sizes()) for one in loaded]
    total = sum(size["responseHeadersSize"] + size["responseBodySize"] for _, size in sizes)
    assert any(url.endswith("small.css") for url, _ in sizes)
    assert 5000 < total < 30 * 1024, sizes


def test_old_browser_without_fetch_and_promises_acknowledges(
    there: Installation, ana: Contact, serve: str, browser: Browser
) -> None:
    event_id = open_event(there.app().test_client())
    with phone(browser) as context:
        page = context.new_page()
        page.add_init_script("delete window.fetch; window.fetch = undefined; delete window.Promise;")
        complaints = watch(page)
        page.goto(serve + there.link(event_id, ana))
        expect(page.get_by_role("heading", name="You have it")).to_be_visible()
        assert complaints == []
    assert status(there, event_id) is EventStatus.ACKNOWLEDGED


def test_old_browser_says_so_where_it_did_not_go_through(
    there: Installation, ana: Contact, serve: str, browser: Browser
) -> None:
    event_id = open_event(there.app().test_client())
    with phone(browser) as context:
        page = context.new_page()
        page.add_init_script("window.fetch = undefined;")
        page.route("**/a/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
        page.goto(serve + there.link(event_id, ana))
        expect(page.get_by_role("alert")).to_contain_text("did not go through")
        expect(page.get_by_role("button", name="I'm on it")).to_be_visible()


def test_script_is_written_in_words_that_old_browsers_know() -> None:
    script = (Path(web.ack.__file__).parent / "static" / "acknowledge.js").read_text(encoding="utf-8")
    code = re.sub(r"//.*", "", script)
    newer = re.findall(r"=>|`|\?\.|\b(?:const|let|class|async|await|of|import)\b", code)
    assert newer == []
