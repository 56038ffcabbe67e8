"""Takes the sounds of calls from the gateway, on an Asterisk server that shares no folder with it.

``tocsin asterisk render`` puts this file and ``sounds.json`` beside the node's configuration, for nodes with
``sounds: http``. It runs there by itself, with Python 3.9 or later and nothing else installed:

    python3 sounds_receiver.py etc/sounds.json

It writes nothing but sounds under names made of hexadecimal digits, below one directory, and only for who has the
key: every request is signed with it (HMAC-SHA256 over method, path, time and body), and too old after two minutes.
The gateway asks which of the files of a call are missing (``POST /missing``), sends these (``PUT /sounds/NAME``), and
only then has the call dialled, so that no callee waits for a file. What no call has used for long is deleted.
"""

import errno
import hashlib
import hmac
import json
import os
import re
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROMPTS = "prompts-"  # how the names of directories begin that hold fixed sentences
TIME_HEADER = "X-Tocsin-Time"
SIGNATURE_HEADER = "X-Tocsin-Signature"
LARGEST_SOUND = 64_000_000  # bytes
LARGEST_QUESTION = 1_000_000
VALID_SECONDS = 120
# No call lasts for so long: what was not used since is needed by none. Prompts are used by every call of their
# language, and are kept for the calls of a seldom one.
ANNOUNCEMENTS_KEPT = 7 * 24 * 3600.0  # seconds
PROMPTS_KEPT = 30 * 24 * 3600.0
_PARTS_KEPT = 3600.0
_SWEEP_EVERY = 3600.0
_IDLE_SECONDS = 60
# Not isdigit(), which takes digits that int() does not, such as a superscript two.
_NUMBER = re.compile(r"[0-9]{1,15}")
_NAME = re.compile(r"(?:[0-9a-f]{32}|prompts-[0-9a-f]{32}/[a-z_]{1,40})\.wav(?:16)?")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def sign(key: str, method: str, path: str, at: str, body: bytes) -> str:
    """Return the signature of a request: ``at`` is its time in seconds of the epoch, as its header says it."""
    said = "\n".join((method, path, at, hashlib.sha256(body).hexdigest()))
    return hmac.new(key.encode(), said.encode(), "sha256").hexdigest()


def sweep(directory: Path) -> int:
    """Delete what no call has used for long, and leftovers of killed writers; return the number of files."""
    now = time.time()
    return sum(_delete(entry, now - kept) for entry, kept in _entries(directory))


def touch(directory: Path, name: str) -> bool:
    """Note the use of a sound; ``False`` where it is not there."""
    path = directory / name
    try:
        os.utime(path)
        if path.parent != directory:
            os.utime(path.parent)
    except OSError:
        return False
    return True


def store(directory: Path, name: str, content: bytes) -> None:
    """Put a sound in its place: all of it or nothing. Raises ``OSError``."""
    target = directory / name
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=str(target.parent), prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # Asterisk plays the files under an account of its own.
            os.fchmod(file.fileno(), 0o644)
        os.replace(part, str(target))  # noqa: PTH105 - a plain rename, as everywhere
    except BaseException:
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108 - it is a name, not a Path
        raise


