"""Commands for a license's own templates."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import CommandFailedError, Invocation, command, print_table
from gateway.app.speech import NoEngineError, build_speech
from gateway.config.schema import Config
from gateway.model.event import Severity
from gateway.model.languages import speakable
from gateway.ports.speech import AudioFormat
from gateway.services import templates
from gateway.wording.sandbox import FILTERS, LARGEST_TEMPLATE
from gateway.wording.templates import VARIABLES, TemplateName, key_of

_NAMES = [name.value for name in TemplateName]
_FORMATS = {".wav": AudioFormat.PHONE, ".ogg": AudioFormat.VOICE_NOTE}
_LARGEST_FILE = 4 * LARGEST_TEMPLATE  # bytes; a character of UTF-8 has four at most

_license = click.option("--license", "license_id", type=int, required=True, metavar="ID", help="Whose template.")
_language = click.option("--language", required=True, metavar="LANG", help="As in en, es, pt-BR, zh-HK.")
_name = click.option("--name", type=click.Choice(_NAMES), required=True, help="Which message.")


def _file(*, required: bool, help_text: str) -> Callable[..., Any]:
    kind = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
    return click.option("--file", "file", type=kind, required=required, metavar="FILE", help=help_text)


@click.group()
def template() -> None:
    """Templates: how a license words its messages itself.

    Plain text with variables, as in {{ title }}, a few filters, {% if %} and {% for %}. Without one, or where one
    fails, the built-in words are used.
    """


@template.command("list")
@_license
@command
def template_list(invocation: Invocation, *, license_id: int) -> None:
    """List a license's templates, and the variables that each message has.

    \b
    Example:
      tocsin template list --license 1
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        kept = templates.list_templates(record, license_id)
    document = [
        {"language": language, "name": name, "template": source}
        for language, named in sorted(kept.items())
        for name, source in sorted(named.items())
    ]
    rows = [(one["language"], one["name"], one["template"].partition("\n")[0]) for one in document]

    def people() -> None:
        print_table(("LANGUAGE", "NAME", "FIRST LINE"), rows, empty="no template: the built-in words are used")
        print_table(
            ("NAME", "VARIABLES"),
            [(name.value, " ".join(variables)) for name, variables in VARIABLES.items()],
            empty="",
        )
        click.echo(f"filters: {' '.join(sorted(FILTERS))}")

    invocation.answer(document, people)


@template.command("show")
@_license
@_language
@_name
@command
def template_show(invocation: Invocation, *, license_id: int, language: str, name: str) -> None:
    """Print a template as it was set.

    \b
    Example:
      tocsin template show --license 1 --language es --name text
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        source = templates.list_templates(record, license_id).get(key_of(language), {}).get(name)
    if source is None:
        raise CommandFailedError(f"license {license_id} has no template {name} in {language}", code="no_template")
    document = {"language": key_of(language), "name": name, "template": source}
    invocation.answer(document, lambda: click.echo(source))


@template.command("set")
@_license
@_language
@_name
@_file(required=True, help_text="The template, in UTF-8; - reads standard input.")
@command
def template_set(invocation: Invocation, *, license_id: int, language: str, name: str, file: Path) -> None:
    """Set a template, after it was tried on sample alerts. Alerts from now on are told by it.

    \b
    Examples:
      tocsin template set --license 1 --language es --name text --file aviso.txt
      echo '{{ title }}: {{ link }}' | tocsin template set --license 1 --language en --name text --file -
    """  # noqa: D301 - click's mark for "do not rewrap"
    source = _read(file)
    with open_database(invocation, invocation.config()) as record:
        templates.set_template(
            record, license_id, language=language, name=TemplateName(name), source=source, at=datetime.now(UTC)
        )
    document = {"language": key_of(language), "name": name, "template": source}
    invocation.answer(document, lambda: click.echo(f"template {name} in {language} set for license {license_id}"))


@template.command("remove")
@_license
@_language
@_name
@command
def template_remove(invocation: Invocation, *, license_id: int, language: str, name: str) -> None:
    """Remove a template: the built-in words are used again.

    \b
    Example:
      tocsin template remove --license 1 --language es --name text
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        removed = templates.remove_template(
            record, license_id, language=language, name=TemplateName(name), at=datetime.now(UTC)
        )
    words = "removed" if removed else "there was none"
    invocation.answer({"removed": removed}, lambda: click.echo(f"template {name} in {language}: {words}"))


