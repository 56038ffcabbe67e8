"""The dead man's switch is fetched while all is well, and only then."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from actors.timers import Timers
from gateway.app.heartbeat_url import HeartbeatUrl
from tests.waiting import until


class Watch:
    """Whoever waits for the beats."""

    def __init__(self) -> None:
        self.beats: list[str] = []
        self.status = 200
        watch = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                watch.beats.append(self.path)
                self.send_response(watch.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping/secret?from=tocsin"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.close()


class Well:
    """What the engine says of itself."""

    def __init__(self) -> None:
        self.well = True

    def __call__(self) -> bool:
        return self.well


@pytest.fixture
def engine() -> Iterator[tuple[Timers, ThreadPoolExecutor]]:
    timers, executor = Timers(), ThreadPoolExecutor(1)
    yield timers, executor
    timers.stop()
    executor.shutdown()


def heartbeat(url: str, well: Well, engine: tuple[Timers, ThreadPoolExecutor]) -> HeartbeatUrl:
    timers, executor = engine
    return HeartbeatUrl(url, every=timedelta(milliseconds=20), is_well=well, executor=executor, timers=timers)


def test_it_beats_again_and_again(watch: Watch, engine: tuple[Timers, ThreadPoolExecutor]) -> None:
    heartbeat(watch.url, Well(), engine).start()
    until(lambda: len(watch.beats) >= 3, 10, "three beats")
    assert set(watch.beats) == {"/ping/secret?from=tocsin"}


def test_it_falls_silent_when_the_engine_is_not_well(watch: Watch, engine: tuple[Timers, ThreadPoolExecutor]) -> None:
    well = Well()
    switch = heartbeat(watch.url, well, engine)
    assert switch.beat()
    well.well = False
    assert not switch.beat()
    assert len(watch.beats) == 1


def test_an_answer_that_is_an_error_and_no_answer_at_all_are_not_reached(
    watch: Watch, engine: tuple[Timers, ThreadPoolExecutor]
) -> None:
    watch.status = 404
    assert not heartbeat(watch.url, Well(), engine).beat()
    assert not heartbeat("http://127.0.0.1:9/", Well(), engine).beat()
