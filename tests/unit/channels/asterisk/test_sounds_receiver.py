"""The receiver of sounds: what it takes, from whom, and what it refuses."""

import contextlib
import errno
import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.channels.asterisk import sounds_receiver
from gateway.channels.asterisk.sounds_receiver import SIGNATURE_HEADER, TIME_HEADER, make_server, sign, sweep

KEY = "the key"
NAME = "0123456789abcdef" * 2 + ".wav"
WIDE = NAME + "16"
PROMPT = "prompts-" + "0123456789abcdef" * 2 + "/menu.wav"
SOUND = b"RIFF" + bytes(2000)
DAY = 24 * 3600


@dataclass
class Node:
    """A receiver and a gateway that has its key."""

    port: int
    sounds: Path
    answer: dict[str, Any] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: bytes = b"", *, key: str = KEY, at: float | None = None, sent: bytes = b""
    ) -> int:
        """Send a request, with another body than was signed if ``sent`` says so; return the answer's status."""
        moment = str(int(time.time() if at is None else at))
        headers = {TIME_HEADER: moment, SIGNATURE_HEADER: sign(key, method, path, moment, body)}
        # No client that would put an odd path in order first.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            connection.request(method, path, sent or body, headers)
            answer = connection.getresponse()
            self.answer = json.loads(answer.read())
        return answer.status


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    settings = {"host": "127.0.0.1", "port": 0, "directory": str(tmp_path / "sounds"), "key": KEY}
    with make_server(settings) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Node(server.server_port, tmp_path / "sounds")
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize("name", [NAME, WIDE, PROMPT])
def test_a_sound_is_taken_whole_and_readable_for_asterisk(node: Node, name: str) -> None:
    assert node.ask("PUT", f"/sounds/{name}", SOUND) == 201
    path = node.sounds / name
    assert path.read_bytes() == SOUND
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each for each in node.sounds.rglob("*") if each.is_file()] == [path]


def test_what_is_missing_is_told_and_the_use_of_the_rest_is_noted(node: Node) -> None:
    node.ask("PUT", f"/sounds/{PROMPT}", SOUND)
    for path in (node.sounds / PROMPT, (node.sounds / PROMPT).parent):
        os.utime(path, (0, 0))
    assert node.ask("POST", "/missing", json.dumps({"names": [NAME, PROMPT]}).encode()) == 200
    assert node.answer == {"missing": [NAME]}
    assert time.time() - (node.sounds / PROMPT).stat().st_mtime < 60
    assert time.time() - (node.sounds / PROMPT).parent.stat().st_mtime < 60


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_whoever_has_not_the_key_is_refused(node: Node, method: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = "/missing" if method == "POST" else f"/sounds/{NAME}"
    assert node.ask(method, path, SOUND if method == "PUT" else b"", key="another") == 403
    assert not list(node.sounds.iterdir())
    assert "the signature is wrong" in capfd.readouterr().err


def test_another_body_than_was_signed_is_refused(node: Node) -> None:
    assert node.ask("PUT", f"/sounds/{NAME}", SOUND, sent=SOUND[:-1] + b"x") == 403
    assert not list(node.sounds.iterdir())


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_request_of_another_time_is_refused(node: Node, seconds: float) -> None:
    assert node.ask("PUT", f"/sounds/{NAME}", SOUND, at=time.time() + seconds) == 403
    assert "clocks" in node.answer["error"]
    assert not list(node.sounds.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.wav",
        "%2e%2e/x.wav",
        "prompts-0/menu.wav",
        PROMPT.replace("menu", "../menu"),
        NAME.replace("wav", "php"),
        NAME.upper(),
        NAME + "/",
        "",
    ],
)
def test_a_name_that_is_no_sounds_is_refused(node: Node, name: str) -> None:
    assert node.ask("PUT", f"/sounds/{name}", SOUND) == 400
    assert node.ask("POST", "/missing", json.dumps({"names": [name]}).encode()) == 400
    assert not [each for each in node.sounds.parent.rglob("*") if each.is_file()]


@pytest.mark.parametrize("body", [b"", b"<html>", b"\x7fELF"])
def test_what_is_no_sound_is_refused(node: Node, body: bytes) -> None:
    assert node.ask("PUT", f"/sounds/{NAME}", body) == 400
    assert not list(node.sounds.iterdir())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"names": 7}', b'{"names": [7]}', b"null"])
def test_a_question_that_is_none_is_refused(node: Node, body: bytes) -> None:
    assert node.ask("POST", "/missing", body) == 400


def test_a_request_that_is_too_large_is_refused_before_it_is_read(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds_receiver, "LARGEST_SOUND", 1000)
    assert node.ask("PUT", f"/sounds/{NAME}", SOUND) == 413


def test_a_full_disk_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_directory: Path, _name: str, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sounds_receiver, "store", full)
    assert node.ask("PUT", f"/sounds/{NAME}", SOUND) == 507


def test_how_much_room_there_is_is_told(node: Node) -> None:
    assert node.ask("GET", "/") == 200
    assert node.answer["free"] > 0
    assert node.ask("GET", "/else") == 404


def test_announcements_go_after_a_week_prompts_after_a_month_and_leftovers_after_an_hour(tmp_path: Path) -> None:
    now = time.time()
    ages = {
        "a.wav": 8 * DAY,
        "a.wav16": 8 * DAY,
        "b.wav": 6 * DAY,
        ".x.part": 2 * 3600,
        ".y.part": 60,
        "prompts-1/menu.wav": 31 * DAY,
        "prompts-1/noted.wav": 31 * DAY,
        "prompts-2/menu.wav": 31 * DAY,
        "prompts-2/noted.wav": 20 * DAY,
        "prompts-3/menu.wav": 20 * DAY,
        "prompts-3/.z.part": 2 * 3600,
        "somebody-elses.txt": 90 * DAY,
    }
    for name, age in ages.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (now - age, now - age))
        if path.parent != tmp_path:
            os.utime(path.parent, (now - age, now - age))
    assert sweep(tmp_path) == 6
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        *("b.wav", ".y.part", "prompts-2/menu.wav", "prompts-2/noted.wav", "prompts-3/menu.wav", "somebody-elses.txt")
    }
    assert not (tmp_path / "prompts-1").exists()
    assert sweep(tmp_path / "nowhere") == 0


@pytest.mark.parametrize("length", ["\N{SUPERSCRIPT TWO}", "9" * 5000, "-1", ""])
def test_length_that_is_no_number_is_refused_in_words(node: Node, length: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
    with contextlib.closing(connection):
        connection.putrequest("PUT", f"/sounds/{NAME}")
        connection.putheader("Content-Length", length.encode("latin-1"))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (413, {"error": "too large"})
