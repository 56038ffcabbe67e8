"""Signing in to the pages: passwords, lock-out, CSRF, sessions, roles."""

import re
from dataclasses import replace

import pytest
from flask import Flask

from gateway.config.schema import WebConfig
from gateway.model.user import Role
from gateway.services import users
from tests.unit.web.installation import Installation
from tests.unit.web.pages import PASSWORD, Browser, add_user, quick_passwords, signed_in, with_pages
from web.admin import access

pytestmark = pytest.mark.databases("sqlite")


def audit(there: Installation) -> list[str]:
    with there.record.read() as work:
        return [entry.action for entry in work.audit.list(license_ids=None)]


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(app: Flask, there: Installation) -> None:
    add_user(there)
    browser = Browser(app)
    answer = browser.get("/admin/account?x=1")
    assert answer.status_code == 302
    assert answer.location == "/admin/sign-in?next=/admin/account?x%3D1"
    browser.get(answer.location)
    after = browser.post(answer.location, email="ROOT@example.org ", password=PASSWORD)
    assert (after.status_code, after.location) == (302, "/admin/account?x=1")
    assert "root@example.org" in browser.get("/admin/account").get_data(as_text=True)
    assert audit(there)[0] == "user.signed_in"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/admin/", "//evil.example/admin/", "/admin//evil.example", "/\\evil.example", "/a/token", ""],
)
def test_sign_in_leads_nowhere_else(app: Flask, there: Installation, elsewhere: str) -> None:
    add_user(there)
    browser = Browser(app)
    browser.get("/admin/sign-in")
    answer = browser.client.post(
        "/admin/sign-in",
        query_string={"next": elsewhere},
        data={"csrf_token": browser._token, "email": "root@example.org", "password": PASSWORD},
    )
    assert (answer.status_code, answer.location) == (302, "/admin/")


def test_wrong_password_and_unknown_user_get_the_same_answer(app: Flask, there: Installation) -> None:
    add_user(there)
    answers = []
    for email in ("root@example.org", "nobody@example.org"):
        browser = Browser(app)
        browser.get("/admin/sign-in")
        answers.append(browser.post("/admin/sign-in", email=email, password="wrong password"))
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("E-mail or password is not right." in answer.get_data(as_text=True) for answer in answers)
    assert all(
        "Set-Cookie" not in answer.headers or "_user_id" not in answer.headers["Set-Cookie"] for answer in answers
    )


def test_five_wrong_passwords_lock_the_user_out_for_longer_each_time(app: Flask, there: Installation) -> None:
    add_user(there)
    browser = Browser(app)
    assert [browser.sign_in(password="wrong password") for _ in range(5)] == [401, 401, 401, 401, 429]
    assert browser.sign_in() == 429, "the right password does not help while the lock holds"
    there.clock.advance(61)
    assert browser.sign_in(password="wrong password") == 429
    there.clock.advance(61)
    assert browser.sign_in() == 429, "the second lock is twice as long"
    there.clock.advance(60)
    assert browser.sign_in() == 302
    assert users.find_user(there.record, "root@example.org").failed_sign_ins == 0
    assert audit(there).count("user.locked_out") == 2


def test_a_lock_grows_to_an_hour_and_no_further(there: Installation) -> None:
    user = add_user(there)
    waited = []
    for _ in range(60):
        result = users.sign_in(
            there.record,
            quick_passwords(),
            email=user.email,
            password="wrong password",
            at=there.clock.now(),
            by=access.Actor(name="nobody"),
        )
        if result.locked_until is not None:
            waited.append((result.locked_until - there.clock.now()).total_seconds())
            there.clock.at = result.locked_until
    assert waited[:8] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert max(waited) == 3600


def test_one_address_may_not_try_many_users(app: Flask) -> None:
    statuses = [Browser(app).sign_in(email=f"nobody{number}@example.org") for number in range(12)]
    assert statuses[:10] == [401] * 10
    assert statuses[10:] == [429] * 2


