"""A load generator: keep-alive connections, each of which posts again as soon as it is answered.

It shares the processors with what it measures, so it does as little as it can: one thread, plain sockets, requests
that are put together from bytes. An answer is counted as good by its status and by a word that stands in it.
"""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_HEADER_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_CLOSE = b"connection: close"
_ANSWER_SECONDS = 30.0
_MOST_BYTES = 65536
_MOST_CUT = 1000


@dataclass(slots=True)
class Load:
    """What came of it.

    ``latencies`` are seconds from the request to the whole answer. ``cut`` connections were closed by the server with
    a request under way, which was posted once more on a new one.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    refusal: str = ""
    cut: int = 0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to post, and what: ``headers`` and ``body`` give each request's from its number.

    ``good`` stands in every answer that counts, ``bad`` in none. ``statuses`` begin the first line of a good one.
    """

    port: int
    path: str
    body: Callable[[int], bytes]
    headers: Callable[[int], bytes] = lambda _: b""
    statuses: tuple[bytes, ...] = (b"200", b"201")
    good: bytes = b""
    bad: bytes = b'"throttled"'


class _Connection:
    """One connection, and the request that is under way on it."""

    __slots__ = ("answer", "head", "needed", "sent", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0
        self.answer = b""
        self.head = b""
        self.needed = -1

    def post(self, request: bytes) -> None:
        self.answer = self.head = b""
        self.needed = -1
        self.sent = time.monotonic()
        self.socket.sendall(request)

    def read(self) -> bool:
        """Take what has come; tell whether the answer is complete. Raises ``ConnectionError`` where none comes."""
        data = self.socket.recv(_MOST_BYTES)
        if not data:
            raise ConnectionError("the server closed a connection without an answer")
        self.answer += data
        if self.needed < 0:
            end = self.answer.find(_HEADER_END)
            if end < 0:
                return False
            self.head = self.answer[:end].lower()
            at = self.head.index(_LENGTH) + len(_LENGTH)
            self.needed = end + len(_HEADER_END) + int(self.head[at:].split(b"\r\n", 1)[0])
        return len(self.answer) >= self.needed


def post_for(seconds: float, target: Target, *, connections: int, first: int = 0) -> Load:
    """Post for that long on that many connections; the requests are numbered from ``first``.

    Raises ``TimeoutError`` where no connection is answered, ``ConnectionError`` where one is cut off.
    """
    load = Load()
    number = first
    poll = select.epoll()
    open_: dict[int, _Connection] = {}

    def begin() -> None:
        nonlocal number
        connection = _Connection(target.port)
        open_[connection.socket.fileno()] = connection
        poll.register(connection.socket.fileno(), select.EPOLLIN)
        connection.post(_request(target, number))
        number += 1

    try:
        began = time.monotonic()
        for _ in range(connections):
            begin()
        end = began + seconds
        while open_:
            ready = poll.poll(_ANSWER_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {_ANSWER_SECONDS:.0f} s")
            for descriptor, _ in ready:
                connection = open_[descriptor]
                try:
                    if not connection.read():
                        continue
                except ConnectionError:
                    load.cut += 1
                    poll.unregister(descriptor)
                    open_.pop(descriptor).socket.close()
                    if connection.answer or load.cut > _MOST_CUT:
                        raise
                    begin()
                    continue
                now = time.monotonic()
                _count(load, target, connection, now)
                if now < end and _CLOSE not in connection.head:
                    connection.post(_request(target, number))
                    number += 1
                    continue
                poll.unregister(descriptor)
                open_.pop(descriptor).socket.close()
                if now < end:
                    begin()
        load.seconds = time.monotonic() - began
        return load
    finally:
        for connection in open_.values():
            connection.socket.close()
        poll.close()


def _count(load: Load, target: Target, connection: _Connection, now: float) -> None:
    text = connection.answer
    if text[9:12] in target.statuses and target.good in text and (not target.bad or target.bad not in text):
        load.latencies.append(now - connection.sent)
    else:
        load.refused += 1
        load.refusal = load.refusal or text[-300:].decode(errors="replace")


def _request(target: Target, number: int) -> bytes:
    content = target.body(number)
    return b"POST %b HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b" % (
        target.path.encode(),
        target.headers(number),
        len(content),
        content,
    )
