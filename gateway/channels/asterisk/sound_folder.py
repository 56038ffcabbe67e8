"""What lies in a folder of sounds, and for how long.

This module and ``sounds_receiver`` run on the phone system's machine as well, where nothing but Python is
installed: they import the standard library alone.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROMPTS = "prompts-"  # how the names of directories begin that hold fixed sentences
# No call lasts for so long: what was not used since is needed by none. Prompts are used by every call of their
# language, and are kept for the calls of a seldom one.
ANNOUNCEMENTS_KEPT = 7 * 24 * 3600.0  # seconds
PROMPTS_KEPT = 30 * 24 * 3600.0
_PARTS_KEPT = 3600.0


def sweep(directory: Path) -> int:
    """Delete what no call has used for long, and leftovers of killed writers; return the number of files."""
    now = time.time()
    return sum(_delete(file, now - kept) for file, kept in _entries(directory))


def _entries(directory: Path) -> Iterator[tuple[Path, float]]:
    for entry in _list(directory):
        if entry.suffix == ".part":
            yield entry, _PARTS_KEPT
        elif entry.suffix in {".wav", ".wav16"}:
            yield entry, ANNOUNCEMENTS_KEPT
        elif entry.name.startswith(PROMPTS):
            yield entry, PROMPTS_KEPT


def _delete(entry: Path, used_before: float) -> int:
    """Delete a file, or a directory of prompts, that was last used before then."""
    with suppress(OSError):
        if not entry.is_dir():
            if entry.stat().st_mtime < used_before:
                entry.unlink()
                return 1
            return 0
        files = _list(entry)
        if max((each.stat().st_mtime for each in (entry, *files)), default=0) >= used_before:
            return sum(_delete(file, time.time() - _PARTS_KEPT) for file in files if file.suffix == ".part")
        for file in files:
            file.unlink(missing_ok=True)
        entry.rmdir()
        return len(files)
    return 0


def _list(directory: Path) -> list[Path]:
    with suppress(OSError):
        return list(directory.iterdir())
    return []
