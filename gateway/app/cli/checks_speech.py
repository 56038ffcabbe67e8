"""Checks of speech: that every language is spoken, and that a neural voice works."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from gateway.app.cli.checks import TIME_LIMIT, Finding, failed, ok, warn
from gateway.app.speech import build_engines, build_speech
from gateway.config.schema import Config
from gateway.ports.record import RecordUnavailableError
from gateway.ports.speech import SpeechError
from gateway.store import SchemaState, open_record, schema_state
from gateway.tts.engine import EngineError, SlowEngine
from gateway.tts.prompts import render_prompts

_ENGINE_SILENT_AFTER = timedelta(seconds=10)
_ADVICE = "docs/speech.md has the set-up; tocsin tts voices lists what can be used. Until then espeak speaks"
_LOAD_LIMIT = TIME_LIMIT - timedelta(seconds=4)


def check_prompts(config: Config, languages: Collection[str]) -> Finding:
    """See that the fixed sentences of calls are spoken in every language."""
    speech = build_speech(config, may_load=False)
    try:
        for language in sorted(languages):
            try:
                render_prompts(speech, language)
            except SpeechError as error:
                return failed(f"{language}: {error}", "give these contacts a language of tocsin tts voices")
    finally:
        speech.stop()
    return ok(f"the prompts are spoken in {', '.join(sorted(languages))}")


def check_slow_engine(config: Config) -> Finding:
    """See that the configured neural voices work: as the running engine says, or else by loading them here."""
    said = _said_by_the_engine(config)
    return _load_here(config) if said is None else _judged(said)


def _judged(state: str) -> Finding:
    if state.startswith("loading"):
        return warn(f"the engine is {state}", "look again in a minute; until then espeak speaks")
    return ok(state) if state.startswith("ok") else failed(state, _ADVICE)


def _load_here(config: Config) -> Finding:
    engine = next((engine for engine in build_engines(config) if isinstance(engine, SlowEngine)), None)
    if engine is None:
        return ok("there is none")
    try:
        state = engine.state()
        if not state.startswith("ok"):
            return failed(state, _ADVICE)
        for voice in engine.voices():
            engine.load(voice, time_limit=_LOAD_LIMIT / len(engine.voices()))
    except EngineError as error:
        if "is being loaded" in str(error):
            return warn(f"{error} for {_LOAD_LIMIT.total_seconds():.0f} s already", "start the engine and look again")
        return failed(str(error), _ADVICE)
    finally:
        engine.stop()
    return ok(", ".join(f"{voice.language} by {voice.name}" for voice in engine.voices()))


def _said_by_the_engine(config: Config) -> str | None:
    """Return how the engine process says that its voices are; ``None`` where none runs."""
    if schema_state(config.database_url) is not SchemaState.CURRENT:
        return None
    record = open_record(config.database_url, pool_size=1)
    try:
        with record.read() as work:
            beats = work.heartbeats.latest()
    except RecordUnavailableError:
        return None
    finally:
        record.close()
    alive = [beat for beat in beats if datetime.now(UTC) - beat.at < _ENGINE_SILENT_AFTER]
    said = (beat.parts.get(f"speech {config.tts.engine}") for beat in alive)
    return next(filter(None, said), None)
