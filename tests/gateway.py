"""A whole gateway as an operator runs it: `tocsin serve` with a configuration and a directory of its own.

The processes are real; the tests look at them from outside, over HTTP, at the carrier and in the record.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import yaml

from gateway.app.bootstrap import build_speech, link_url
from gateway.app.secrets import load_secrets, source_tokens
from gateway.config.loader import load
from gateway.model.attempt import Level
from gateway.model.contact import Contact
from gateway.model.license import SourceKind
from gateway.ports.speech import AudioFormat
from gateway.services import sources, tenants
from gateway.services.queries import show_event
from gateway.store.record import open_record
from gateway.store.schema import migrate
from gateway.wording import phrases
from tests.ports import free_port
from tests.waiting import until

_START_SECONDS = 40
_STOP_SECONDS = 50
_direct = build_opener(ProxyHandler({}))

# A ladder that runs in seconds.
FAST: Mapping[str, object] = {
    "l1_wait": "400ms",
    "l2_wait": "400ms",
    "ring_timeout": "3s",
    "call_gap": "300ms",
    "retry_backoff": "500ms",
    "events_per_minute": 1000,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered over HTTP."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Gateway:
    """One gateway. ``settings`` are keys of ``tocsin.yaml``; directories, ports and the database are chosen here."""

    def __init__(self, directory: Path, settings: Mapping[str, Any], *, database_url: str | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = directory / "tocsin.yaml"
        given = {
            "var_dir": str(directory / "var"),
            "database_url": database_url or f"sqlite:///{directory / 'var' / 'tocsin.db'}",
            "web": {"bind": f"127.0.0.1:{self.port}", "public_url": self.url, "workers": 1},
        }
        directory.mkdir(parents=True, exist_ok=True)
        self.file.write_text(yaml.safe_dump(given | dict(settings)), encoding="utf-8")
        self.config = load(self.file, os.environ)
        self.secrets = load_secrets(self.config)
        migrate(self.config.database_url)
        self.record = open_record(self.config.database_url)
        self.log = directory / "gateway.log"
        self._serving: subprocess.Popen[bytes] | None = None
        self._contacts = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.record.close()

    def start(self, *, phone: bool = True) -> None:
        """Start `tocsin serve` and wait until it can take alerts and, unless told otherwise, place calls."""
        self._serving = self.process("serve")
        needed = {"database", "engine"}
        until(
            lambda: self._ready(needed, phone=phone),
            _START_SECONDS,
            f"the gateway is ready (see {self.log})",
            every=0.05,
        )

    def stop(self) -> int | None:
        """End it as an operator does, and return its exit status."""
        process, self._serving = self._serving, None
        if process is None:
            return None
        process.send_signal(signal.SIGTERM)
        return process.wait(_STOP_SECONDS)

    def process(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a ``tocsin`` command that goes on by itself; its log is appended to ``log``."""
        environ = os.environ | {"TOCSIN_LOG_FORMAT": "json"}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gateway.app", "-c", str(self.file), *arguments],
                stdout=log,
                stderr=log,
                env=environ,
                start_new_session=True,
            )

    def engine_pid(self) -> int | None:
        """Return the engine's process id, as the child of `tocsin serve`; ``None`` while there is none."""
        assert self._serving is not None
        children = Path(f"/proc/{self._serving.pid}/task/{self._serving.pid}/children").read_text(encoding="ascii")
        for pid in map(int, children.split()):
            # The child may end before its file is opened, or between that and the reading.
            with suppress(FileNotFoundError, ProcessLookupError):
                if b"\0engine" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return None

    def kill_engine(self) -> int:
        """Kill the engine as a power cut would; `tocsin serve` starts another. Returns the killed process's id."""
        pid = self.engine_pid()
        assert pid is not None, "no engine runs"
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill(self) -> None:
        """Kill every process of the gateway at once, as a power cut would."""
        process, self._serving = self._serving, None
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    # --- who is there -------------------------------------------------------------------------------------------------

    def license(self, **values: Any) -> int:
        """Make a license and return its id."""
        defaults: dict[str, Any] = {"name": "Acme", "tier": "pro", "at": datetime.now(UTC)}
        return tenants.add_license(self.record, self.config, **(defaults | values)).id

    def contact(self, license_id: int, phone: str, name: str = "", **values: Any) -> Contact:
        """Add a contact."""
        self._contacts += 1
        name = name or f"Contact {self._contacts}"
        return tenants.add_contact(self.record, license_id=license_id, name=name, phone=phone, **values)

    def source(self, license_id: int) -> str:
        """Make an alert source and return its token."""
        made = sources.add_source(
            self.record,
            source_tokens(self.config, self.secrets),
            license_id=license_id,
            kind=SourceKind.SECURITY,
            name="Panel",
            at=datetime.now(UTC),
        )
        return made.token

    # --- what happens -------------------------------------------------------------------------------------------------

    def post(self, token: str, **alert: Any) -> int:
        """Post an alert that must be accepted, and return its event's id."""
        answer = self.http("POST", "/license/v1/alert/in", {"title": "Intrusion"} | alert, {"X-Alert-Token": token})
        assert answer.status == 200, answer
        return int(answer.body["event_id"])

    def http(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Make a request and return the answer, whatever it is."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(
            self.url + path,
            data=data,
            method=method,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with _direct.open(request, timeout=20) as response:
                return _answer(response.status, response.read(), dict(response.headers))
        except HTTPError as error:
            return _answer(error.code, error.read(), dict(error.headers))

    def event(self, event_id: int) -> dict[str, Any]:
        """Return an event as `tocsin event show --json` does."""
        shown = show_event(self.record, event_id)
        assert shown is not None
        return shown

    def expect_status(self, event_id: int, status: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until the event has that status, and return it."""

        def reached() -> dict[str, Any] | None:
            event = self.event(event_id)
            return event if event["status"] == status else None

        try:
            found = until(reached, timeout, f"event {event_id} is {status}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(event_id)}") from None
        assert found is not None
        return found

    def expect_entry(self, event_id: int, kind: str, timeout: float = 20, **detail: Any) -> dict[str, Any]:
        """Wait for a timeline entry of that type whose detail holds these values, and return it."""

        def found() -> dict[str, Any] | None:
            for entry in self.event(event_id)["timeline"]:
                if entry["type"] == kind and detail.items() <= entry["detail"].items():
                    return dict(entry)
            return None

        try:
            entry = until(found, timeout, f"event {event_id} has an entry {kind} {detail}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(event_id)}") from None
        assert entry is not None
        return entry

    def link(self, event_id: int, contact_id: int) -> str:
        """Return the path of the acknowledgement link that a contact was sent."""
        with self.record.read() as work:
            texts = [
                a for a in work.attempts.of_event(event_id) if a.contact_id == contact_id and a.level is Level.TEXT
            ]
        assert texts, "the contact was sent no text"
        with self.record.write() as work:
            made = work.acknowledgements.add_link(event_id, contact_id, datetime.now(UTC))
        return link_url(self.config, self.secrets)(made.id).removeprefix(self.url)

    def run(self, *arguments: str) -> str:
        """Run a ``tocsin`` command to its end, which must be a good one, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway.app", "-c", str(self.file), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"tocsin {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def spoken(self, language: str, what: str) -> Path:
        """Return a fixed sentence as the gateway speaks it: the name of a prompt, or ``acknowledged``."""
        text = phrases.acknowledged(language) if what == "acknowledged" else phrases.prompt(language, what)
        return self.says(text, language)

    def says(self, text: str, language: str = "en") -> Path:
        """Return a sentence as the gateway speaks it on the phone."""
        speech = build_speech(self.config)
        try:
            return speech.render(text, language=language, audio_format=AudioFormat.PHONE).path
        finally:
            speech.stop()

    def story(self, event_id: int) -> str:
        """Return the event's timeline for a person."""
        lines = [
            f"{entry['at'][11:23]} {entry['type']:18} {entry['contact_id'] or '-'} "
            f"{entry['channel'] or '-':15} {entry['detail']}"
            for entry in self.event(event_id)["timeline"]
        ]
        return "\n".join(lines)

    def _ready(self, needed: set[str], *, phone: bool) -> bool:
        assert self._serving is not None
        if self._serving.poll() is not None:
            raise AssertionError(f"tocsin serve ended with {self._serving.returncode}: {self.log.read_text()[-3000:]}")
        try:
            parts = {name: part["state"] for name, part in self.http("GET", "/readyz").body["parts"].items()}
        except (URLError, ConnectionError, TimeoutError):
            return False
        nodes = [state for name, state in parts.items() if name.startswith("asterisk")]
        well = all(parts.get(name) == "ok" for name in needed)
        return well and (not phone or not self.config.asterisk or (bool(nodes) and set(nodes) == {"ok"}))


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    try:
        return Answer(status, json.loads(body), headers)
    except ValueError:
        return Answer(status, body.decode(errors="replace"), headers)
