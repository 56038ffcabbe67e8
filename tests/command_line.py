"""The ``tocsin`` command in tests: in this process where that will do, as a process of its own where it will not."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from click.testing import CliRunner

from gateway.app.cli.root import tocsin


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Runs commands in a directory, with the built-in configuration unless a file is named."""

    directory: Path

    def __call__(self, *arguments: str, stdin: str | None = None) -> Ran:
        """Run a command in this process."""
        with logging_kept(), working_directory(self.directory):
            result = CliRunner().invoke(tocsin, list(arguments), input=stdin, prog_name="tocsin")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed, with ``--json``, and return its document."""
        ran = self(*arguments, "--json")
        assert ran.status == 0, ran.err
        return ran.json

    def process(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """Run the installed command as a process."""
        program = Path(sys.executable).with_name("tocsin")
        done = subprocess.run(
            [str(program), *arguments],
            cwd=self.directory,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def write(self, text: str, name: str = "tocsin.yaml") -> Path:
        """Write a configuration file."""
        file = self.directory / name
        file.write_text(text, encoding="utf-8")
        return file


@contextmanager
def working_directory(directory: Path) -> Iterator[None]:
    """Be in a directory."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def logging_kept() -> Iterator[None]:
    """Put logging back as it was: a command sends it to a stream that is gone afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configuration = structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        structlog.configure(**configuration)
