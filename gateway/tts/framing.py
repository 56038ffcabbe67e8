"""How a worker process is talked to over its pipes, both ways.

A frame is the length of its header (four bytes, big-endian), the header (a JSON object
in UTF-8), and as many bytes of data as the header's ``size`` says. This module imports nothing heavy:
a worker starts with it.
"""

import json
import struct
from typing import BinaryIO

LENGTH = struct.Struct(">I")
LARGEST_HEADER = 1 << 20
LARGEST_DATA = 1 << 28

Header = dict[str, object]


class FrameError(Exception):
    """What came over the pipe is not a frame."""


def encode(header: Header, data: bytes = b"") -> bytes:
    """Return the frame of a header and its data."""
    encoded = json.dumps({**header, "size": len(data)}).encode()
    return LENGTH.pack(len(encoded)) + encoded + data


def header_length(prefix: bytes) -> int:
    """Return the length of the header that follows its four bytes. Raises ``FrameError`` where it cannot be one."""
    length: int = LENGTH.unpack(prefix)[0]
    if not 0 < length <= LARGEST_HEADER:
        raise FrameError(f"a header of {length} bytes")
    return length


def decode_header(encoded: bytes) -> tuple[Header, int]:
    """Return a header and the number of bytes of data that follow it. Raises ``FrameError``."""
    try:
        header = json.loads(encoded)
    except ValueError as error:
        raise FrameError("the header is not JSON") from error
    size = header.get("size") if isinstance(header, dict) else None
    if not isinstance(size, int) or not 0 <= size <= LARGEST_DATA:
        raise FrameError("the header has no usable size")
    return header, size


def read_frame(stream: BinaryIO) -> tuple[Header, bytes] | None:
    """Read one frame from a blocking stream; ``None`` at its end. Raises ``FrameError``."""
    prefix = stream.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return None
    header, size = decode_header(stream.read(header_length(prefix)))
    return header, stream.read(size)
