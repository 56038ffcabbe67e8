"""Audio on disk: whole files or none, found by what they say, no more of them than there is room for."""

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import soundfile

from gateway.ports.speech import MEDIA_FETCHED_FOR

_READABLE_BY_ALL = 0o644  # Asterisk plays the files under an account of its own
_ENTERABLE_BY_ALL = 0o755
_PART = ".part"
_PART_LIFETIME = timedelta(hours=1)
_LOCK = ".lock"
# A file whose use was noted so lately is safe for a long while yet: it is not looked into again.
_NOTED_FOR = timedelta(minutes=1)
_REMEMBERED = 4096  # files
_FULL = {errno.ENOSPC, errno.EDQUOT}
_ROOM = 20_000_000  # bytes that are given back where the disk is full

# What was used so lately may still be needed: a provider fetches a voice note for as long as its address is valid; a
# call is over within minutes, and Asterisk has its own copies before it dials.
GRACE = {".ogg": MEDIA_FETCHED_FOR}
GRACE_OF_CALLS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning did: files deleted, and bytes that are left."""

    files: int
    left: int


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    used_at: float
    size: int

    @property
    def grace(self) -> timedelta:
        return _PART_LIFETIME if self.path.suffix == _PART else GRACE.get(self.path.suffix, GRACE_OF_CALLS)


class AudioFiles:
    """A directory of audio files, each under the hash of what it says.

    Several processes may share it. A file is written beside its place and then renamed, so that a
    reader finds all of it or nothing, whoever was killed meanwhile; of two that write
    the same at once, either's file stands. A file's age is the time since its last use. Who
    finds one notes its use, and who deletes one looks at its age again, under the same lock of the
    kernel's: a file that was found stays for its grace (``GRACE``, ``GRACE_OF_CALLS``), whatever is pruned.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def path(self, digest: str, suffix: str) -> Path:
        """Return where the file of that hash stands or would stand."""
        return self._directory / digest[:2] / f"{digest}{suffix}"

    def duration(self, path: Path) -> timedelta | None:
        """Return the length of a good file, and note its use; ``None`` where there is none, or a broken one."""
        try:
            status = path.stat()
            if 0 <= time.time() - status.st_mtime < _NOTED_FOR.total_seconds():
                return _duration(path, status.st_ino, status.st_size, status.st_mtime_ns)
            with self._locked(fcntl.LOCK_SH):
                duration = _read_duration(path)
                os.utime(path)
        except (OSError, soundfile.LibsndfileError):
            return None
        return duration

    def write(self, path: Path, content: bytes) -> None:
        """Put the file in its place, durably.

        Where the disk is full, what was not used for longest makes room. Raises ``OSError`` (full disk, no
        permission), leaving nothing behind.
        """
        try:
            self._write(path, content)
        except OSError as error:
            if error.errno not in _FULL or not self._make_room():
                raise
            self._write(path, content)

    def prune(self, unused_for: timedelta, *, size: int | None = None) -> Pruned:
        """Delete the files that nobody used for that long, leftovers of killed writers, and whatever is too much.

        With more than ``size`` bytes, those not used for longest go first. Nothing goes within its grace, so that
        for a while there may be more.
        """
        now, pruned = time.time(), 0
        found = sorted(self._found(), key=lambda file: file.used_at)
        left = sum(file.size for file in found)
        for file in found:
            age = now - file.used_at
            kept_for = file.grace if size is not None and left > size else max(file.grace, unused_for)
            if file.path.suffix == _PART:
                kept_for = file.grace
            if age > kept_for.total_seconds() and self._delete(file, now - file.grace.total_seconds()):
                pruned += 1
                left -= file.size
        return Pruned(pruned, left)

    def _make_room(self) -> bool:
        there = sum(file.size for file in self._found())
        return self.prune(timedelta.max, size=max(there - _ROOM, 0)).files > 0

    def _found(self) -> Iterator[_Found]:
        for path in self._directory.glob("??/*"):
            with suppress(OSError):
                status = path.stat()
                yield _Found(path, status.st_mtime, status.st_size)

    def _delete(self, file: _Found, used_before: float) -> bool:
        """Delete a file unless it was used meanwhile."""
        with suppress(OSError), self._locked(fcntl.LOCK_EX):
            if file.path.stat().st_mtime <= used_before:
                file.path.unlink()
                return True
        return False

    @contextmanager
    def _locked(self, operation: int) -> Iterator[None]:
        """Hold the directory's lock, which the kernel gives back when the process dies."""
        descriptor = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _READABLE_BY_ALL)
        try:
            fcntl.flock(descriptor, operation)
            yield
        finally:
            os.close(descriptor)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=_ENTERABLE_BY_ALL, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=_PART)
        try:
            with os.fdopen(descriptor, "wb") as part:
                part.write(content)
                part.flush()
                os.fchmod(part.fileno(), _READABLE_BY_ALL)
                os.fsync(part.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)
            raise


@lru_cache(_REMEMBERED)
def _duration(path: Path, _inode: int, _size: int, _changed_at: int) -> timedelta | None:
    """Return the length of a file that is known by more than its path: a file that took its place is read anew."""
    return _read_duration(path)


def _read_duration(path: Path) -> timedelta | None:
    found = soundfile.info(str(path))
    return timedelta(seconds=found.frames / found.samplerate) if found.frames > 0 else None
