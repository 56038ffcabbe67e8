"""``docs/whatsapp.md`` tells what the code does: its codes, keys, commands and words."""

import re

import click
import yaml

from gateway.app.cli.root import tocsin
from gateway.config.loader import parse_config
from gateway.model.reply_words import OptChoice, acknowledges, opt_choice
from tests import whatsapp_tables

TEXT = whatsapp_tables.DOCUMENT.read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)


def test_the_table_of_codes_is_that_of_the_code() -> None:
    assert whatsapp_tables.written() == TEXT, "run: python -m tests.whatsapp_tables"


def test_every_command_that_is_named_exists() -> None:
    lines = [line.strip() for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) > 5
    for line in lines:
        command: click.Command = tocsin
        for word in line.removeprefix("tocsin ").split():
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"there is no command {line}"
            command = found
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_its_settings_are_settings() -> None:
    first, second = (yaml.safe_load(block) for block in blocks("yaml"))
    together = yaml.safe_dump({"twilio": first["twilio"] | second["twilio"]})
    config, _ = parse_config(together, {"TWILIO_AUTH_TOKEN": "token"})
    assert config.twilio is not None
    assert config.twilio.template("es-MX") == second["twilio"]["content_sids"]["es"]


def test_the_words_that_it_tells_are_understood() -> None:
    rows = {row[0]: row[1] for row in re.findall(r"^\| ([^|]*write[^|]*) \| ([^|]+) \|$", TEXT, re.MULTILINE)}
    words = {word for row in rows for word in re.findall(r"`([^`]+)`", row)}
    languages = ("en", "es", "pt", "fr", "de", "zh", "yue")
    assert len(words) > 10
    for word in words:
        assert opt_choice(word) or any(acknowledges(word, language) for language in languages), word
    assert opt_choice("STOP") is OptChoice.OUT


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, anchor = link.partition("#")
        headings = re.findall(r"^#+ (.+)$", (whatsapp_tables.DOCUMENT.parent / file).read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, link
