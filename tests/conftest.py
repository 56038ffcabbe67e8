"""Fixtures for all tests: databases. How Hypothesis chooses its examples, and which files begin first.

They are the same in every run, so that a failure has to do with the change at hand.
``HYPOTHESIS_PROFILE=searching`` looks for new ones.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gateway.store import SqlRecord, migrate, open_record
from tests.databases import PostgresCluster

# How long an example takes says more about what else runs on the machine than about the code.
_UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("repeatable", derandomize=True, **_UNHURRIED)
settings.register_profile("searching", **_UNHURRIED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# The files that take longest, as --durations tells; the longest first. A name that is no longer there does no harm.
_LONGEST = (
    "test_crash_matrix.py",
    "test_many_escalations.py",
    "test_record_faults.py",
    "test_scenarios.py",
    "test_crashes.py",
    "test_scenarios_menus.py",
    "test_ingest_protocol.py",
    "test_ingest_repeats.py",
    "test_lines.py",
    "test_faults.py",
    "test_web_callbacks.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let several workers begin with what takes longest, so that none is alone with it in the end.

    Each file runs in one worker. What is not listed comes in this order: telephony, the browser, all the rest.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, int]:
    name = item.path.name
    place = _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)
    waits = 0 if item.get_closest_marker("telephony") else 1 if item.get_closest_marker("browser") else 2
    return place, waits


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    """Return a PostgreSQL server for the whole run. A test that stops servers starts its own."""
    with PostgresCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresCluster) -> str:
    """Return the name of a migrated database to make others from."""
    name = postgres.create_database()
    migrate(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated database file to make others from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of a fresh, migrated SQLite database."""
    path = tmp_path / "tocsin.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgres: PostgresCluster, postgres_template: str) -> Iterator[str]:
    """Return the address of a fresh, migrated PostgreSQL database."""
    name = postgres.create_database(postgres_template)
    yield postgres.url(name)
    postgres.drop_database(name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let each test run on both databases, or on those that the marker ``databases`` names."""
    if "database_url" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("databases")
        metafunc.parametrize("database_url", mark.args if mark else ("sqlite", "postgresql"), indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a fresh, migrated database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def record(database_url: str) -> Iterator[SqlRecord]:
    """Return the record in a fresh, migrated database."""
    opened = open_record(database_url)
    yield opened
    opened.close()
