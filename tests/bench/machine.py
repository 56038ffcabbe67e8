"""The machine that measures, and the versions of what is measured."""

import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.channels.asterisk.provision_process import find_installation
from tests.databases import postgres_program

_PACKAGES = (
    "tocsin",
    "pykka",
    "panoramisk",
    "flask",
    "gunicorn",
    "sqlalchemy",
    "psycopg",
    "twilio",
    "piper-tts",
    "coqui-tts",
)


def machine() -> str:
    """Return the class of the machine in a few words."""
    return f"{_processors()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def described() -> dict[str, object]:
    """Return the machine and the versions for scripts; ``None`` stands for what is not installed."""
    return {
        "summary": machine(),
        "processors": _processors(),
        "processor": _field("/proc/cpuinfo", "model name"),
        "memory_mebibytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release().partition("-")[0],
        "versions": _versions(),
    }


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _field(file: str, name: str) -> str | None:
    """Return the first value of that name in a file of ``name: value`` lines (Linux, proc(5))."""
    for line in Path(file).read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _versions() -> Mapping[str, str | None]:
    asterisk = find_installation()
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _said([str(postgres_program("postgres")), "--version"]),
        "asterisk": _said([*asterisk.command, "-V"]),
    } | {name: _package(name) for name in _PACKAGES}


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _said(command: Sequence[str]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    number = re.search(r"\d+\.[\d.]+", done.stdout)
    return number.group() if number else None
