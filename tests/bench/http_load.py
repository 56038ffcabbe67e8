"""A load generator: keep-alive connections, each of which posts again as soon as it is answered."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_HEADER_END = b"\r\n\r\n"
_ANSWER_SECONDS = 30.0


@dataclass(slots=True)
class Load:
    """What came of it. ``latencies`` are seconds from the request to the whole answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to post, and what: ``token`` and ``body`` give each request's from its number."""

    port: int
    path: str
    token: Callable[[int], str]
    body: Callable[[int], dict[str, object]]


def post_for(seconds: float, target: Target, *, connections: int) -> Load:
    """Post for that long on that many connections."""
    return asyncio.run(_run(seconds, target, connections))


async def _run(seconds: float, target: Target, connections: int) -> Load:
    load = Load()
    numbers = itertools.count()
    began = time.monotonic()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        while time.monotonic() - began < seconds:
            request = _request(target, next(numbers))
            sent = time.monotonic()
            writer.write(request)
            answer = await asyncio.wait_for(reader.readuntil(_HEADER_END), _ANSWER_SECONDS)
            headers = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
            text = await reader.readexactly(int(headers[b"content-length"]))
            if answer.split(b" ", 2)[1] == b"200" and b'"throttled"' not in text:
                load.latencies.append(time.monotonic() - sent)
            else:
                load.refused += 1
            if headers.get(b"connection") == b"close":
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    load.seconds = time.monotonic() - began
    return load


def _request(target: Target, number: int) -> bytes:
    content = json.dumps(target.body(number)).encode()
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: bench\r\nX-Alert-Token: {target.token(number)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
