"""A node run by the command line alone: what the doctor sees of it, what a reload changes, what nobody may see."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.channels.asterisk.provision import console, layout_of
from gateway.config.loader import load
from tests.command_line import CommandLine
from tests.ports import free_port, free_range
from tests.telephony.carrier import Carrier
from tests.waiting import until

pytestmark = pytest.mark.telephony

AMI_SECRET = "a-secret-nobody-may-see-1"
RIGHT, WRONG = "a-password-nobody-may-see-2", "a-password-nobody-may-see-3"


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier"), accounts={"first": RIGHT, "second": RIGHT}) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, carrier: Carrier) -> Iterator[CommandLine]:
    """A directory with a node that runs."""
    cli = CommandLine(tmp_path_factory.mktemp("site"))
    start, end = free_range()
    node = {
        "name": "pbx1",
        "host": "127.0.0.1",
        "port": free_port(),
        "secret": AMI_SECRET,
        "sip_bind": f"127.0.0.1:{free_port()}",
        "rtp_ports": f"{start}-{end}",
        "sounds_dir": str(cli.directory / "sounds"),
    }
    trunks = [trunk("first", RIGHT, carrier), trunk("second", WRONG, carrier)]
    write(cli, {"nodes": [node], "trunks": trunks})
    ran, lines = watched(cli, "asterisk", "up", "--json")
    assert ran["nodes"][0]["started"]
    try:
        assert not told_secrets(lines), "the start shows no secret in the list of processes"
        yield cli
    finally:
        cli.json("asterisk", "down")


def trunk(name: str, password: str, carrier: Carrier) -> dict[str, Any]:
    return {
        "name": name,
        "node": "pbx1",
        "host": "127.0.0.1",
        "port": carrier.sip_port,
        "username": name,
        "password": password,
        "max_calls": 10,
    }


def write(cli: CommandLine, asterisk: dict[str, Any]) -> None:
    cli.write(json.dumps({"asterisk": asterisk, "call_safety": {"allowed": ["+1"]}}))


def settings(cli: CommandLine) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads((cli.directory / "tocsin.yaml").read_text(encoding="utf-8"))["asterisk"]
    return shown


def checks(cli: CommandLine) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in cli("doctor", "--json").json["checks"]}


def watched(cli: CommandLine, *arguments: str) -> tuple[Any, set[str]]:
    """Run a command as a process, and return its document and every command line that was seen meanwhile."""
    done = threading.Event()
    lines: set[str] = set()

    def look() -> None:
        while not done.wait(0.005):
            for process in Path("/proc").iterdir():
                if process.name.isdecimal():
                    try:
                        lines.add((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
                    except (OSError, UnicodeDecodeError):
                        continue

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        ran = cli.process(*arguments, environ={"TOCSIN_LOG_LEVEL": "DEBUG"})
    finally:
        done.set()
        watcher.join()
    assert ran.status == 0, ran.err
    assert not told_secrets([ran.out, ran.err]), "what the command says holds no secret"
    assert [line for line in lines if "asterisk" in line], "the watcher has seen something"
    return json.loads(ran.out), lines


def told_secrets(texts: "set[str] | list[str]") -> list[str]:
    return [text for text in texts for secret in (AMI_SECRET, RIGHT, WRONG) if secret in text]


def test_doctor_sees_a_refused_registration_and_a_reload_that_corrects_it(cli: CommandLine, carrier: Carrier) -> None:
    def both_known() -> dict[str, dict[str, str]] | None:
        now = checks(cli)
        known = now["trunk first"]["detail"].endswith("registered") and "Rejected" in now["trunk second"]["detail"]
        return now if known else None

    found = until(both_known, 20, "one trunk is registered and one refused", every=0.3)
    assert found
    assert (found["sip pbx1"]["state"], found["dialplan pbx1"]["state"]) == ("ok", "ok")
    assert (found["asterisk pbx1"]["state"], found["asterisk pbx1"]["advice"]) == ("ok", None)
    assert found["trunk second"]["state"] == "failed"
    assert "has not registered us: Rejected" in found["trunk second"]["detail"]
    before = settings(cli)
    write(cli, before | {"trunks": [trunk("first", RIGHT, carrier), trunk("second", RIGHT, carrier)]})
    found = checks(cli)
    assert found["sip pbx1"]["state"] == "failed"
    assert "first, second" in found["sip pbx1"]["detail"]
    assert "asterisk reload" in found["sip pbx1"]["advice"]
    ran, lines = watched(cli, "asterisk", "reload", "--json")
    (node,) = ran["nodes"]
    assert (node["started"], node["reloaded"], node["pending"]) == (False, ["pjsip.conf"], [])
    assert not told_secrets(lines)
    until(lambda: carrier.registration("second"), 10, "the other one is registered", every=0.1)
    found = checks(cli)
    assert found["sip pbx1"]["state"] == "ok"
    assert found["trunk second"]["detail"].endswith("registered")
    carrier.expect_nothing_more()


def test_doctor_warns_of_an_ami_user_who_may_do_more_than_the_gateway_needs(cli: CommandLine) -> None:
    config = load(cli.directory / "tocsin.yaml", {})
    assert config.asterisk is not None
    node, directory = config.asterisk.nodes[0], (cli.directory / "var" / "asterisk").absolute()
    file = layout_of(node, directory).etc / "manager.conf"
    ours = file.read_text()
    with changed(file, ours.replace("write = originate,call,reporting", "write = all")):
        console(node, directory, "manager reload")
        found = checks(cli)["asterisk pbx1"]
        assert found["state"] == "warning"
        assert "command" in found["detail"]
        assert "moduleload" in found["detail"]
    console(node, directory, "manager reload")
    assert checks(cli)["asterisk pbx1"]["state"] == "ok"


@contextmanager
def changed(file: Path, text: str) -> Iterator[None]:
    """Have a file hold another text for a while."""
    before = file.read_text()
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(before)


def test_logs_hold_no_secret_and_files_are_for_their_owner_alone(cli: CommandLine) -> None:
    node = (cli.directory / "var" / "asterisk" / "pbx1").absolute()
    logs = [file.read_text(errors="replace") for file in (node / "log").iterdir()]
    assert any("second" in text for text in logs), "the refused registration is in the log"
    assert not told_secrets(logs)
    holding = [file for file in node.rglob("*") if file.is_file() and told_secrets([file.read_text(errors="replace")])]
    assert {file.parent.name for file in holding} == {"etc", "loaded"}
    assert {oct(file.stat().st_mode & 0o777) for file in holding} == {"0o600"}


def test_reload_of_a_node_that_does_not_run_says_how_to_start_it(cli: CommandLine, tmp_path: Path) -> None:
    other = CommandLine(tmp_path)
    write(other, settings(cli))
    ran = other("asterisk", "reload")
    assert ran.status == 1
    assert "tocsin asterisk up" in ran.err
