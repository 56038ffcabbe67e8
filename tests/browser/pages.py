"""Pages in a headless Chromium: to start one, to serve an application to it, to sign in, to hear its complaints."""

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import BaseWSGIServer, make_server

from tests.unit.web.pages import PASSWORD

PHONE = {"width": 390, "height": 780}
DESKTOP = {"width": 1280, "height": 900}
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# It costs nothing where all goes well, and other tests use the processor at the same time.
expect.set_options(timeout=30_000)
_BROKEN_OFF = "net::ERR_ABORTED"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "this needs Chromium: install the package chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield running
        running.close()


@contextmanager
def served(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an application on that port, 0 for any that is free; give its address."""
    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.ERROR)
    server: BaseWSGIServer = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        logger.setLevel(level)


def sign_in(page: Page, serve: str, path: str, email: str = "root@example.org") -> None:
    """Sign in and stand on that page."""
    page.goto(f"{serve}/admin/sign-in?next={path}")
    page.locator("#email").fill(email)
    page.locator("#password").fill(PASSWORD)
    page.locator("#submit").click()
    page.wait_for_url(f"**{path}")


def watch(page: Page) -> list[str]:
    """Return the list of what the browser complains about: errors, what is not found, what the policy forbids."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # A page that loads itself anew breaks off what was still loading.
    page.on("requestfailed", lambda request: complaints.append(request.url) if request.failure != _BROKEN_OFF else None)
    return complaints


def is_wider_than_its_window(page: Page) -> bool:
    """Tell whether the page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
