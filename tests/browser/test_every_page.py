"""Every page in a real browser: accessibility in light and dark, valid markup, a policy that is kept, phone width."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from gateway.model.user import Role
from gateway.ports.record import Record
from tests.browser import checks
from tests.browser.pages import DESKTOP, sign_in
from tests.unit.web.addresses import examples, page_paths
from tests.unit.web.filled import Filled, fill
from tests.unit.web.installation import Installation
from tests.unit.web.pages import with_pages
from tests.unit.web.tone import Tone

pytestmark = pytest.mark.browser


class Checker:
    """Opens pages one after the other, and keeps their markup and what is wrong with them."""

    def __init__(self, page: Page, serve: str, directory: Path) -> None:
        self.page = page
        self._serve = serve
        self._directory = directory
        self.faults: list[str] = []
        checks.listen(page)

    def open(self, name: str, path: str, status: int = 200) -> None:
        answer = self.page.goto(self._serve + path)
        assert answer is not None
        assert answer.status == status, (name, path, answer.status)
        self.look(name, answer.text())

    def refuse(self, name: str, path: str) -> None:
        """Send the form of a page with nothing in it."""
        self.page.goto(self._serve + path)
        with self.page.expect_navigation() as sent:
            self.page.evaluate(
                """() => { const form = document.querySelector("main form[method=post]:has(input:not([type=hidden]))");
                  for (const field of form.querySelectorAll("input:not([type=hidden]), textarea")) field.value = "";
                  form.noValidate = true; form.requestSubmit(form.querySelector("[type=submit]")); }"""
            )
        assert sent.value is not None
        assert sent.value.status in {400, 401}, (name, sent.value.status)
        self.look(name, sent.value.text())

    def look(self, name: str, markup: str) -> None:
        (self._directory / f"{name}.html").write_text(markup, encoding="utf-8")
        self.faults += [f"{name}: {fault}" for fault in checks.faults(self.page)]

    def check(self) -> None:
        """Say all that was wrong, on all pages."""
        faults = self.faults + checks.markup_faults(self._directory)
        assert not faults, "\n".join(faults)


@pytest.fixture
def made(record: Record) -> Filled:
    return fill(record)


@pytest.fixture
def there(made: Filled) -> Installation:
    return made.there


@pytest.fixture
def app(there: Installation, tmp_path: Path) -> Flask:
    return with_pages(there, speech=Tone(tmp_path))


@pytest.fixture
def checker(browser: Browser, serve: str, tmp_path: Path) -> Checker:
    directory = tmp_path / "markup"
    directory.mkdir()
    # Colours that are on their way to others are not judged.
    return Checker(browser.new_page(viewport=DESKTOP, reduced_motion="reduce"), serve, directory)


def test_pages_of_those_who_are_signed_in(checker: Checker, serve: str, app: Flask, made: Filled) -> None:
    sign_in(checker.page, serve, "/admin/overview/")
    for name, path in page_paths(app, made).items():
        checker.open(name, path)
    checker.open("an-exhausted-event", f"/admin/events/{made.own['exhausted']}")
    checker.open("no-event-is-like-that", "/admin/events/?text=nothing")
    checker.open("not-found", "/admin/nowhere", 404)
    checker.check()


def test_forms_that_are_refused(checker: Checker, serve: str, made: Filled) -> None:
    sign_in(checker.page, serve, "/admin/overview/")
    own, _ = examples(made)
    for name in ("sources", "contacts", "users", "licenses"):
        checker.refuse(f"new-{name}", f"/admin/{name}/new")
    checker.refuse("template", f"/admin/licenses/{own['license_id']}/templates/en/text")
    checker.refuse("account", "/admin/account")
    checker.check()


def test_pages_of_those_who_are_not_signed_in(checker: Checker, serve: str, there: Installation, made: Filled) -> None:
    checker.open("sign-in", "/admin/sign-in")
    with there.record.read() as work:
        ana, ben, kim = work.contacts.of_license(there.license.id)
    link = there.link(made.own["event"], ana)
    # Its script would acknowledge and load the page anew while it is looked at.
    checker.page.route("**/acknowledge.js", lambda route: route.fulfill(body=""))
    checker.open("to-be-acknowledged", link)
    assert checker.page.request.post(serve + link).ok
    checker.open("acknowledged", link)
    checker.open("somebody-else-has-it", there.link(made.own["event"], ben))
    checker.open("over", there.link(made.own["exhausted"], ben))
    checker.open("expired", there.link(made.own["event"], kim, timedelta(seconds=-1)), 410)
    checker.open("unknown-link", "/a/unknown", 404)
    for number in range(11):
        checker.page.goto(serve + "/admin/sign-in")
        checker.page.locator("#email").fill(f"nobody{number}@example.org")
        checker.page.locator("#password").fill("a wrong password")
        with checker.page.expect_navigation() as sent:
            checker.page.locator("#submit").click()
        assert sent.value is not None
        if number in {0, 10}:
            assert sent.value.status == (429 if number else 401)
            checker.look(f"sign-in-{sent.value.status}", sent.value.text())
    checker.check()


def test_page_that_a_role_does_not_open(checker: Checker, serve: str, made: Filled) -> None:
    sign_in(checker.page, serve, "/admin/overview/", made.users[Role.VIEWER])
    checker.open("forbidden", "/admin/users/", 403)
    checker.open("overview-of-a-viewer", "/admin/overview/")
    checker.check()
