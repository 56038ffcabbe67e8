"""What `tocsin doctor` warns of: an installation that works and could be attacked."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app.cli.checks_security import config_weaknesses
from gateway.config.loader import parse_config
from tests.command_line import CommandLine

STRONG = "0123456789abcdef-fedcba"


def configuration(node: dict[str, Any], *trunks: dict[str, Any], **other: Any) -> str:
    nodes = [{"name": "pbx1", "host": "127.0.0.1", **node}]
    named = [
        {"name": f"carrier-{place}", "node": "pbx1", "host": "192.0.2.1", **trunk} for place, trunk in enumerate(trunks)
    ]
    return json.dumps({"asterisk": {"nodes": nodes, "trunks": named}, "call_safety": {"allowed": ["+49"]}} | other)


def weak(text: str) -> set[str]:
    config, warnings = parse_config(text, {})
    found = {mistake.path for mistake in config_weaknesses(config)}
    # Whatever the doctor warns of is told before the start, too, but for what only hurts whoever gets in.
    assert found - {mistake.path for mistake in warnings} <= {"call_safety.allowed", "asterisk.nodes[0].secret"}
    return found


ACCOUNT = {"username": "u", "password": "a-carriers-password"}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        pytest.param(configuration({}, ACCOUNT), set(), id="nothing"),
        pytest.param(configuration({"host": "192.0.2.9"}, ACCOUNT), {"asterisk.nodes[0].host"}, id="AMI in the clear"),
        pytest.param(
            configuration({"host": "192.0.2.9", "ami_tls": {"certificate": "/etc/x.pem"}}, ACCOUNT),
            set(),
            id="AMI by TLS",
        ),
        pytest.param(configuration({"secret": "short"}), {"asterisk.nodes[0].secret"}, id="short secret"),
        pytest.param(configuration({"secret": "a" * 40}), {"asterisk.nodes[0].secret"}, id="secret of one letter"),
        pytest.param(
            configuration({"secret": STRONG}, ACCOUNT | {"password": STRONG}),
            {"asterisk.trunks[0].password"},
            id="one secret for two doors",
        ),
        pytest.param(
            configuration({"secret": STRONG}, secret_key=STRONG), {"asterisk.nodes[0].secret"}, id="the key of all keys"
        ),
        pytest.param(configuration({}, ACCOUNT, ACCOUNT), set(), id="two trunks to one account"),
        pytest.param(
            configuration({}, ACCOUNT, ACCOUNT | {"username": "v"}),
            {"asterisk.trunks[1].password"},
            id="two accounts with one password",
        ),
        pytest.param(
            configuration({"sip_bind": "0.0.0.0:5060"}, {}),
            {"asterisk.trunks[0].username"},
            id="known by address",
        ),
        pytest.param(
            configuration({"sip_bind": "0.0.0.0:5060", "sip_permit": ["192.0.2.1"]}, {}), set(), id="networks named"
        ),
        pytest.param(
            configuration({"tls": {"verify_server": False}}, ACCOUNT | {"transport": "tls"}),
            {"asterisk.nodes[0].tls.verify_server"},
            id="TLS with anybody",
        ),
        pytest.param(
            configuration({}, ACCOUNT | {"transport": "tls", "tls": {"verify_server": False}}),
            {"asterisk.trunks[0].tls.verify_server"},
            id="TLS of one trunk with anybody",
        ),
        pytest.param(configuration({}, ACCOUNT | {"srtp": "sdes"}), {"asterisk.trunks[0].srtp"}, id="open keys"),
        pytest.param(
            configuration({}, ACCOUNT, call_safety={}), {"call_safety.allowed"}, id="every country of the world"
        ),
        pytest.param(configuration({}, ACCOUNT, secret_key="short"), {"secret_key"}, id="short key"),
    ],
)
def test_weakness_is_named_by_its_key(text: str, paths: set[str]) -> None:
    assert weak(text) == paths


def test_weaknesses_are_warnings_with_advice_and_repeat_no_secret(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path)
    cli.write(
        configuration({"secret": "hush", "host": "192.0.2.9", "port": 9}, ACCOUNT | {"password": "hush-and-be-quiet"})
    )
    ran = cli("doctor", "--json")
    found = {check["name"]: check for check in ran.json["checks"] if check["state"] == "warning"}
    assert set(found) == {"security asterisk.nodes[0].host", "security asterisk.nodes[0].secret"}
    assert all(check["advice"] for check in found.values())
    people = cli("doctor")
    assert "warning" in people.out
    assert "hush" not in ran.out + ran.err + people.out + people.err


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """Return a directory that every user of the machine can enter."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        directory.chmod(0o755)
        yield directory


def test_files_that_others_can_read_are_named(public_directory: Path) -> None:
    cli = CommandLine(public_directory)
    file = cli.write(configuration({"secret": STRONG}))
    file.chmod(0o600)

    def state() -> tuple[str, str]:
        (check,) = [check for check in cli("doctor", "--json").json["checks"] if check["name"] == "files"]
        return check["state"], check["detail"]

    assert state()[0] == "ok"
    assert (public_directory / "var" / "secrets" / "secret_key").stat().st_mode & 0o077 == 0
    file.chmod(0o644)
    assert state() == ("warning", f"other users of this machine can read {file.name}")
    public_directory.chmod(0o700)
    assert state()[0] == "ok", "nobody else gets as far as the file"
