"""The pages of a gateway, for tests that use them as a browser does: with sessions and CSRF tokens."""

import re
from collections.abc import Collection
from dataclasses import replace
from functools import cache

from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.model.user import Role, User
from gateway.ports.speech import Speech
from gateway.services import users
from gateway.services.passwords import Passwords
from gateway.services.tokens import SourceTokens
from tests.unit.web.installation import TOKEN_HASH_KEY, Installation
from web import create_app
from web.services import AdminServices

PASSWORD = "correct horse battery"
_KEY = b"a session key for tests, 32 bytes"
TOKENS = SourceTokens(hash_key=TOKEN_HASH_KEY, encryption_key=Fernet.generate_key())


@cache
def quick_passwords() -> Passwords:
    """Return Argon2 with the least work that it does: tests sign in often."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def with_pages(there: Installation, speech: Speech | None = None) -> Flask:
    """Return the application with its pages."""
    admin = AdminServices(session_key=_KEY, passwords=quick_passwords(), tokens=TOKENS, speech=speech)
    return create_app(replace(there.services, admin=admin))


def add_user(
    there: Installation, email: str = "root@example.org", role: Role = Role.SUPERADMIN, licenses: Collection[int] = ()
) -> User:
    """Record a user whose password is ``PASSWORD``."""
    return users.add_user(
        there.record,
        quick_passwords(),
        email=email,
        password=PASSWORD,
        role=role,
        license_ids=licenses,
        at=there.clock.now(),
    )


class Browser:
    """Somebody at the pages. ``post`` sends the CSRF token of the page that was opened last."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self._token = ""

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        answer = self.client.get(path)
        page = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        if found := re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page):
            self._token = found[1]
        return answer

    def post(self, path: str, **fields: object) -> TestResponse:
        """Send a form, with the token of the last page."""
        return self.client.post(path, data={"csrf_token": self._token, **fields})

    def sign_in(self, email: str = "root@example.org", password: str = PASSWORD, path: str = "/admin/sign-in") -> int:
        """Sign in and return the status; 302 is the way in."""
        self.get(path)
        status = self.post(path, email=email, password=password).status_code
        if status == 302:
            self.get("/admin/account")
        return status

    def text(self, path: str) -> str:
        """Return what a page that must be there holds."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status)
        return answer.get_data(as_text=True)


def signed_in(
    app: Flask,
    there: Installation,
    email: str = "root@example.org",
    role: Role = Role.SUPERADMIN,
    licenses: Collection[int] = (),
) -> Browser:
    """Record a user and return their browser, signed in."""
    add_user(there, email, role, licenses)
    browser = Browser(app)
    assert browser.sign_in(email) == 302
    return browser


def words(page: str) -> str:
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
