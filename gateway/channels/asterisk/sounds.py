"""Sound files where the phone system reads them."""

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import structlog

from gateway.channels.asterisk.originate import PublishedSounds
from gateway.channels.asterisk.sound_names import Names, SoundFile
from gateway.channels.asterisk.sounds_receiver import sweep, touch
from gateway.ports.phone import CallOrder, Prompt

log = structlog.get_logger(__name__)

_READABLE = 0o644
_OPEN_DIRECTORY = 0o755
_SWEEP_SECONDS = 3600
_USE_NOTED_SECONDS = 3600


class Shelf(Protocol):
    """How sounds come to where a node's Asterisk finds them. Blocks; used on several worker threads at once."""

    def put(self, sound: Path) -> str:
        """Return what Asterisk calls the file, once it is there: its path without suffix. Raises ``OSError``."""
        ...

    def publish(self, order: CallOrder) -> PublishedSounds:
        """Lay out all that a call plays. Raises ``OSError``."""
        ...

    def expected(self, order: CallOrder) -> PublishedSounds:
        """Return where all that would be, without laying it out. Raises ``OSError`` where it cannot be read here."""
        ...


class SoundShelf:
    """Copies sound files into a node's ``sounds_dir``, which engine and Asterisk share. Implements ``Shelf``.

    Copies rather than links: Asterisk runs as a user of its own, and must be able to read them whatever
    the original's mode is. Several gateways may share the directory: all steps are atomic. Now and then what no call
    has used for long is deleted, prompts too.
    """

    def __init__(self, sounds_dir: Path, *, wideband: bool = False) -> None:
        self._names = Names(sounds_dir, wideband=wideband)
        self._swept_at = time.monotonic()
        self._sweeping = threading.Lock()

    def put(self, sound: Path) -> str:
        """Return what Asterisk calls the file: its path without ``.wav``. Raises ``OSError``."""
        named = self._names.of(sound)
        self._lay_out(named.files)
        return named.name

    def publish(self, order: CallOrder) -> PublishedSounds:
        """Lay out all that a call plays. Raises ``OSError``."""
        named = self._names.of_order(order)
        self._lay_out(named.files)
        return named.published

    def expected(self, order: CallOrder) -> PublishedSounds:
        """Return where all that a call plays would be. Raises ``OSError``."""
        return self._names.of_order(order).published

    def put_prompts(self, prompts: Mapping[Prompt, Path]) -> str:
        """Return the directory that holds these prompts under their names. Raises ``OSError``."""
        directory, files = self._names.of_prompts(prompts)
        self._lay_out(files)
        return directory

    def _lay_out(self, files: tuple[SoundFile, ...]) -> None:
        for file in files:
            self._copy(file)
        self._sweep()

    def _copy(self, file: SoundFile) -> None:
        target = self._names.directory / file.name
        with contextlib.suppress(FileNotFoundError):
            there = target.stat()
            # Its age tells when it was last used; to the hour will do.
            noted = time.time() - there.st_mtime < _USE_NOTED_SECONDS
            if there.st_size == file.source.stat().st_size and (noted or touch(self._names.directory, file.name)):
                return
        target.parent.mkdir(mode=_OPEN_DIRECTORY, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        os.close(handle)
        part = Path(name)
        try:
            shutil.copyfile(file.source, part)
            part.chmod(_READABLE)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Now and then, delete what no call has used for long, while other calls go on."""
        if time.monotonic() - self._swept_at < _SWEEP_SECONDS or not self._sweeping.acquire(blocking=False):
            return
        try:
            self._swept_at = time.monotonic()
            if deleted := sweep(self._names.directory):
                log.info("sounds_swept", directory=str(self._names.directory), files=deleted)
        finally:
            self._sweeping.release()
