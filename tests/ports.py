"""Ports of loopback for tests: no two processes of this machine are given the same one.

A port that is looked for by binding to number 0 comes from those that the system gives away by itself, and may be
anybody's next connection before the server that it was meant for has it, or while that server is down for a moment.
The ports here lie below all of those. Each process that asks takes a block of them for as long as it lives, and gives
away the numbers of its block in turn.
"""

import secrets
import socket

# Linux gives away 32768 to 60999 by itself (ip(7): ip_local_port_range).
_FIRST = 20_000
_BLOCK = 200
_BLOCKS = 63
_AUDIO = (10_000, 20_000)


class _Block:
    """The ports of one process.

    That they are its own is told by an abstract Unix socket (unix(7)): the kernel knows its name as long as a process
    holds it, in the same network namespace as the ports, and nothing is left behind by a process that was killed.
    """

    def __init__(self) -> None:
        self._held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._given = 0
        for number in range(_BLOCKS):
            try:
                self._held.bind(f"\0tocsin-tests-ports-{number}")
            except OSError:
                continue
            self._first = _FIRST + number * _BLOCK
            return
        raise RuntimeError(f"{_BLOCKS} processes that take ports for tests run already")

    def next(self) -> int:
        """Return the port that was given away the longest time ago, of those that nobody uses now."""
        for _ in range(_BLOCK):
            port = self._first + self._given % _BLOCK
            self._given += 1
            if _is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM):
                return port
        raise RuntimeError(f"all of the ports {self._first} to {self._first + _BLOCK - 1} are in use")


_blocks: list[_Block] = []


def free_port() -> int:
    """Return a port of loopback, for TCP and UDP, that is free now and given to no other test."""
    if not _blocks:
        _blocks.append(_Block())
    return _blocks[0].next()


def free_range(size: int = 400) -> tuple[int, int]:
    """Return a range of UDP ports for audio, whose ends are free now.

    Two Asterisks may share a part of theirs: each looks for another port where one is taken.
    """
    for _ in range(100):
        start = _AUDIO[0] + secrets.randbelow((_AUDIO[1] - _AUDIO[0]) // size) * size
        if all(_is_free(port, socket.SOCK_DGRAM) for port in (start, start + 1, start + size // 2, start + size - 1)):
            return start, start + size - 1
    raise RuntimeError("no free range of ports for audio")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
