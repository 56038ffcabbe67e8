"""Keeps a worker process with its voices loaded, and gives it texts one after the other.

The worker answers two requests, in frames of ``gateway.tts.framing``: ``{"do": "load", "voice": NAME, …}`` with
``{"loaded": true}``, and ``{"do": "speak", "voice": NAME, "text": TEXT}`` with ``{"rate": HERTZ}`` and 32-bit samples;
or either with ``{"error": REASON}``, to which ``"fatal": true`` adds that it should be started anew.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from gateway.tts.answers import pcm_of
from gateway.tts.engine import (
    EngineError,
    EngineFailedError,
    EngineNotReadyError,
    EngineTimeoutError,
    Pcm,
)
from gateway.tts.framing import Header
from gateway.tts.pauses import GrowingPause
from gateway.tts.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

_URGENT_MOST = 8  # that wait at once; in a storm the others are spoken by the next engine without waiting
_LATER_MOST = 64
_LATER_KEPT = timedelta(minutes=10)
_LOOK_EVERY = timedelta(seconds=5)
_MARGIN = timedelta(milliseconds=50)


@dataclass(eq=False, slots=True)
class _Job:
    text: str
    voice: str
    made_at: float = field(default_factory=time.monotonic)
    speech: "Future[Pcm]" = field(default_factory=Future)


class WorkerKeeper:
    """Has a worker load ``voices`` and speak with them, on a thread of its own.

    ``voices`` are the load requests by name. A worker that crashed is started again after a pause that doubles from
    one second to five minutes, and loads what it had loaded. A text that takes longer than whoever asked
    waits is spoken to its end, for ``speak_limit`` at most: only then is the worker killed.
    """

    def __init__(
        self,
        worker: WorkerProcess,
        voices: Mapping[str, Header],
        *,
        name: str,
        load_limit: timedelta,
        speak_limit: timedelta,
    ) -> None:
        self._worker = worker
        self._voices = dict(voices)
        self._name = name
        self._load_limit = load_limit
        self._speak_limit = speak_limit
        self._begin()

    def _begin(self) -> None:
        self._owner_pid = os.getpid()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._urgent: deque[_Job] = deque()
        self._later: deque[_Job] = deque()
        self._current: _Job | None = None
        self._loading: str | None = None
        self._wanted: dict[str, None] = {}
        self._loaded: set[str] = set()
        self._crashes = GrowingPause()
        self._troubles = {voice: GrowingPause() for voice in self._voices}

    @property
    def is_begun(self) -> bool:
        """Tell whether anything was asked for since the start."""
        return self._thread is not None

    def warm(self) -> None:
        """Begin to load every voice, and return at once."""
        self._submit(None, *self._voices)

    def load(self, voice: str, time_limit: timedelta) -> None:
        """Load a voice, and wait until that is done. Raises ``EngineNotReadyError`` where it is not."""
        self._submit(None, voice)
        with self._changed:
            self._changed.wait_for(
                lambda: voice in self._loaded or self._crashes.reason or self._troubles[voice].reason,
                time_limit.total_seconds(),
            )
        if (why := self._why_not_ready(voice)) is not None:
            raise EngineNotReadyError(why)

    def speak(self, text: str, voice: str, time_limit: timedelta) -> Pcm:
        """Return the speech.

        Raises ``EngineNotReadyError`` at once where the voice is not loaded, ``EngineTimeoutError`` where
        it takes too long, both with what may still come of it, and ``EngineFailedError``, ``TextRefusedError``.
        """
        if (why := self._why_not_ready(voice)) is not None:
            raise EngineNotReadyError(why, late=self.speak_later(text, voice))
        job = _Job(text, voice)
        self._submit(job, urgent=True)
        try:
            return job.speech.result(max((time_limit - _MARGIN).total_seconds(), 0))
        except TimeoutError as error:
            self._postpone(job)
            raise EngineTimeoutError(f"{self._name} did not speak within {time_limit}", late=job.speech) from error

    def speak_later(self, text: str, voice: str) -> "Future[Pcm] | None":
        """Return what will be spoken when nothing is urgent; ``None`` where too much waits already."""
        with self._changed:
            for known in (self._current, *self._urgent, *self._later):
                if known is not None and (known.text, known.voice) == (text, voice):
                    return known.speech
            if len(self._later) >= _LATER_MOST:
                return None
        job = _Job(text, voice)
        self._submit(job, voice)
        return job.speech

    def state(self) -> str:
        """Return ``ok`` and more, or what is wrong."""
        with self._changed:
            trouble = self._crashes if self._crashes.reason else self._first_trouble()
            waiting = [voice for voice in self._wanted if voice not in self._loaded]
            loaded = len(self._loaded)
        if trouble is not None:
            return f"{trouble.reason}; tried again in {trouble.left:.0f} s"
        if waiting:
            return f"loading {', '.join(waiting)}"
        if not loaded:
            return "ok: loads its voices with the first text"
        return f"ok: {loaded} of {len(self._voices)} voices loaded"

    def stop(self) -> None:
        """End the worker and its thread, whatever they do. A later ``speak`` starts both anew."""
        if self._owner_pid != os.getpid():
            return
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
            jobs = [*self._urgent, *self._later]
        self._worker.abort()
        if thread is not None:
            thread.join()
        self._worker.stop()
        for job in jobs:
            _fail(job, EngineFailedError(f"{self._name} was stopped"))
        self._begin()

    def _why_not_ready(self, voice: str) -> str | None:
        if self._owner_pid != os.getpid():
            self._begin()
        with self._changed:
            trouble = self._troubles[voice]
            paused = self._crashes if self._crashes.reason else trouble if trouble.reason else None
            if paused is not None:
                return f"{paused.reason}; tried again in {paused.left:.0f} s"
            if self._loading is not None or voice not in self._loaded:
                return f"the voice {self._loading or voice} is being loaded"
            return f"{_URGENT_MOST} other texts wait" if len(self._urgent) >= _URGENT_MOST else None

    def _postpone(self, job: _Job) -> None:
        """Let a text for which nobody waits any more make way for others."""
        with self._changed:
            if job in self._urgent:
                self._urgent.remove(job)
                self._later.append(job)

    def _first_trouble(self) -> GrowingPause | None:
        return next((trouble for trouble in self._troubles.values() if trouble.reason), None)

    def _submit(self, job: _Job | None, *wanted: str, urgent: bool = False) -> None:
        if self._owner_pid != os.getpid():
            self._begin()  # After a fork, the thread is the parent's.
        with self._changed:
            self._wanted.update(dict.fromkeys(wanted))
            if job is not None:
                (self._urgent if urgent else self._later).append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"{self._name}-keeper", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next thing to do: what is urgent, then loading, then what has time."""
        with self._changed:
            while not self._closing:
                if self._loaded and not self._worker.is_running:
                    self._crashed("its process ended by itself")
                if self._urgent:
                    job = self._urgent.popleft()
                    return lambda: self._speak(job)
                if not self._crashes.left:
                    if (voice := self._voice_to_load()) is not None:
                        self._loading = voice
                        return lambda: self._load(voice)
                    if (later := self._job_for_later()) is not None:
                        return lambda: self._speak(later)
                self._changed.wait(self._idle_seconds())
        return None

    def _idle_seconds(self) -> float | None:
        pauses = [self._crashes.left, *(trouble.left for trouble in self._troubles.values())]
        if any(pauses):
            return min(left for left in pauses if left)
        return _LOOK_EVERY.total_seconds() if self._loaded else None

    def _voice_to_load(self) -> str | None:
        missing = (voice for voice in self._wanted if voice not in self._loaded)
        return next((voice for voice in missing if not self._troubles[voice].left), None)

    def _job_for_later(self) -> _Job | None:
        oldest = time.monotonic() - _LATER_KEPT.total_seconds()
        for job in list(self._later):
            if job.made_at < oldest:
                self._later.remove(job)
                _fail(job, EngineNotReadyError("it waited too long for its turn"))
            elif job.voice in self._loaded:
                self._later.remove(job)
                return job
        return None

    def _load(self, voice: str) -> None:
        began = time.monotonic()
        try:
            header, _ = self._worker.request(
                {"do": "load", "voice": voice, **self._voices[voice]}, time_limit=self._load_limit
            )
        except EngineError as error:
            self._loading = None
            self._crashed(f"the voice {voice} could not be loaded: {error}")
            return
        with self._changed:
            self._loading = None
            if header.get("loaded") is True:
                self._loaded.add(voice)
                self._troubles[voice].succeeded()
                # A worker that crashes while it loads never gets here: its pause goes on growing.
                self._crashes.reason = None
            else:
                self._troubles[voice].failed(f"the voice {voice} could not be loaded: {header.get('error')}")
            self._changed.notify_all()
        if header.get("loaded") is True:
            log.info("speech_voice_loaded", engine=self._name, voice=voice, seconds=round(time.monotonic() - began, 1))
        else:
            log.error("speech_voice_not_loaded", engine=self._name, voice=voice, reason=header.get("error"))

    def _speak(self, job: _Job) -> None:
        if job.voice not in self._loaded:
            # Its process crashed while the text waited.
            _fail(job, EngineNotReadyError(f"the voice {job.voice} is being loaded"))
            return
        self._current = job
        try:
            header, data = self._worker.request(
                {"do": "speak", "voice": job.voice, "text": job.text}, time_limit=self._speak_limit
            )
        except EngineError as error:
            self._current = None
            _fail(job, error)
            self._crashed(str(error))
            return
        try:
            job.speech.set_result(pcm_of(header, data, job.text))
        except EngineError as error:
            _fail(job, error)
        self._current = None
        if header.get("fatal") is True:
            self._worker.abort()
            self._crashed(str(header.get("error")))
        else:
            self._crashes.succeeded()

    def _crashed(self, reason: str) -> None:
        with self._changed:
            if self._closing:
                return
            self._crashes.failed(reason)
            self._loaded.clear()
            self._changed.notify_all()
            log.error(
                "speech_engine_crashed",
                engine=self._name,
                reason=reason,
                failures=self._crashes.failures,
                pause=round(self._crashes.left, 1),
            )


def _fail(job: _Job, error: EngineError) -> None:
    job.speech.set_exception(error)
