"""What the fake providers share: a real HTTP server on loopback, with faults on request."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.ports import free_port

FORM = "application/x-www-form-urlencoded"


class Fault(StrEnum):
    """What goes wrong. A server that is down is ``go_down``."""

    SERVER_ERROR = "server_error"  # 500, nothing done
    TOO_MANY = "too_many"  # 429, nothing done
    FORBIDDEN = "forbidden"  # 403, nothing done
    HANG = "hang"  # the request is read and never answered, nothing done
    DROP = "drop"  # the request is done, the connection is closed without an answer
    GARBAGE = "garbage"  # the request is done, the answer is not the API's


_ANSWERED: tuple[Fault, ...] = (Fault.SERVER_ERROR, Fault.TOO_MANY, Fault.FORBIDDEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def fields(self) -> dict[str, list[str]]:
        """Return the fields of a form."""
        return parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer; ``afterwards`` runs once it has gone out."""

    status: int
    document: object
    headers: Mapping[str, str] = field(default_factory=dict)
    afterwards: Callable[[], None] | None = None


class FakeCloud:
    """A server that hears requests in ``answer``. Use it as a context manager, or call ``close``."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.changed = threading.Condition()
        self._faults: list[Fault] = []
        self._always: Fault | None = None
        self._released = threading.Event()
        self._tls: ssl.SSLContext | None = None
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        # A number of its own, which nobody takes while it is down.
        self.port = free_port()
        self.come_back()

    @property
    def address(self) -> str:
        """The server's base URL."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def api_base(self) -> str:
        """What the product is configured with."""
        return self.address

    def answer(self, request: Request) -> Answer:
        """Do what the request asks and return the answer."""
        raise NotImplementedError

    def faulty(self, fault: Fault) -> Answer:
        """Return the answer of a fault that answers."""
        raise NotImplementedError

    def fail(self, fault: Fault, *, times: int | None = None) -> None:
        """Let the next requests, or all until ``heal``, go wrong."""
        with self.changed:
            if times is None:
                self._always = fault
            else:
                self._faults += [fault] * times

    def heal(self) -> None:
        """End all faults; those that hang are let go."""
        with self.changed:
            self._always = None
            self._faults.clear()
        self._released.set()
        self._released = threading.Event()

    def go_down(self) -> None:
        """Refuse connections from now on."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is None or thread is None:
            return
        self._released.set()
        server.shutdown()
        server.server_close()
        thread.join()

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self.go_down()
        self._tls = context
        self.come_back()

    def come_back(self) -> None:
        """Listen, on the same port as before."""
        self._released = threading.Event()
        self._server = _Server(self, self.port)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=type(self).__name__, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop, for good."""
        self.go_down()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def next_fault(self, request: Request) -> Fault | None:
        """Return what goes wrong with this request."""
        with self.changed:
            return self._faults.pop(0) if self._faults else self._always


class _Server(ThreadingHTTPServer):
    # Closing waits for the threads, so that no socket outlives the fake.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, cloud: FakeCloud, port: int) -> None:
        self.cloud = cloud
        super().__init__(("127.0.0.1", port), _Conversation)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def do_POST(self) -> None:
        self._converse()

    def do_GET(self) -> None:
        self._converse()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Say nothing."""

    def _converse(self) -> None:
        cloud = self.server.cloud
        self.close_connection = True
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query=parse_qs(address.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        released = cloud._released
        with cloud.changed:
            cloud.requests.append(request)
            cloud.changed.notify_all()
        fault = cloud.next_fault(request)
        if fault is Fault.HANG:
            released.wait()
            return
        answer = cloud.faulty(fault) if fault is not None and fault in _ANSWERED else cloud.answer(request)
        if fault is Fault.DROP:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._tell(answer, b"<html>ready</html>" if fault is Fault.GARBAGE else None)
        if answer.afterwards is not None:
            answer.afterwards()

    def _tell(self, answer: Answer, instead: bytes | None) -> None:
        body = json.dumps(answer.document).encode() if instead is None else instead
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
