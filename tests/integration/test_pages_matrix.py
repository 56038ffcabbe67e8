"""Who may do what: every view of the pages, for every role, on what is theirs and on what is another license's.

The cases come from the application itself. A view whose address names something that this file has no example of fails
the first test, which says what to do.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from gateway.model.user import Role
from gateway.ports.record import Record
from gateway.services import users
from gateway.services.users import UserChange
from tests.unit.web.addresses import PLAIN, examples, path_of
from tests.unit.web.filled import Filled, fill
from tests.unit.web.pages import PASSWORD, Browser, quick_passwords, with_pages
from tests.unit.web.tone import Tone
from web.admin import access

pytestmark = pytest.mark.databases("sqlite")

_RANKS = {Role.VIEWER: 0, Role.ADMIN: 1, Role.SUPERADMIN: 2}
# A stream does not end; what it says is tested by itself, and who may open it by its rule.
_ENDLESS = {"admin.live.stream"}
_REFUSED = {401, 403, 404}


@dataclass(frozen=True, slots=True)
class View:
    """One method of one view."""

    method: str
    rule: Rule
    least: Role

    @property
    def owned(self) -> set[str]:
        """The parts of the address that belong to a license."""
        return self.rule.arguments - PLAIN.keys()

    def path(self, values: Mapping[str, Any]) -> str:
        """Return the address with its parts filled in."""
        return path_of(self.rule, values)


@pytest.fixture
def made(record: Record) -> Filled:
    return fill(record)


@pytest.fixture
def app(made: Filled, tmp_path: Path) -> Flask:
    return with_pages(made.there, speech=Tone(tmp_path))


def views(app: Flask) -> list[View]:
    """Return every view that is not open to all."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin.") or rule.endpoint == "admin.static":
            continue
        least = access.least_role(app.view_functions[rule.endpoint])
        if least is not None and rule.endpoint not in _ENDLESS:
            found += [View(method, rule, least) for method in sorted((rule.methods or set()) & {"GET", "POST"})]
    return found


def signed_in(app: Flask, made: Filled, role: Role) -> Browser:
    browser = Browser(app)
    assert browser.sign_in(made.users[role]) == 302
    return browser


def ask(browser: Browser, view: View, values: Mapping[str, Any]) -> int:
    path = view.path(values)
    answer = browser.get(path) if view.method == "GET" else browser.post(path)
    return answer.status_code


