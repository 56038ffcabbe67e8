"""Keeping the cache of rendered speech within its size."""

import threading
from datetime import timedelta

import structlog

from gateway.tts.audio_files import AudioFiles

log = structlog.get_logger(__name__)

_SHARE = 20  # a part of the size: after so much was written the files are counted again


class Pruner:
    """Prunes the files, when asked to and whenever much was written; ``size`` in bytes. Used from several threads."""

    def __init__(self, files: AudioFiles, size: int | None) -> None:
        self._files = files
        self._size = size
        self._pruning = threading.Lock()
        self._lock = threading.Lock()
        self._written = 0

    def written(self, count: int) -> None:
        """Take note of bytes that were written; returns at once."""
        if self._size is None:
            return
        with self._lock:
            self._written += count
            due = self._written > self._size // _SHARE
            if due:
                self._written = 0
        if due:
            threading.Thread(target=self.prune, args=(timedelta.max,), name="speech-pruning", daemon=True).start()

    def prune(self, unused_for: timedelta) -> int:
        """Delete what nobody used for that long, and what is too much; return the number of files.

        Where another thread is at it, nothing is done.
        """
        if not self._pruning.acquire(blocking=False):
            return 0
        try:
            pruned = self._files.prune(unused_for, size=self._size)
        finally:
            self._pruning.release()
        if pruned.files:
            log.info("speech_cache_pruned", files=pruned.files, bytes_left=pruned.left)
        if self._size is not None and pruned.left > self._size:
            log.warning(
                "speech_cache_over_its_size",
                bytes=pruned.left,
                cache_size=self._size,
                advice="all of it may still be needed: raise tts.cache_size",
            )
        return pruned.files
