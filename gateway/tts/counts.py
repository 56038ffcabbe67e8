"""How often each engine spoke, and why another one had to."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.tts.engine import FallbackReason


@dataclass(frozen=True, slots=True)
class SpeechFigures:
    """The counts of one process since it started.

    ``spoken`` and ``cached`` count utterances by engine, ``fallbacks`` those that the named
    engine left to the next one, by reason, and ``late`` those that it finished after its call
    had gone on, in time for the next one.
    """

    spoken: Mapping[str, int] = field(default_factory=dict)
    cached: Mapping[str, int] = field(default_factory=dict)
    fallbacks: Mapping[tuple[str, FallbackReason], int] = field(default_factory=dict)
    late: Mapping[str, int] = field(default_factory=dict)


class SpeechObserver(Protocol):
    """Whoever counts for all processes. Told from several threads; must not raise."""

    def spoke(self, engine: str) -> None:
        """Take note of an utterance that was spoken anew."""

    def found(self, engine: str) -> None:
        """Take note of an utterance that was in the cache."""

    def fell_back(self, engine: str, reason: FallbackReason) -> None:
        """Take note of an utterance that the engine left to the next one."""

    def was_late(self, engine: str) -> None:
        """Take note of an utterance that came into the cache after its call had gone on without it."""


class SpeechCounts:
    """Counts, from several threads at once, and tells the observer likewise."""

    def __init__(self, observer: SpeechObserver | None = None) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._spoken: Counter[str] = Counter()
        self._cached: Counter[str] = Counter()
        self._late: Counter[str] = Counter()
        self._fallbacks: Counter[tuple[str, FallbackReason]] = Counter()

    def spoke(self, engine: str) -> None:
        """Count an utterance that was spoken anew."""
        with self._lock:
            self._spoken[engine] += 1
        if self._observer is not None:
            self._observer.spoke(engine)

    def found(self, engine: str) -> None:
        """Count an utterance that was in the cache."""
        with self._lock:
            self._cached[engine] += 1
        if self._observer is not None:
            self._observer.found(engine)

    def fell_back(self, engine: str, reason: FallbackReason) -> None:
        """Count an utterance that the engine left to the next one."""
        with self._lock:
            self._fallbacks[engine, reason] += 1
        if self._observer is not None:
            self._observer.fell_back(engine, reason)

    def was_late(self, engine: str) -> None:
        """Count an utterance that came into the cache after its call had gone on without it."""
        with self._lock:
            self._late[engine] += 1
        if self._observer is not None:
            self._observer.was_late(engine)

    def figures(self) -> SpeechFigures:
        """Return the counts of now."""
        with self._lock:
            return SpeechFigures(
                spoken=dict(self._spoken),
                cached=dict(self._cached),
                fallbacks=dict(self._fallbacks),
                late=dict(self._late),
            )
