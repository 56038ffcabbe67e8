"""What the engine does beside its escalations: audio made ahead and cleared away, memory and ledger tidied."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import timedelta
from pathlib import Path

import structlog

from actors.timers import Timers
from gateway.app import memory
from gateway.ports.clock import Clock
from gateway.ports.phone import Prompt
from gateway.ports.record import Record, RecordUnavailableError
from gateway.ports.speech import SpeechError
from gateway.services.left_notes import settle_left_notes
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)

_AUDIO_KEPT = timedelta(days=30)
_EVERY = timedelta(hours=1)


class Housekeeping:
    """Runs on the executor's threads, every hour until the timers stop.

    ``prompts`` speaks the fixed sentences of calls in a language; ``prune`` deletes audio that nobody has used for so
    long, or that is too much; ``None`` where the audio is somebody else's.
    """

    def __init__(
        self,
        *,
        record: Record,
        clock: Clock,
        timers: Timers,
        executor: Executor,
        quota: VoiceQuota,
        prompts: Callable[[str], Mapping[Prompt, Path]],
        prune: Callable[[timedelta], object] | None,
    ) -> None:
        self._record = record
        self._clock = clock
        self._timers = timers
        self._executor = executor
        self._quota = quota
        self._prompts = prompts
        self._prune = prune

    def render_prompts(self) -> None:
        """Speak the fixed sentences of calls ahead, so that no first call waits for them. Blocks."""
        try:
            for language in self._languages():
                self._prompts(language)
        except (SpeechError, RecordUnavailableError) as error:
            # A call renders what is missing, and reports what cannot be spoken.
            log.warning("prompts_not_rendered_ahead", error=str(error))

    def tidy(self) -> None:
        """Have the memory and the ledger tidied, once everything is taken up and every hour."""
        self._executor.submit(memory.tidy)
        self._executor.submit(settle_left_notes, self._record, self._quota, self._clock.now())
        self._timers.after(_EVERY, self.tidy)

    def prune_audio(self) -> None:
        """Delete audio that nobody has used for long, or that is too much, now and every hour."""
        if self._prune is not None:
            self._executor.submit(self._prune, _AUDIO_KEPT)
            self._timers.after(_EVERY, self.prune_audio)

    def _languages(self) -> list[str]:
        with self._record.read() as work:
            licenses = work.licenses.list()
            contacts = [contact for license_ in licenses for contact in work.contacts.of_license(license_.id)]
        return sorted(
            {contact.language for contact in contacts} | {license_.language for license_ in licenses} | {"en"}
        )
