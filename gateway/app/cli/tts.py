"""Commands for speech."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from gateway.app.cli.invocation import CommandFailedError, Invocation, command, print_table
from gateway.app.cli.tts_models import Fetched, fetch_models
from gateway.app.speech import NoEngineError, build_engine, build_engines
from gateway.config.schema import Config
from gateway.config.tts import EngineName
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.engine import Engine, EngineNotReadyError, SlowEngine, UnknownLanguageError
from gateway.tts.kept import KeptEngine

_FORMATS = {".wav": AudioFormat.PHONE, ".ogg": AudioFormat.VOICE_NOTE}
_ENGINES: tuple[EngineName, ...] = ("espeak", "piper", "coqui")
_TRIAL_LIMIT = timedelta(seconds=60)


@click.group()
def tts() -> None:
    """Speech: what can speak, and how it sounds."""


@tts.command("voices")
@click.option("--language", metavar="LANG", help="Only the voices of this language, as in en or zh.")
@command
def tts_voices(invocation: Invocation, *, language: str | None) -> None:
    """List the voices of the configured engines, with their licences.

    Where several engines speak a language, the first one does, and the others where it cannot. A voice that is
    configured and cannot be used is listed with its problem.

    \b
    Examples:
      tocsin tts voices --language es
      tocsin tts voices --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    engines = build_engines(invocation.config())
    document = [
        voice
        for engine in engines
        for voice in _described(engine)
        if language is None or _primary(str(voice["language"])) == _primary(language)
    ]
    rows = [(voice["engine"], voice["language"], voice["name"], voice["license"]) for voice in document]
    columns = ("ENGINE", "LANGUAGE", "VOICE", "LICENCE")
    invocation.answer(document, lambda: print_table(columns, rows, empty=f"no voice for {language}"))
    for engine in engines:
        if isinstance(engine, KeptEngine) and engine.problem is not None:
            invocation.say(f"{engine.name} cannot be used: {engine.problem}")
        elif isinstance(engine, KeptEngine):
            for tag, reason in engine.refusals.items():
                invocation.say(f"{engine.name} {tag} cannot be used: {reason}")


@tts.command("download")
@command
def tts_download(invocation: Invocation) -> None:
    """Fetch the models that the configuration names, as far as they are not here.

    They come from Coqui's model hub, by its own model manager, into tts.coqui.models_dir. The engine loads them
    when it is started again.

    \b
    Examples:
      tocsin tts download
    """  # noqa: D301 - click's mark for "do not rewrap"
    fetched = fetch_models(invocation.config())
    document = [asdict(model) for model in fetched]
    failures = [model for model in fetched if model.error is not None]
    if not failures:
        invocation.answer(document, lambda: _show_fetched(fetched))
        return
    if not invocation.as_json:
        _show_fetched([model for model in fetched if model.error is None])
    told = "\n".join(f"{model.model}: {model.error}" for model in failures)
    raise CommandFailedError(told, code="not_downloaded", detail={"models": document})


@tts.command("say")
@click.argument("text")
@click.option("--language", required=True, metavar="LANG", help="As in en, es, pt-BR, zh.")
@click.option("--engine", type=click.Choice(_ENGINES), help="This engine and no other.  [default: the configured one]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="FILE.wav: 8 kHz mono, as on the phone. FILE.ogg: Opus, as a WhatsApp voice note.",
)
@command
def tts_say(invocation: Invocation, *, text: str, language: str, engine: EngineName | None, out: Path) -> None:
    """Speak a text into a file.

    \b
    Examples:
      tocsin tts say "Parking lot nearly full" --language en --out alert.wav
      tocsin tts say "Intruso en la puerta norte" --language es --out nota.ogg
    """  # noqa: D301 - click's mark for "do not rewrap"
    audio_format = _FORMATS.get(out.suffix.lower())
    if audio_format is None:
        raise click.UsageError("--out must end in .wav or .ogg")
    config = invocation.config()
    with _speech(config, engine) as (engines, speech):
        _load(invocation, engines, language, alone=engine is not None)
        began = time.monotonic()
        audio = speech.render(text, language=language, audio_format=audio_format)
        took = time.monotonic() - began
        try:
            out.write_bytes(audio.path.read_bytes())
        except OSError as error:
            raise CommandFailedError(f"{out} cannot be written: {error.strerror}") from error
    seconds = audio.duration.total_seconds()
    document = {
        "file": str(out),
        "seconds": round(seconds, 3),
        "engine": audio.engine,
        "language": language,
        "took": round(took, 3),
    }
    invocation.answer(
        document, lambda: click.echo(f"{out}: {seconds:.1f} s, spoken by {audio.engine} within {took:.1f} s")
    )
    if took > config.tts.time_limit.total_seconds():
        invocation.say(f"a call would not have waited for it: tts.time_limit is {config.tts.time_limit}")


@contextmanager
def _speech(config: Config, name: EngineName | None) -> Iterator[tuple[list[Engine], CachedSpeech]]:
    """Open speech on a cache of its own: what is tried out here does not fill the gateway's.

    An engine that is named is alone, and may take its time.
    """
    try:
        engines = build_engines(config) if name is None else [build_engine(name, config)]
    except NoEngineError as error:
        raise CommandFailedError(str(error)) from error
    with TemporaryDirectory(prefix="tocsin-tts-") as directory:
        limit = config.tts.time_limit if name is None else max(config.tts.time_limit, _TRIAL_LIMIT)
        speech = CachedSpeech(engines, Path(directory), time_limit=limit)
        try:
            yield engines, speech
        finally:
            speech.stop()


def _load(invocation: Invocation, engines: list[Engine], language: str, *, alone: bool) -> None:
    """Load the voices that are to speak, which the engine process has done long before a call."""
    for engine in engines:
        if not isinstance(engine, SlowEngine):
            continue
        try:
            voice = engine.voice_for(language)
            invocation.say(f"loading {voice.name}")
            engine.load(voice, time_limit=_TRIAL_LIMIT)
        except UnknownLanguageError as error:
            _give_up(invocation, f"{error}{_refused(engine)}", alone=alone)
        except EngineNotReadyError as error:
            _give_up(invocation, f"{engine.name}: {error}", alone=alone)


def _give_up(invocation: Invocation, reason: str, *, alone: bool) -> None:
    if alone:
        raise CommandFailedError(reason)
    invocation.say(reason)


def _refused(engine: Engine) -> str:
    refusals = engine.refusals if isinstance(engine, KeptEngine) else {}
    return "".join(f"; {language}: {reason}" for language, reason in refusals.items())


def _described(engine: Engine) -> Iterator[dict[str, str | None]]:
    problem = engine.problem if isinstance(engine, KeptEngine) else None
    for voice in engine.voices():
        yield asdict(voice) | {"problem": problem}
    if isinstance(engine, KeptEngine):
        for voice in engine.refused_voices():
            yield asdict(voice) | {"problem": engine.refusals[voice.language]}


def _primary(tag: str) -> str:
    return tag.lower().split("-")[0]


def _show_fetched(fetched: list[Fetched]) -> None:
    rows = [(model.model, model.license, model.directory) for model in fetched]
    print_table(("MODEL", "LICENCE", "DIRECTORY"), rows, empty="no model was fetched")
