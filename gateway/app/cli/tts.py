"""Commands for speech."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from gateway.app.cli.invocation import CommandFailedError, Invocation, command, print_table
from gateway.app.speech import build_speech
from gateway.config.schema import Config
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech

_FORMATS = {".wav": AudioFormat.PHONE, ".ogg": AudioFormat.VOICE_NOTE}
_ENGINES = ("espeak",)


@click.group()
def tts() -> None:
    """Speech: what can speak, and how it sounds."""


@tts.command("voices")
@click.option("--language", metavar="LANG", help="Only the voices of this language, as in en or zh.")
@command
def tts_voices(invocation: Invocation, *, language: str | None) -> None:
    """List the languages that can be spoken.

    \b
    Examples:
      tocsin tts voices --language es
      tocsin tts voices --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    with _speech(invocation.config()) as speech:
        voices = [
            voice
            for voice in speech.voices()
            if language is None or voice.language.lower().split("-")[0] == language.lower().split("-")[0]
        ]
    document = [{"engine": voice.engine, "language": voice.language, "name": voice.name} for voice in voices]
    rows = [(voice.engine, voice.language, voice.name) for voice in voices]
    columns = ("ENGINE", "LANGUAGE", "VOICE")
    invocation.answer(document, lambda: print_table(columns, rows, empty=f"no voice for {language}"))


@tts.command("say")
@click.argument("text")
@click.option("--language", required=True, metavar="LANG", help="As in en, es, pt-BR, zh.")
@click.option("--engine", type=click.Choice(_ENGINES), help="Which engine speaks.  [default: the configured one]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="FILE.wav: 8 kHz mono, as on the phone. FILE.ogg: Opus, as a WhatsApp voice note.",
)
@command
def tts_say(invocation: Invocation, *, text: str, language: str, engine: str | None, out: Path) -> None:
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
    with _speech(config) as speech:
        audio = speech.render(text, language=language, audio_format=audio_format)
        try:
            out.write_bytes(audio.path.read_bytes())
        except OSError as error:
            raise CommandFailedError(f"{out} cannot be written: {error.strerror}") from error
    seconds = audio.duration.total_seconds()
    document = {"file": str(out), "seconds": round(seconds, 3), "engine": audio.engine, "language": language}
    invocation.answer(document, lambda: click.echo(f"{out}: {seconds:.1f} s, spoken by {engine or audio.engine}"))


@contextmanager
def _speech(config: Config) -> Iterator[CachedSpeech]:
    """Open speech on a cache of its own: what is tried out here does not fill the gateway's."""
    with TemporaryDirectory(prefix="tocsin-tts-") as directory:
        speech = build_speech(config, directory=Path(directory))
        try:
            yield speech
        finally:
            speech.stop()
