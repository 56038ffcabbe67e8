"""``docs/telephony.md`` is true: its examples have no mistake, its keys exist, its tables are those of the code."""

import re

import click
import pytest

from gateway.app.cli.root import tocsin
from gateway.config.loader import parse_config
from gateway.config.mistakes import written as key_as_written
from gateway.config.schema import Config
from gateway.config.wording import key_paths
from gateway.model.call import CallOutcome
from gateway.services.call_export import COLUMNS
from tests import telephony_tables

TEXT = telephony_tables.DOCUMENT.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
KEYS = {key_as_written(path).replace("[0]", "[]") for path in key_paths(Config)}
SECRETS = ("CARRIER_B_PASSWORD", "CARRIER_C_PASSWORD", "TWILIO_AUTH_TOKEN")


def spans() -> set[str]:
    """Return what stands between single backticks, outside examples."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_configuration_without_mistake_or_weakness(example: str) -> None:
    _, warnings = parse_config(example, dict.fromkeys(SECRETS, "7f3c91d2e05ab648"))
    said = [f"{warning.path}: {warning.problem}" for warning in warnings if warning.path.startswith("asterisk.")]
    assert said == []


def test_every_key_that_is_named_exists() -> None:
    sections = {key.split(".")[0] for key in KEYS}
    named = {span for span in spans() if re.fullmatch(r"[a-z0-9_]+(\[\])?(\.[a-z0-9_]+(\[\])?)+", span)}
    named = {span for span in named if span.split(".")[0] in sections}
    assert len(named) > 40
    assert named <= KEYS, "no such keys in the configuration"


def test_every_key_of_a_trunk_is_told() -> None:
    of_trunks = {key for key in KEYS if key.startswith("asterisk.trunks[].") and ".tls." not in key}
    told = spans()
    untold = of_trunks - told - {"asterisk.trunks[].name", "asterisk.trunks[].node", "asterisk.trunks[].tls"}
    assert untold == set()


def test_the_tables_of_codes_are_those_of_the_code() -> None:
    assert telephony_tables.written() == TEXT, "run: python -m tests.telephony_tables"


def test_every_column_and_outcome_is_told() -> None:
    assert set(COLUMNS) <= spans()
    assert {outcome.value for outcome in CallOutcome} <= spans()


def test_every_command_that_is_named_exists() -> None:
    lines = re.findall(r"^tocsin (.+)$", "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)), re.MULTILINE)
    lines += [span.removeprefix("tocsin ") for span in spans() if span.startswith("tocsin ")]
    assert len(lines) > 10
    for line in lines:
        command: click.Command = tocsin
        for word in line.split():
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"there is no command {line}"
            command = found
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, anchor = link.partition("#")
        target = telephony_tables.DOCUMENT.parent / file if file else telephony_tables.DOCUMENT
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, link
