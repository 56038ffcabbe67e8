"""A load generator: keep-alive connections, each of which posts again as soon as it is answered."""

import asyncio
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


def post_for(
    seconds: float, *, port: int, path: str, body: Callable[[int], dict[str, object]], token: str, connections: int
) -> Load:
    """Post for that long on that many connections; ``body`` makes each request's from its number."""
    return asyncio.run(_run(seconds, port, path, body, token, connections))


async def _run(
    seconds: float, port: int, path: str, body: Callable[[int], dict[str, object]], token: str, connections: int
) -> Load:
    load = Load()
    numbers = iter(range(10**9))
    began = time.monotonic()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() - began < seconds:
            content = json.dumps(body(next(numbers))).encode()
            head = (
                f"POST {path} HTTP/1.1\r\nHost: bench\r\nX-Alert-Token: {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            )
            sent = time.monotonic()
            writer.write(head.encode() + content)
            answer = await asyncio.wait_for(reader.readuntil(_HEADER_END), _ANSWER_SECONDS)
            headers = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
            text = await reader.readexactly(int(headers[b"content-length"]))
            if answer.split(b" ", 2)[1] == b"200" and b'"throttled"' not in text:
                load.latencies.append(time.monotonic() - sent)
            else:
                load.refused += 1
            if headers.get(b"connection") == b"close":
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    load.seconds = time.monotonic() - began
    return load
