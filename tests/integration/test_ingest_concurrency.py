"""Many posts at once, to real gunicorn workers in several processes."""

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app.secrets import load_secrets
from gateway.config.schema import Config
from gateway.model.event import EventStatus, Severity
from gateway.model.license import SourceKind
from gateway.ports.record import Record
from gateway.services.evidence import verify
from gateway.services.sources import add_source
from gateway.services.tenants import add_license
from gateway.services.tokens import SourceTokens
from tests.ports import free_port
from tests.unit.web.installation import BEGINNING
from tests.waiting import until

POSTS = 50


class Server:
    """The web half as it is run: gunicorn with two workers."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.port = free_port()
        settings = {
            "var_dir": str(directory / "var"),
            "database_url": database_url,
            "web": {"bind": f"127.0.0.1:{self.port}", "workers": 2, "threads": 8},
        }
        self.config = Config.model_validate(settings)
        file = directory / "tocsin.yaml"
        file.write_text(json.dumps(settings))
        self._log = (directory / "web.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.app", "--config", str(file), "web"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def is_up(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def post(self, body: bytes, token: str, **headers: str) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/license/v1/alert/in", body, {"X-Alert-Token": token} | headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def post_chunked(self, chunks: list[bytes], token: str) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = {"X-Alert-Token": token, "Transfer-Encoding": "chunked"}
            connection.request("POST", "/license/v1/alert/in", iter(chunks), headers, encode_chunked=True)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill every process at once, as a power cut would."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.wait(60)
        self._log.close()


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Server]:
    running = Server(tmp_path, database_url)
    try:
        until(running.is_up, 60, "the web half answers", every=0.05)
        yield running
    finally:
        running.stop()


@pytest.fixture
def token(server: Server, record: Record) -> str:
    license_ = add_license(record, server.config, name="L", tier="pro", at=BEGINNING)
    tokens = SourceTokens(hash_key=load_secrets(server.config).token_hash_key)
    return add_source(
        record, tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="S", severity=Severity.WARN, at=BEGINNING
    ).token


def at_once(count: int, post: Callable[[int], tuple[int, dict[str, object]]]) -> list[tuple[int, dict[str, object]]]:
    """Post from that many threads, which all begin together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> tuple[int, dict[str, object]]:
        barrier.wait(60)
        return post(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_concurrent_posts_of_one_key_make_one_event(server: Server, record: Record, token: str) -> None:
    body = json.dumps({"title": "Intruder", "dedup_key": "fence"}).encode()
    answers = at_once(POSTS, lambda _: server.post(body, token))
    assert Counter(status for status, _ in answers) == {200: POSTS}
    assert len({answer["event_id"] for _, answer in answers}) == 1
    assert Counter(answer["deduplicated"] for _, answer in answers) == {True: POSTS - 1, False: 1}
    with record.read() as work:
        (event,) = work.events.list(status=None, license_id=None, limit=100)
        assert event.repeat_count == POSTS - 1
        assert len(work.signals.pending(100)) == 1


def test_concurrent_posts_of_many_keys_open_no_more_than_the_rate(server: Server, record: Record, token: str) -> None:
    answers = at_once(POSTS, lambda number: server.post(json.dumps({"title": f"alert {number}"}).encode(), token))
    assert Counter(answer["status"] for _, answer in answers) == {"open": 5, "throttled": POSTS - 5}
    with record.read() as work:
        assert len(work.events.list(status=EventStatus.OPEN, license_id=None, limit=100)) == 5


def test_requests_that_are_too_large_are_answered_however_they_come(server: Server, token: str) -> None:
    body = b'{"title":"T"}'
    assert server.post_chunked([body, b" " * (64 * 1024 - len(body))], token)[0] == 200
    for answer in (
        server.post_chunked([body, b" " * (64 * 1024)], token),
        server.post_chunked([b" " * 1024] * 100, token),
        server.post(b" " * 65_537, token),
        server.post(b" " * 100_000, token),
        server.post(b" " * 1_000_000, token),
    ):
        assert (answer[0], answer[1]["error"]) == (413, "too_large")


def test_nothing_that_was_answered_is_lost_when_all_is_killed(server: Server, record: Record, token: str) -> None:
    with record.write() as work:
        (license_,) = work.licenses.list()
        work.licenses.update(replace(license_, policy={"events_per_minute": 100_000}))
        work.commit()
    answered: list[object] = []
    enough = threading.Event()

    def post_until_killed(number: int) -> None:
        for count in itertools.count():
            body = json.dumps({"title": "T", "dedup_key": f"{number}-{count}"}).encode()
            try:
                status, answer = server.post(body, token)
            except (OSError, http.client.HTTPException):
                return
            assert (status, answer["status"]) == (200, "open")
            answered.append(answer["event_id"])
            if len(answered) >= 100:
                enough.set()

    with ThreadPoolExecutor(12) as threads:
        posting = [threads.submit(post_until_killed, number) for number in range(12)]
        assert enough.wait(120)
        server.kill()
        for each in posting:
            each.result(60)
    assert len(set(answered)) == len(answered)
    with record.read() as work:
        recorded = {event.id for event in work.events.list(status=EventStatus.OPEN, license_id=None, limit=100_000)}
        signals = {each.event_id for each in work.signals.pending(100_000)}
    assert set(answered) <= recorded
    assert recorded == signals
    assert verify(record, license_.id).holds
