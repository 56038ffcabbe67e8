"""Audio on disk."""

import errno
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
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


def _aged(files: AudioFiles, name: str, *, age: timedelta, suffix: str = ".wav") -> Path:
    path = files.path(name, suffix)
    files.write(path, _wav())
    used_at = time.time() - age.total_seconds()
    os.utime(path, (used_at, used_at))
    return path


def _left(directory: Path) -> set[str]:
    return {path.stem for path in directory.glob("??/*")}


def test_pruning_deletes_what_nobody_used_and_leftovers_of_killed_writers(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    for name, suffix in (("aa1", ".wav"), ("aa2", ".wav"), ("aa3", ".part"), ("aa4", ".ogg")):
        _aged(files, name, suffix=suffix, age=timedelta(days=60))
    assert files.duration(files.path("aa2", ".wav")) is not None
    pruned = files.prune(timedelta(days=30))
    assert (pruned.files, pruned.left) == (3, len(_wav()))
    assert _left(tmp_path) == {"aa2"}


def test_what_was_not_used_for_longest_goes_first_until_the_rest_fits(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    for hours in (5, 2, 4, 3):
        _aged(files, f"aa{hours}", age=timedelta(hours=hours))
    pruned = files.prune(timedelta(days=30), size=2 * len(_wav()) + 1)
    assert (pruned.files, pruned.left) == (2, 2 * len(_wav()))
    assert _left(tmp_path) == {"aa2", "aa3"}


@pytest.mark.parametrize(
    ("suffix", "age", "kept"),
    [
        (".wav", timedelta(minutes=59), True),
        (".wav16", timedelta(minutes=59), True),
        (".wav", timedelta(minutes=61), False),
        (".wav16", timedelta(minutes=61), False),
        (".ogg", timedelta(hours=47), True),
        (".ogg", timedelta(hours=49), False),
    ],
)
def test_what_a_call_or_a_media_address_may_still_need_stays_however_little_room_there_is(
    tmp_path: Path, suffix: str, age: timedelta, *, kept: bool
) -> None:
    files = AudioFiles(tmp_path)
    path = _aged(files, "aa1", age=age, suffix=suffix)
    files.prune(timedelta(0), size=1)
    assert path.exists() is kept


def test_a_file_that_is_used_while_others_are_pruned_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = AudioFiles(tmp_path)
    path = _aged(files, "aa1", age=timedelta(days=60))
    counted = files._found

    def used_after_it_was_counted() -> Iterator[object]:
        found = list(counted())
        assert files.duration(path) is not None
        return iter(found)

    monkeypatch.setattr(files, "_found", used_after_it_was_counted)
    assert files.prune(timedelta(days=30), size=1).files == 0
    assert path.exists()


def test_processes_that_find_write_and_prune_at_once_never_find_what_is_then_gone(tmp_path: Path) -> None:
    program = """
import sys, os, random, time
from datetime import timedelta
from pathlib import Path
from gateway.tts.audio_files import AudioFiles
files, seed, wav = AudioFiles(Path(sys.argv[1])), int(sys.argv[2]), Path(sys.argv[3]).read_bytes()
random.seed(seed)
sys.stdin.readline()
for turn in range(150):
    path = files.path("aa%d%d" % (seed, random.randrange(4)), ".wav")  # its own: nobody else makes it old
    if seed == 0:
        files.prune(timedelta(days=30), size=1)
    elif files.duration(path) is None:
        files.write(path, wav)
        os.utime(path, (0, 0))
    elif not path.exists():
        sys.exit("found, and then gone")
    else:
        used = time.time() - (0 if random.random() < 0.5 else 4000)
        os.utime(path, (used, used))
"""
    sample = tmp_path / "sample"
    sample.write_bytes(_wav())
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "audio"), str(seed), str(sample)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for seed in range(4)
    ]
    said = [process.communicate(b"go\n", timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], said
    assert not list((tmp_path / "audio").rglob("*.part"))


def test_a_full_disk_gives_back_what_was_not_used_for_longest_and_the_write_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AudioFiles(tmp_path)
    old, used = _aged(files, "aa1", age=timedelta(days=3)), _aged(files, "aa2", age=timedelta(minutes=1))
    write = files._write
    monkeypatch.setattr(files, "_write", lambda path, content: _full() if old.exists() else write(path, content))
    new = files.path("aa3", ".wav")
    files.write(new, _wav())
    assert (old.exists(), used.exists(), new.exists()) == (False, True, True)


def test_a_disk_that_stays_full_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = AudioFiles(tmp_path)
    used = _aged(files, "aa2", age=timedelta(minutes=1))
    monkeypatch.setattr(files, "_write", lambda _path, _content: _full())
    with pytest.raises(OSError, match="No space left"):
        files.write(files.path("aa3", ".wav"), _wav())
    assert used.exists()


def _full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_whose_use_was_just_noted_is_looked_into_again_when_it_is_another_one(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    path = files.path("abcd", ".wav")
    files.write(path, _wav())
    assert [files.duration(path) for _ in range(3)] == [timedelta(seconds=1)] * 3
    path.write_bytes(_wav()[:44])
    assert files.duration(path) is None
    files.write(path, _wav())
    assert files.duration(path) == timedelta(seconds=1)
    path.unlink()
    assert files.duration(path) is None


def test_the_use_of_a_file_that_is_known_is_noted_again_before_it_counts_as_unused(tmp_path: Path) -> None:
    files = AudioFiles(tmp_path)
    path = files.path("abcd", ".wav")
    files.write(path, _wav())
    files.duration(path)
    used_at = time.time() - 120
    os.utime(path, (used_at, used_at))
    files.duration(path)
    assert path.stat().st_mtime > time.time() - 60
