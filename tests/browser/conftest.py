"""One browser for each file, and the pages of an installation served to it.

A module that needs more than one license and a superadmin overrides ``there``, or ``app``.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser

from gateway.ports.record import Record
from gateway.store import open_record
from tests.browser import pages
from tests.unit.web.installation import Installation
from tests.unit.web.pages import add_user, with_pages


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium."""
    with pages.chromium() as running:
        yield running


@pytest.fixture
def record(sqlite_url: str) -> Iterator[Record]:
    """Return the record in a fresh database."""
    opened = open_record(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def there(record: Record) -> Installation:
    """Return an installation with one license, one source and a superadmin."""
    made = Installation(record)
    add_user(made)
    return made


@pytest.fixture
def app(there: Installation) -> Flask:
    """Return its application, with the pages."""
    return with_pages(there)


@pytest.fixture
def serve(app: Flask) -> Iterator[str]:
    """Return the address under which the application is served."""
    with pages.served(app) as address:
        yield address
