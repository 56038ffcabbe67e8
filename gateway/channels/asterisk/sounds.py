"""Sound files where the phone system reads them."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from gateway.channels.asterisk.ami_values import checked_path
from gateway.channels.asterisk.originate import PublishedSounds
from gateway.channels.asterisk.sound_folder import PROMPTS, sweep
from gateway.ports.phone import CallOrder, Prompt
from gateway.ports.speech import WIDEBAND_SUFFIX

log = structlog.get_logger(__name__)

_READABLE = 0o644
_OPEN_DIRECTORY = 0o755
_SWEEP_SECONDS = 3600
_NAME_DIGITS = 32
_PLAIN_SUFFIX = ".wav"


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A sound, laid out: its path without suffix, its SHA-256, and whether 16 kHz are there."""

    name: str
    sha256: str
    wide: bool


class Shelf(Protocol):
    """Where a node finds its sounds. Blocks; used on several worker threads at once."""

    def put(self, sound: Path) -> str:
        """Return what Asterisk calls the file, once it is there: its path without suffix. Raises ``OSError``."""
        ...

    def publish(self, order: CallOrder) -> PublishedSounds:
        """Lay out all that a call plays. Raises ``OSError``."""
        ...


class SoundShelf:
    """Copies sound files into a node's ``sounds_dir``, named by their content, so that no file there ever changes.

    Copies rather than links: Asterisk runs as a user of its own, and must be able to read them whatever
    the original's mode is. Several gateways may share the directory: all steps are atomic. With ``wideband`` the 16 kHz
    file goes along, where there is one beside the original; Asterisk takes whichever fits a call's codec. Now and then
    what no call has used for long is deleted, prompts too.
    """

    def __init__(self, sounds_dir: Path, *, wideband: bool = False) -> None:
        self._dir = sounds_dir.absolute()
        checked_path(self._dir)
        self._suffixes = (_PLAIN_SUFFIX, WIDEBAND_SUFFIX) if wideband else (_PLAIN_SUFFIX,)
        self._prompt_directories: dict[tuple[tuple[str, ...], ...], Path] = {}
        self._swept_at = time.monotonic()
        self._sweeping = threading.Lock()

    def put(self, sound: Path) -> str:
        """Return what Asterisk calls the file: its path without ``.wav``. Raises ``OSError``."""
        return self._put(sound).name

    def publish(self, order: CallOrder) -> PublishedSounds:
        """Lay out all that a call plays. Raises ``OSError``."""
        message = self._put(order.announcement)
        whisper = self.put(order.whisper) if order.whisper is not None and order.handoff_number else ""
        return PublishedSounds(
            message=message.name,
            prompts=self.put_prompts(order.prompts),
            message_sha256=message.sha256,
            whisper=whisper,
            wide=message.wide,
        )

    def put_prompts(self, prompts: Mapping[Prompt, Path]) -> str:
        """Return the directory that holds these prompts under their names. Raises ``OSError``."""
        stamp = tuple(_stamp(prompt, file) for prompt in sorted(prompts) for file in self._files_of(prompts[prompt]))
        directory = self._prompt_directories.get(stamp)
        if directory is None:
            digest = hashlib.sha256()
            for prompt in sorted(prompts):
                digest.update(prompt.value.encode() + hashlib.sha256(prompts[prompt].read_bytes()).digest())
            directory = self._dir / f"{PROMPTS}{digest.hexdigest()[:_NAME_DIGITS]}"
        for prompt, sound in prompts.items():
            for file in self._files_of(sound):
                self._copy(file, directory / f"{prompt.value}{file.suffix}")
        # Its age tells when it was last used.
        os.utime(directory)
        self._prompt_directories[stamp] = directory
        return checked_path(directory)

    def _put(self, sound: Path) -> LaidOut:
        digest = hashlib.sha256(sound.read_bytes()).hexdigest()
        base = self._dir / digest[:_NAME_DIGITS]
        files = list(self._files_of(sound))
        for file in files:
            self._copy(file, base.with_suffix(file.suffix))
        self._sweep()
        return LaidOut(checked_path(base), digest, wide=len(files) > 1)

    def _files_of(self, sound: Path) -> Iterator[Path]:
        """Yield the file, and that of 16 kHz beside it where it has come and the node has a use for it."""
        for suffix in self._suffixes:
            file = sound.with_suffix(suffix)
            if suffix == _PLAIN_SUFFIX or file.exists():
                yield file

    def _copy(self, sound: Path, target: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            if target.stat().st_size == sound.stat().st_size:
                os.utime(target)
                return
        target.parent.mkdir(mode=_OPEN_DIRECTORY, parents=True, exist_ok=True)
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
        """Now and then, delete what no call has used for long, while other calls go on."""
        if time.monotonic() - self._swept_at < _SWEEP_SECONDS or not self._sweeping.acquire(blocking=False):
            return
        try:
            self._swept_at = time.monotonic()
            if deleted := sweep(self._dir):
                log.info("sounds_swept", directory=str(self._dir), files=deleted)
        finally:
            self._sweeping.release()


def _stamp(prompt: Prompt, file: Path) -> tuple[str, ...]:
    status = file.stat()
    return prompt.value, str(file), str(status.st_mtime_ns), str(status.st_size)