def everything(url: str) -> str:
    """Return all that is in the database."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        return "\n".join(database.iterdump())


def test_there_is_an_example_of_everything_that_an_address_names(app: Flask, made: Filled) -> None:
    own, other = examples(made)
    unknown = {(view.rule.rule, name) for view in views(app) for name in view.owned - own.keys()}
    assert not unknown, f"give examples in tests/unit/web/addresses.py one of each license for {sorted(unknown)}"
    assert own.keys() == other.keys()
    assert not [name for name in own if own[name] == other[name]]
    assert len(views(app)) > 50


def test_whoever_is_not_signed_in_is_sent_to_the_sign_in(app: Flask, made: Filled, sqlite_url: str) -> None:
    own, _ = examples(made)
    before = everything(sqlite_url)
    for view in views(app):
        answer = Browser(app).client.open(view.path(own), method=view.method)
        assert answer.status_code == 302, view
        assert answer.headers["Location"].startswith("/admin/sign-in"), view
    assert everything(sqlite_url) == before


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_it_is_open_to_and_nothing_else(app: Flask, made: Filled, role: Role) -> None:
    own, _ = examples(made)
    for view in sorted(views(app), key=lambda each: each.method):
        browser = signed_in(app, made, role) if view.rule.endpoint == "admin.account.save_password" else None
        browser = browser or _kept(app, made, role)
        status = ask(browser, view, own)
        if _RANKS[role] >= _RANKS[view.least]:
            assert status not in _REFUSED, (view, status)
            assert status < 500, (view, status)
        else:
            assert status == 403, (view, status)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_what_is_another_licenses_does_not_exist(app: Flask, made: Filled, role: Role, sqlite_url: str) -> None:
    own, other = examples(made)
    browser = _kept(app, made, role)
    asked = 0
    for view in views(app):
        for name in view.owned:
            before = everything(sqlite_url)
            status = ask(browser, view, own | {name: other[name]})
            assert status == (404 if _RANKS[role] >= _RANKS[view.least] else 403), (view, name, status)
            assert everything(sqlite_url) == before, view
            asked += 1
    assert asked > 30


@pytest.mark.parametrize("token", [None, "forged"])
def test_a_form_without_the_sessions_token_changes_nothing(
    app: Flask, made: Filled, sqlite_url: str, token: str | None
) -> None:
    own, _ = examples(made)
    browser = _kept(app, made, Role.SUPERADMIN)
    fields = {} if token is None else {"csrf_token": token}
    before = everything(sqlite_url)
    for view in views(app):
        if view.method == "POST":
            answer = browser.client.post(view.path(own), data=fields)
            assert answer.status_code == 400, view
    assert everything(sqlite_url) == before


def test_lists_show_nothing_of_another_license(app: Flask, made: Filled) -> None:
    for role in (Role.VIEWER, Role.ADMIN):
        browser = _kept(app, made, role)
        for view in views(app):
            if view.method == "GET" and not view.owned and _RANKS[role] >= _RANKS[view.least]:
                text = browser.get(view.path({})).get_data(as_text=True)
                for word in ("Öresund", "Bay 7", "Lars Åkesson", "Lot 7", "+12125550201"):
                    assert word not in text, (view, word)
    assert "Öresund" in _kept(app, made, Role.SUPERADMIN).get("/admin/licenses/").get_data(as_text=True)


def test_all_sessions_of_a_user_end_when_the_password_changes(app: Flask, made: Filled) -> None:
    browsers = [signed_in(app, made, Role.ADMIN) for _ in range(3)]
    users.set_password(
        made.there.record,
        quick_passwords(),
        user_id=made.own["user:admin"],
        password="another long password",
        at=made.there.clock.now(),
    )
    assert [browser.get("/admin/overview/").status_code for browser in browsers] == [302, 302, 302]
    assert Browser(app).sign_in(made.users[Role.ADMIN], PASSWORD) == 401
    assert Browser(app).sign_in(made.users[Role.ADMIN], "another long password") == 302


def test_a_user_who_is_turned_off_is_out_at_once_and_a_new_role_holds_at_once(app: Flask, made: Filled) -> None:
    browser, user_id = signed_in(app, made, Role.ADMIN), made.own["user:admin"]
    record, at = made.there.record, made.there.clock.now()
    assert browser.get("/admin/contacts/new").status_code == 200
    users.change_user(record, user_id, UserChange(role=Role.VIEWER), at=at)
    assert browser.get("/admin/contacts/new").status_code == 403
    users.change_user(record, user_id, UserChange(license_ids=[made.other_license.id]), at=at)
    assert browser.get(f"/admin/events/{made.own['event']}").status_code == 404
    assert browser.get(f"/admin/events/{made.other['event']}").status_code == 200
    users.change_user(record, user_id, UserChange(enabled=False), at=at)
    assert browser.get("/admin/overview/").status_code == 302


def _kept(app: Flask, made: Filled, role: Role) -> Browser:
    """Return a browser that stays signed in as that role: signing in again for each view would take its time."""
    kept: dict[Role, Browser] = app.extensions.setdefault("matrix-browsers", {})
    browser = kept.get(role)
    if browser is None or browser.get("/admin/account").status_code != 200:
        browser = kept[role] = signed_in(app, made, role)
    return browser


def test_forms_that_name_another_license_find_nothing(app: Flask, made: Filled, sqlite_url: str) -> None:
    _, other = examples(made)
    browser = _kept(app, made, Role.ADMIN)
    named = {"name": "Mine", "kind": "anpr", "severity": "warn", "phone": "+12125550109", "language": "en"}
    asked = (
        ("/admin/scope", {"license": other["license_id"]}, {404}),
        ("/admin/guide/token", {"source": other["source_id"]}, {404}),
        ("/admin/guide/run/anpr", {"source": other["source_id"]}, {404}),
        # What is not offered in a list of choices is refused beside its field.
        ("/admin/sources/new", named | {"license": other["license_id"]}, {400, 404}),
        ("/admin/contacts/new", named | {"license": other["license_id"]}, {400, 404}),
    )
    before = everything(sqlite_url)
    for path, fields, expected in asked:
        assert browser.post(path, **fields).status_code in expected, path
        assert everything(sqlite_url) == before, path
