"""Audio on disk."""

import io
import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gateway.tts.audio_files import AudioFiles


def _wav() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(8000, dtype=np.float32), 8000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def test_a_written_file_is_found_with_its_length_and_readable_by_the_phone_system(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    path = files.path("abcd", ".wav")
    files.write(path, _wav())
    assert path.is_absolute()
    assert files.duration(path) == timedelta(seconds=1)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"RIFF", _wav()[:44]])
def test_a_broken_file_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    files = AudioFiles(tmp_path)
    path = files.path("abcd", ".wav")
    path.parent.mkdir()
    path.write_bytes(content)
    assert files.duration(path) is None


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    path = files.path("abcd", ".wav")
    path.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        files.write(path, _wav())
    assert list(path.parent.iterdir()) == [path]


def test_pruning_deletes_what_nobody_used_and_leftovers_of_killed_writers(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    old, used, part = files.path("aa1", ".wav"), files.path("aa2", ".wav"), files.path("aa3", ".part")
    for path in (old, used, part):
        files.write(path, _wav())
        os.utime(path, (0, 0))
    assert files.duration(used) is not None
    assert files.prune(timedelta(days=30)) == 2
    assert list(tmp_path.rglob("*.*")) == [used]