@pytest.mark.parametrize("path", ["/admin/sign-in", "/admin/account/profile", "/admin/sign-out", "/admin/scope"])
def test_form_without_a_token_is_refused(app: Flask, there: Installation, path: str) -> None:
    browser = signed_in(app, there)
    answer = browser.client.post(path, data={"name": "Mallory", "email": "root@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert users.find_user(there.record, "root@example.org").name == "root"
    assert browser.get("/admin/account").status_code == 200, "nobody was signed out"


def test_new_password_ends_every_other_session(app: Flask, there: Installation) -> None:
    add_user(there)
    here, elsewhere = Browser(app), Browser(app)
    assert (here.sign_in(), elsewhere.sign_in()) == (302, 302)
    new = "another good password"
    wrong = here.post("/admin/account/password", present="wrong password", password=new, again=new)
    assert wrong.status_code == 400
    assert elsewhere.get("/admin/account").status_code == 200
    changed = here.post("/admin/account/password", present=PASSWORD, password=new, again=new)
    assert (changed.status_code, changed.location) == (302, "/admin/account")
    assert here.get("/admin/account").status_code == 200
    assert elsewhere.get("/admin/account").status_code == 302
    assert elsewhere.sign_in() == 401
    assert elsewhere.sign_in(password=new) == 302


def test_disabled_user_is_out_with_the_next_click(app: Flask, there: Installation) -> None:
    add_user(there)
    other = add_user(there, "ana@example.org", Role.VIEWER, [there.license.id])
    browser = Browser(app)
    assert browser.sign_in("ana@example.org") == 302
    users.change_user(there.record, other.id, users.UserChange(enabled=False), at=there.clock.now())
    assert browser.get("/admin/account").status_code == 302
    assert browser.sign_in("ana@example.org") == 401


def test_the_last_superadmin_stays(there: Installation) -> None:
    root = add_user(there)
    for change in (users.UserChange(enabled=False), users.UserChange(role=Role.VIEWER, license_ids=[there.license.id])):
        with pytest.raises(users.InvalidValueError, match="last superadmin"):
            users.change_user(there.record, root.id, change, at=there.clock.now())
    assert users.find_user(there.record, root.email) == root


def test_sign_out_ends_the_session(app: Flask, there: Installation) -> None:
    browser = signed_in(app, there)
    assert browser.post("/admin/sign-out").location == "/admin/sign-in"
    assert browser.get("/admin/account").status_code == 302


@pytest.mark.parametrize(("public_url", "secure"), [("https://alerts.example.com", True), ("http://127.0.0.1", False)])
def test_cookie_is_kept_from_scripts_other_sites_and_plain_http(
    there: Installation, public_url: str, secure: bool
) -> None:
    there.config = there.config.model_copy(update={"web": WebConfig(public_url=public_url)})
    answer = Browser(with_pages(there)).client.get("/admin/sign-in", base_url=public_url)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/admin" in cookie
    assert ("Secure" in cookie) is secure
    assert cookie.startswith("__Secure-tocsin=" if secure else "tocsin=")


def test_every_view_says_whom_it_is_open_to(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and rule.endpoint != "admin.static":
            access.least_role(app.view_functions[rule.endpoint])


def test_whoever_may_not_see_a_license_cannot_choose_it(app: Flask, there: Installation) -> None:
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    browser = signed_in(app, there, "ana@example.org", Role.ADMIN, [there.license.id])
    assert browser.post("/admin/scope", license=other.id).status_code == 404
    assert browser.post("/admin/scope", license=there.license.id).status_code == 302


def test_ids_that_no_database_holds_are_not_found(app: Flask, there: Installation) -> None:
    browser = signed_in(app, there)
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]
    addressed = [rule for rule in rules if rule.arguments and rule.endpoint != "admin.static" and "GET" in rule.methods]
    assert addressed
    for rule in addressed:
        path = re.sub(r"<[^>]+>", "9" * 25, rule.rule)
        assert browser.get(path).status_code == 404, path
    assert browser.post("/admin/scope", license="999").status_code == 404
    assert browser.post("/admin/scope", license="9" * 25).status_code == 302
    assert browser.get("/admin/account").status_code == 200
