"""What the sounds of a call are called on a node: by their content, so that no file there ever changes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.channels.asterisk.ami_values import checked_path
from gateway.channels.asterisk.originate import PublishedSounds
from gateway.channels.asterisk.sounds_receiver import PROMPTS
from gateway.ports.phone import CallOrder, Prompt
from gateway.ports.speech import WIDEBAND_SUFFIX

_NAME_DIGITS = 32
_PLAIN_SUFFIX = ".wav"
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file of the gateway's, and its name below the node's ``sounds_dir``."""

    source: Path
    name: str


@dataclass(frozen=True, slots=True)
class NamedSound:
    """A sound with the files that it has there; ``name`` is what Asterisk calls it: the path without suffix."""

    name: str
    sha256: str
    files: tuple[SoundFile, ...]


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """All that a call plays."""

    published: PublishedSounds
    files: tuple[SoundFile, ...]


class Names:
    """The names below a directory. Raises ``UnsafeValueError`` for one that the dialplan would misread.

    With ``wideband`` a sound has its file of 16 kHz as well, where there is one beside the original; Asterisk takes
    whichever fits a call's codec.
    """

    def __init__(self, directory: Path, *, wideband: bool) -> None:
        self.directory = directory.absolute()
        checked_path(self.directory)
        self._suffixes = (_PLAIN_SUFFIX, WIDEBAND_SUFFIX) if wideband else (_PLAIN_SUFFIX,)
        self._digests: dict[tuple[str, int, int], str] = {}

    def of(self, sound: Path) -> NamedSound:
        """Return the names of one sound. Raises ``OSError``."""
        sha256 = self._sha256(sound)
        return self._named(sound, sha256[:_NAME_DIGITS], sha256)

    def of_prompts(self, prompts: Mapping[Prompt, Path]) -> tuple[str, tuple[SoundFile, ...]]:
        """Return the directory of these prompts, and their files in it. Raises ``OSError``."""
        digest = hashlib.sha256()
        for prompt in sorted(prompts):
            digest.update(prompt.value.encode() + bytes.fromhex(self._sha256(prompts[prompt])))
        directory = f"{PROMPTS}{digest.hexdigest()[:_NAME_DIGITS]}"
        files = [self._named(sound, f"{directory}/{prompt.value}", "").files for prompt, sound in prompts.items()]
        return checked_path(self.directory / directory), tuple(file for each in files for file in each)

    def of_order(self, order: CallOrder) -> NamedOrder:
        """Return the names of all that a call plays. Raises ``OSError``."""
        message = self.of(order.announcement)
        whisper = self.of(order.whisper) if order.whisper is not None and order.handoff_number else None
        prompts, files = self.of_prompts(order.prompts)
        published = PublishedSounds(
            message=message.name,
            prompts=prompts,
            message_sha256=message.sha256,
            whisper=whisper.name if whisper else "",
            wide=len(message.files) > 1,
        )
        return NamedOrder(published, (*message.files, *(whisper.files if whisper else ()), *files))

    def _named(self, sound: Path, base: str, sha256: str) -> NamedSound:
        files = tuple(SoundFile(source, base + source.suffix) for source in self._sources(sound))
        return NamedSound(checked_path(self.directory / base), sha256, files)

    def _sources(self, sound: Path) -> Iterator[Path]:
        for suffix in self._suffixes:
            file = sound.with_suffix(suffix)
            if suffix == _PLAIN_SUFFIX or file.exists():
                yield file

    def _sha256(self, sound: Path) -> str:
        """Return a file's SHA-256, read anew only where it was written since."""
        status = sound.stat()
        stamp = str(sound), status.st_mtime_ns, status.st_size
        digest = self._digests.get(stamp)
        if digest is None:
            digest = hashlib.sha256(sound.read_bytes()).hexdigest()
            if len(self._digests) >= _REMEMBERED:
                self._digests.clear()
            self._digests[stamp] = digest
        return digest
