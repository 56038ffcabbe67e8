"""Throw-away databases for tests, demonstrations and benchmarks; nothing here needs pytest."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg

from tests.ports import free_port
from tests.waiting import until

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0


class PostgresCluster:
    """A PostgreSQL server of its own: in a temporary directory, on a free loopback port and a Unix socket, durable.

    ``start`` and ``stop`` may alternate; ``remove`` ends it for good. As a context manager it does all three. The
    server refuses to run as root: then it runs as the user ``postgres``. It dies with the thread that started it.
    """

    USER = "tocsin"

    def __init__(self) -> None:
        self._bin = postgres_program("initdb").parent
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp"))
        self._data = self._home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        self.port = free_port()
        if self._account is not None:
            os.chown(self._home, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", self.USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases, as SQLAlchemy reads it."""
        return f"postgresql+psycopg://{self.USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._home,
            "max_connections": 200,
            "shared_buffers": "64MB",
            "autovacuum_naptime": "5min",
        }
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", self._data, *(f"--{name}={value}" for name, value in options.items())),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        until(self._answers, _START_SECONDS, f"PostgreSQL does not start:\n{self._log()}", every=0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT disconnects its clients, SIGQUIT crashes it, SIGTERM waits for them."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(_STOP_SECONDS)

    def remove(self) -> None:
        """Stop the server and remove its files."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def create_database(self, template: str = "template1") -> str:
        """Make a database like the template and return its name."""
        name = f"tocsin_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute one statement as the superuser."""
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={self.USER} dbname={database} connect_timeout=5"

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL has ended:\n{self._log()}")
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _log(self) -> str:
        return (self._home / "log").read_text(errors="replace")[-4000:]

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(self._command(program, *arguments), check=True, capture_output=True, cwd="/")

    def _command(self, program: str, *arguments: object) -> list[str]:
        command = [str(self._bin / program), *(str(argument) for argument in arguments)]
        become = []
        if self._account is not None:
            become = [f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--init-groups"]
        # SIGINT is PostgreSQL's fast shutdown: a killed test run leaves no server behind.
        return ["setpriv", "--pdeathsig=INT", *become, *command]


def postgres_program(name: str) -> Path:
    """Return one of the server's programs. Raises ``FileNotFoundError`` where it is not installed."""
    candidates = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    candidates.sort(key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0, reverse=True)
    if shutil.which("pg_config"):
        answer = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True)
        candidates.append(Path(answer.stdout.strip()))
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).parent)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate / name
    raise FileNotFoundError("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
