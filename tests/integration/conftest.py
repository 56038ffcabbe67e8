"""Fixtures for the tests of the pages: an installation with a license, its pages, somebody signed in.

A module that needs a configuration of its own overrides ``config``. Databases: see the marker ``databases``.
"""

from pathlib import Path

import pytest
from flask import Flask

from gateway.config.schema import Config
from gateway.ports.record import Record
from tests.unit.web.installation import Installation
from tests.unit.web.pages import Browser, signed_in, with_pages


@pytest.fixture
def config() -> Config:
    """Return the configuration of the installation."""
    return Config()


@pytest.fixture
def there(record: Record, tmp_path: Path, config: Config) -> Installation:
    """Return an installation with one license and one source."""
    return Installation(record, audio_dir=tmp_path, config=config)


@pytest.fixture
def app(there: Installation) -> Flask:
    """Return its application, with the pages."""
    return with_pages(there)


@pytest.fixture
def root(app: Flask, there: Installation) -> Browser:
    """Return the browser of a superadmin."""
    return signed_in(app, there)
