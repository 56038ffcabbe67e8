"""Frames on a pipe."""

import io

import pytest

from gateway.tts.framing import FrameError, decode_header, encode, header_length, read_frame


def test_a_frame_is_read_as_it_was_written() -> None:
    stream = io.BytesIO(encode({"text": "žluťoučký 🐎 \ud800"}, b"\0\1") + encode({}))
    assert read_frame(stream) == ({"text": "žluťoučký 🐎 \ud800", "size": 2}, b"\0\1")
    assert read_frame(stream) == ({"size": 0}, b"")
    assert read_frame(stream) is None


@pytest.mark.parametrize("prefix", [b"\0\0\0\0", b"\xff\xff\xff\xff"])
def test_a_header_of_no_sensible_length_is_refused(prefix: bytes) -> None:
    with pytest.raises(FrameError):
        header_length(prefix)


@pytest.mark.parametrize("header", [b"nonsense", b"[]", b"{}", b'{"size": -1}', b'{"size": "2"}', b"\xff"])
def test_a_broken_header_is_refused(header: bytes) -> None:
    with pytest.raises(FrameError):
        decode_header(header)