@template.command("preview")
@_license
@_language
@_name
@_file(required=False, help_text="Try this one, which is not set; - reads standard input.")
@click.option("--title", help="The title of the example alert.")
@click.option("--body", help="Its body.")
@click.option("--severity", type=click.Choice([one.value for one in Severity]), default="critical", show_default=True)
@click.option(
    "--audio",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="Speak it into OUT.wav (as on the phone) or OUT.ogg (as a voice note).",
)
@command
def template_preview(
    invocation: Invocation,
    *,
    license_id: int,
    language: str,
    name: str,
    file: Path | None,
    title: str | None,
    body: str | None,
    severity: str,
    audio: Path | None,
) -> None:
    """Show what a message says of an example alert: as it is written, and as a voice says it.

    \b
    Examples:
      tocsin template preview --license 1 --language es --name call
      tocsin template preview --license 1 --language en --name voice_note --file note.txt --audio note.wav
    """  # noqa: D301 - click's mark for "do not rewrap"
    if audio is not None and audio.suffix.lower() not in _FORMATS:
        raise click.UsageError("--audio must end in .wav or .ogg")
    if audio is not None and not TemplateName(name).is_spoken:
        raise click.UsageError(f"--audio: nobody speaks the message {name}")
    config = invocation.config()
    with open_database(invocation, config) as record:
        shown = templates.preview(
            record,
            license_id,
            language=language,
            name=TemplateName(name),
            source=_read(file) if file is not None else None,
            facts=templates.sample(language, title=title, body=body, severity=Severity(severity)),
        )
    seconds = _speak(config, shown.spoken or "", language, audio) if audio is not None else None
    document = {
        "language": key_of(language),
        "name": name,
        "own": shown.own,
        "written": shown.written,
        "spoken": shown.spoken,
        "audio": None if audio is None else {"file": str(audio), "seconds": seconds},
    }

    def people() -> None:
        click.echo(f"{'the template' if shown.own else 'built-in words'}:\n\n{_plain(shown.written)}")
        if shown.spoken is not None and shown.spoken != shown.written:
            click.echo(f"\nas spoken:\n\n{_plain(shown.spoken)}")
        if audio is not None:
            click.echo(f"\n{audio}: {seconds} s")

    invocation.answer(document, people)


def _speak(config: Config, text: str, language: str, out: Path) -> float:
    """Speak into a file and return its length in seconds. The gateway's cache is left alone."""
    with TemporaryDirectory(prefix="tocsin-template-") as directory:
        try:
            speech = build_speech(config, directory=Path(directory))
        except NoEngineError as error:
            raise CommandFailedError(str(error)) from error
        try:
            rendered = speech.render(text, language=speakable(language), audio_format=_FORMATS[out.suffix.lower()])
            out.write_bytes(rendered.path.read_bytes())
        except OSError as error:
            raise CommandFailedError(f"{out} cannot be written: {error.strerror}") from error
        finally:
            speech.stop()
    return round(rendered.duration.total_seconds(), 1)


def _read(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read(_LARGEST_FILE + 1) if str(file) == "-" else _beginning(file)
        text = content.decode()
    except OSError as error:
        raise CommandFailedError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandFailedError(f"{file} is not text in UTF-8") from error
    if len(content) > _LARGEST_FILE:
        raise CommandFailedError(
            f"{file} has more than {LARGEST_TEMPLATE} characters, which is too much for a template"
        )
    # The line break at the end of a file is no part of a message.
    return text.removeprefix("\ufeff").rstrip()


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LARGEST_FILE + 1)


def _plain(text: str) -> str:
    """Return a text in which nothing moves the cursor."""
    return "".join(mark if mark.isprintable() or mark == "\n" else " " for mark in text)
