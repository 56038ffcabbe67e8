"""Audio on disk: whole files or none, found by what they say."""

import os
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import soundfile

_READABLE_BY_ALL = 0o644  # Asterisk plays the files under an account of its own
_ENTERABLE_BY_ALL = 0o755
_PART = ".part"
_PART_LIFETIME = timedelta(hours=1)


class AudioFiles:
    """A directory of audio files, each under the hash of what it says.

    Several processes may share it. A file is written beside its place and then renamed, so that a
    reader finds all of it or nothing, whoever was killed meanwhile; of two that write
    the same at once, either's file stands.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def path(self, digest: str, suffix: str) -> Path:
        """Return where the file of that hash stands or would stand."""
        return self._directory / digest[:2] / f"{digest}{suffix}"

    def duration(self, path: Path) -> timedelta | None:
        """Return the length of a good file, and note its use; ``None`` where there is none, or a broken one."""
        try:
            found = soundfile.info(str(path))
            os.utime(path)
        except (OSError, soundfile.LibsndfileError):
            return None
        return timedelta(seconds=found.frames / found.samplerate) if found.frames > 0 else None

    def write(self, path: Path, content: bytes) -> None:
        """Put the file in its place, durably. Raises ``OSError`` (full disk, no permission), leaving nothing behind."""
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

    def prune(self, unused_for: timedelta) -> int:
        """Delete the files that nobody used for that long, and leftovers of killed writers; return how many."""
        pruned = 0
        now = time.time()
        for path in self._directory.glob("??/*"):
            limit = min(_PART_LIFETIME, unused_for) if path.suffix == _PART else unused_for
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > limit.total_seconds():
                    path.unlink()
                    pruned += 1
        return pruned
