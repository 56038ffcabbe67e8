"""Templates by the command line."""

from pathlib import Path

import pytest
import soundfile

from tests.command_line import CommandLine

_HERE = ("--license", "1", "--language", "es")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    cli = CommandLine(tmp_path)
    cli.json("license", "add", "--name", "Acme", "--tier", "pro", "--language", "es")
    return cli


def test_a_template_is_set_shown_listed_and_removed(cli: CommandLine) -> None:
    (cli.directory / "aviso.txt").write_text("\ufeff{{ title }}\n{{ link }}\n")
    kept = {"language": "es", "name": "text", "template": "{{ title }}\n{{ link }}"}
    assert cli.json("template", "set", *_HERE, "--name", "text", "--file", "aviso.txt") == kept
    assert cli.json("template", "show", *_HERE, "--name", "text") == kept
    assert cli.json("template", "list", "--license", "1") == [kept]
    listed = cli("template", "list", "--license", "1").out
    assert "{{ title }}" in listed
    assert "owner_report  license title link tried" in listed
    assert cli.json("template", "remove", *_HERE, "--name", "text") == {"removed": True}
    assert cli.json("template", "list", "--license", "1") == []
    assert "the built-in words are used" in cli("template", "list", "--license", "1").out
    gone = cli("template", "show", *_HERE, "--name", "text")
    assert (gone.status, "has no template text in es" in gone.err) == (1, True)


def test_a_template_that_would_fail_is_refused_with_what_to_write(cli: CommandLine) -> None:
    refused = cli("template", "set", *_HERE, "--name", "call", "--file", "-", "--json", stdin="{{ tilte }}")
    assert refused.status == 1
    assert "line 1: there is no variable tilte; did you mean title?" in refused.json["message"]
    assert cli.json("template", "list", "--license", "1") == []


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xfe", "is not text in UTF-8"), (b"x" * 9000, "more than 2000 characters"), (None, "cannot be read")],
)
def test_what_is_no_template_file_is_refused(cli: CommandLine, content: bytes | None, told: str) -> None:
    if content is not None:
        (cli.directory / "file").write_bytes(content)
    refused = cli("template", "set", *_HERE, "--name", "call", "--file", "file")
    assert (refused.status, told in refused.err) == (1, True)


def test_a_preview_shows_what_is_written_and_what_is_spoken_and_speaks_it(cli: CommandLine) -> None:
    shown = cli.json("template", "preview", *_HERE, "--name", "text", "--title", "Puerta", "--severity", "info")
    assert shown["own"] is False
    assert shown["written"].startswith("🚨 Alerta de Acme, gravedad: información\n\nPuerta\n")
    assert (shown["spoken"], shown["audio"]) == (None, None)
    spoken = cli(
        *("template", "preview", *_HERE, "--name", "call", "--file", "-", "--title", "AB-1234-XY"),
        *("--audio", "a.wav", "--json"),
        stdin="Atención: {{ title }} 🚨",
    ).json
    assert spoken["written"] == "Atención: AB-1234-XY 🚨"
    assert spoken["spoken"].startswith("Atención: A, ")
    found = soundfile.info(str(cli.directory / "a.wav"))
    assert found.samplerate == 8000
    assert found.duration == pytest.approx(spoken["audio"]["seconds"], abs=0.1)
    words = cli("template", "preview", *_HERE, "--name", "stand_down", "--title", "\x1b[2JPuerta").out
    assert "built-in words" in words
    assert "\x1b" not in words


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--name", "text", "--audio", "a.wav"), "nobody speaks the message text"),
        (("--name", "call", "--audio", "a.mp3"), "must end in .wav or .ogg"),
        (("--name", "nonsense"), "is not one of"),
    ],
)
def test_a_preview_of_what_cannot_be_is_wrong_usage(cli: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    refused = cli("template", "preview", *_HERE, *arguments)
    assert (refused.status, told in refused.err) == (2, True)