def make_server(settings: "dict[str, Any]") -> ThreadingHTTPServer:
    """Return the server of these settings (``sounds.json``), bound and not yet serving. Raises ``OSError``."""
    directory, key = Path(settings["directory"]), str(settings["key"])
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)

    class Receiver(_Receiver):
        sounds, signing_key = directory, key

    server = ThreadingHTTPServer((settings["host"], int(settings["port"])), Receiver)
    server.daemon_threads = True
    if settings.get("certificate"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(settings["certificate"], settings.get("private_key"))
        # The handshake is made by the thread of the connection: one that never ends holds nobody up.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


class _Receiver(BaseHTTPRequestHandler):
    """One connection of a gateway."""

    protocol_version = "HTTP/1.1"
    server_version = "tocsin-sounds"
    sys_version = ""
    timeout = _IDLE_SECONDS
    # An answer leaves at once and in one piece: in two, each would wait 40 ms for the other side's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    sounds = Path()
    signing_key = ""

    def do_GET(self) -> None:
        """Tell the doctor how much room there is."""
        if self._body(0) is None:
            return
        if self.path != "/":
            self._answer(404, {"error": "unknown"})
            return
        room = os.statvfs(self.sounds)
        self._answer(200, {"directory": str(self.sounds), "free": room.f_bavail * room.f_frsize})

    def do_POST(self) -> None:
        """Tell which of the named sounds are missing, and note the use of the others."""
        body = self._body(LARGEST_QUESTION)
        if body is None:
            return
        try:
            names = [str(name) for name in json.loads(body)["names"]]
        except (ValueError, KeyError, TypeError):
            names = ["?"]
        if self.path != "/missing" or not all(_NAME.fullmatch(name) for name in names):
            self._answer(400, {"error": "not understood"})
            return
        self._answer(200, {"missing": [name for name in names if not touch(self.sounds, name)]})

    def do_PUT(self) -> None:
        """Take a sound."""
        body = self._body(LARGEST_SOUND)
        if body is None:
            return
        name = self.path[len("/sounds/") :] if self.path.startswith("/sounds/") else ""
        if not _NAME.fullmatch(name) or body[:4] != b"RIFF":
            self._answer(400, {"error": "not a sound"})
            return
        try:
            store(self.sounds, name, body)
        except OSError as error:
            self._answer(507 if error.errno in _FULL else 500, {"error": str(error.strerror)})
        else:
            self._answer(201, {})

    def _body(self, largest: int) -> "bytes | None":
        """Return the body of a request that is signed as it should be; otherwise answer it."""
        length = self.headers.get("Content-Length", "0")
        if not _NUMBER.fullmatch(length) or int(length) > largest:
            self.close_connection = True
            self._answer(413, {"error": "too large"})
            return None
        body = self.rfile.read(int(length))
        at, signature = self.headers.get(TIME_HEADER, ""), self.headers.get(SIGNATURE_HEADER, "")
        wanted = sign(self.signing_key, self.command, self.path, at, body)
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            self._refuse("the signature is wrong: render the node's configuration again and copy it here")
            return None
        if not _NUMBER.fullmatch(at) or abs(time.time() - int(at)) > VALID_SECONDS:
            self._refuse("the request is too old, or the clocks of the two machines differ by minutes")
            return None
        return body

    def _refuse(self, reason: str) -> None:
        self.log_error("refused %s: %s", self.address_string(), reason)
        self.close_connection = True
        self._answer(403, {"error": reason})

    def _answer(self, status: int, document: "dict[str, Any]") -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: "int | str" = "-", size: "int | str" = "-") -> None:
        """Log no request that went well: there are several to a call."""


def _entries(directory: Path) -> "Iterator[tuple[Path, float]]":
    for entry in _list(directory):
        if entry.suffix == ".part":
            yield entry, _PARTS_KEPT
        elif entry.suffix in {".wav", ".wav16"}:
            yield entry, ANNOUNCEMENTS_KEPT
        elif entry.name.startswith(PROMPTS):
            yield entry, PROMPTS_KEPT


def _delete(entry: Path, used_before: float) -> int:
    """Delete a file, or a directory of prompts, that was last used before then."""
    with suppress(OSError):
        if not entry.is_dir():
            if entry.stat().st_mtime < used_before:
                entry.unlink()
                return 1
            return 0
        files = _list(entry)
        if max(each.stat().st_mtime for each in (entry, *files)) >= used_before:
            return sum(_delete(file, time.time() - _PARTS_KEPT) for file in files if file.suffix == ".part")
        for file in files:
            file.unlink()
        entry.rmdir()
        return len(files)
    return 0


def _list(directory: Path) -> "list[Path]":
    with suppress(OSError):
        return list(directory.iterdir())
    return []


def _main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text(encoding="utf-8"))
    server, closing = make_server(settings), threading.Event()

    def sweep_now_and_then() -> None:
        while not closing.wait(_SWEEP_EVERY):
            sweep(Path(settings["directory"]))

    threading.Thread(target=sweep_now_and_then, daemon=True).start()
    print(f"taking sounds at {settings['host']}:{settings['port']} into {settings['directory']}", flush=True)  # noqa: T201
    with suppress(KeyboardInterrupt):
        server.serve_forever()
    closing.set()
    server.server_close()


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its settings
        sys.exit("usage: sounds_receiver.py SETTINGS.json (see docs/asterisk.md)")
    _main(sys.argv[1])
