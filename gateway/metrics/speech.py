"""Counts what was spoken."""

from gateway.metrics import SPEECH, SPEECH_FALLBACKS


class SpeechMeter:
    """Told of each utterance by the speech of a process."""

    def spoke(self, engine: str) -> None:
        """Count an utterance that was spoken anew."""
        SPEECH.labels(engine, "spoken").inc()

    def found(self, engine: str) -> None:
        """Count an utterance that was in the cache."""
        SPEECH.labels(engine, "cached").inc()

    def fell_back(self, engine: str, reason: str) -> None:
        """Count an utterance that the engine left to the next one."""
        SPEECH_FALLBACKS.labels(engine, reason).inc()

    def was_late(self, engine: str) -> None:
        """Count an utterance that came into the cache after its call had gone on without it."""
        SPEECH.labels(engine, "late").inc()
