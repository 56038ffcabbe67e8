"""Sound files where the phone system reads them."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from gateway.channels.asterisk.ami_values import checked_path
from gateway.channels.asterisk.originate import PublishedSounds
from gateway.ports.phone import CallOrder, Prompt

log = structlog.get_logger(__name__)

_READABLE = 0o644
_OPEN_DIRECTORY = 0o755
_KEEP_SECONDS = 7 * 24 * 3600
_SWEEP_SECONDS = 3600


class SoundShelf:
    """Copies sound files into a node's ``sounds_dir``, named by their content, so that no file there ever changes.

    Copies rather than links: Asterisk runs as a user of its own, and must be able to read them whatever
    the original's mode is. Blocks; used on one worker thread at a time for a node, or on several: all steps are atomic.
    """

    def __init__(self, sounds_dir: Path) -> None:
        self._dir = sounds_dir.absolute()
        checked_path(self._dir)
        self._prompt_directories: dict[tuple[tuple[str, str, int, int], ...], Path] = {}
        self._swept_at = time.monotonic()

    def put(self, sound: Path) -> str:
        """Return what Asterisk calls the file: its path without ``.wav``. Raises ``OSError``."""
        return self._put(sound)[0]

    def publish(self, order: CallOrder) -> PublishedSounds:
        """Lay out all that a call plays. Raises ``OSError``."""
        message, digest = self._put(order.announcement)
        whisper = self.put(order.whisper) if order.whisper is not None and order.handoff_number else ""
        return PublishedSounds(message, self.put_prompts(order.prompts), digest, whisper)

    def _put(self, sound: Path) -> tuple[str, str]:
        digest = hashlib.sha256(sound.read_bytes()).hexdigest()
        target = self._dir / f"{digest[:32]}.wav"
        self._copy(sound, target)
        self._sweep()
        return checked_path(target.with_suffix("")), digest

    def put_prompts(self, prompts: Mapping[Prompt, Path]) -> str:
        """Return the directory that holds these prompts under their names. Raises ``OSError``."""
        stamp = []
        for prompt in sorted(prompts):
            status = prompts[prompt].stat()
            stamp.append((prompt.value, str(prompts[prompt]), status.st_mtime_ns, status.st_size))
        known = self._prompt_directories.get(tuple(stamp))
        if known is not None and all((known / f"{prompt.value}.wav").exists() for prompt in prompts):
            return checked_path(known)
        digest = hashlib.sha256()
        for prompt in sorted(prompts):
            digest.update(prompt.value.encode() + hashlib.sha256(prompts[prompt].read_bytes()).digest())
        directory = self._dir / f"prompts-{digest.hexdigest()[:32]}"
        for prompt, sound in prompts.items():
            self._copy(sound, directory / f"{prompt.value}.wav")
        self._prompt_directories[tuple(stamp)] = directory
        return checked_path(directory)

    def _copy(self, sound: Path, target: Path) -> None:
        target.parent.mkdir(mode=_OPEN_DIRECTORY, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if target.stat().st_size == sound.stat().st_size:
                # Its age tells when it was last used.
                os.utime(target)
                return
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        os.close(handle)
        part = Path(name)
        try:
            shutil.copyfile(sound, part)
            part.chmod(_READABLE)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Now and then, delete announcements that no call has used for a week."""
        if time.monotonic() - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = time.monotonic()
        oldest = time.time() - _KEEP_SECONDS
        for old in self._dir.glob("*.wav"):
            with contextlib.suppress(OSError):
                if old.stat().st_mtime < oldest:
                    old.unlink()
                    log.debug("announcement_deleted", file=old.name)
