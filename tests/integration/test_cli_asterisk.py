"""Asterisk, the doctor and the test call by the command line, against a real Asterisk and a simulated carrier."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.ports import free_port, free_range
from tests.telephony.carrier import Carrier, answers, rejects
from tests.waiting import until

pytestmark = pytest.mark.telephony

ANSWERS, BUSY, NOBODY = "+15557001", "+15557002", "+15557003"


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier")) as carrier:
        carrier.behaviour(ANSWERS, answers(presses="1", after=0.5))
        carrier.behaviour(BUSY, rejects(486))
        yield carrier


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, carrier: Carrier) -> Iterator[CommandLine]:
    """A directory whose configured Asterisk runs."""
    cli = configured(tmp_path_factory.mktemp("site"), carrier.sip_port)
    started = cli.json("asterisk", "up")
    try:
        assert started["nodes"][0]["started"]
        yield cli
    finally:
        stopped = cli.json("asterisk", "down")
    assert stopped == {"nodes": [{"name": "pbx1", "stopped": True}]}


def configured(directory: Path, carrier_port: int) -> CommandLine:
    cli = CommandLine(directory)
    start, end = free_range()
    node = {
        "name": "pbx1",
        "host": "127.0.0.1",
        "port": free_port(),
        "sip_bind": f"127.0.0.1:{free_port()}",
        "rtp_ports": f"{start}-{end}",
        "sounds_dir": str(directory / "sounds"),
    }
    dead = free_port()
    trunks = [
        {"name": name, "node": "pbx1", "host": "127.0.0.1", "port": port, "caller_id": "+15550100"}
        for name, port in (("dead", dead), ("carrier", carrier_port))
    ]
    cli.write(json.dumps({"asterisk": {"nodes": [node], "trunks": trunks}}))
    return cli


def checks(cli: CommandLine, *options: str) -> dict[str, dict[str, str]]:
    """Return what the doctor found, by the check's name."""
    return {check["name"]: check for check in cli("doctor", "--json", *options).json["checks"]}


def test_a_second_up_leaves_the_running_asterisk_alone(cli: CommandLine) -> None:
    (again,) = cli.json("asterisk", "up")["nodes"]
    assert (again["started"], again["outdated"]) == (False, False)
    assert "runs already" in cli("asterisk", "up").out


def test_the_doctor_finds_what_works_and_says_what_to_do_about_the_rest(cli: CommandLine) -> None:
    # Asterisk asks the carrier for the first time a moment after its start.
    until(lambda: checks(cli)["trunk carrier"]["state"] == "ok", 60, "the trunk is reachable", every=0.5)
    assert cli("doctor", "--json").status == 1
    found = checks(cli)
    states = {name: check["state"] for name, check in found.items()}
    assert states == {
        "database": "off",
        "schema": "failed",
        "engine": "off",
        "secrets": "ok",
        "asterisk pbx1": "ok",
        "dialplan pbx1": "ok",
        "sip pbx1": "ok",
        "trunk dead": "failed",
        "trunk carrier": "ok",
        "sounds pbx1": "ok",
        "speech": "ok",
        "twilio": "off",
        "twilio voice": "off",
        "whatsapp templates": "off",
        "telegram": "off",
        "files": "ok",
        "security call_safety.allowed": "warning",
    }
    assert found["schema"]["advice"] == "run tocsin migrate"
    assert "does not answer SIP OPTIONS" in found["trunk dead"]["detail"]
    assert all(check["advice"] for check in found.values() if check["state"] in {"failed", "warning"})
    people = cli("doctor")
    assert "run tocsin migrate" in people.out
    assert "checks failed: schema, trunk dead" in people.err


def test_the_console_is_spoken_to(cli: CommandLine) -> None:
    assert "Endpoint:  carrier/+15550100" in cli("asterisk", "console", "pjsip", "show", "endpoints").out
    pcap = cli.directory / "trunk.pcap"
    told = cli.json("asterisk", "console", "--node", "pbx1", f"pjsip set logger pcap {pcap}")
    assert (told["node"], str(pcap) in told["said"]) == ("pbx1", True)
    assert "logging disabled" in cli("asterisk", "console", "pjsip set logger off").out.lower()
    unknown = cli("asterisk", "console", "make coffee")
    assert (unknown.status, "No such command 'make coffee'" in unknown.err) == (1, True)


def test_the_doctor_sees_a_wrong_ami_secret(cli: CommandLine) -> None:
    config = json.loads((cli.directory / "tocsin.yaml").read_text(encoding="utf-8"))
    config["asterisk"]["nodes"][0]["secret"] = "wrong"
    file = cli.write(json.dumps(config), "wrong.yaml")
    found = checks(cli, "-c", str(file))
    assert "refused the login" in found["asterisk pbx1"]["detail"]
    assert "compare username and secret" in found["asterisk pbx1"]["advice"]
    assert found["trunk carrier"]["state"] == "off"


def test_a_test_call_moves_on_from_a_dead_trunk_and_hears_the_key(cli: CommandLine, carrier: Carrier) -> None:
    ran = cli("call", "test", ANSWERS, "--json")
    assert ran.status == 0, ran.err
    told = ran.json
    assert (told["ok"], told["trunk"], told["digits"], told["acknowledged"]) == (True, "carrier", "1", True)
    steps = [step["step"] for step in told["steps"]]
    assert "node_connected" in steps
    assert [step for step in steps if step in {"answered", "key_pressed"}] == ["answered", "key_pressed"]
    assert [step for step in steps if step != "quality"][-1] == "ended"
    assert "key_pressed digit=1" in ran.err
    carrier.expect_call(ANSWERS).wait_ended()
    carrier.expect_nothing_more()


def test_a_test_call_that_nobody_takes_fails_with_the_cause(cli: CommandLine, carrier: Carrier) -> None:
    ran = cli("call", "test", BUSY, "--trunk", "carrier", "--json")
    assert ran.status == 1
    assert (ran.json["outcome"], ran.json["sip_cause"]) == ("busy", 486)
    assert "the call was not answered: busy" in ran.err
    carrier.expect_call(BUSY).wait_ended()
    carrier.expect_nothing_more()


def test_a_test_call_by_a_trunk_in_trouble_alone_fails(cli: CommandLine, carrier: Carrier) -> None:
    ran = cli("call", "test", NOBODY, "--trunk", "dead", "--json")
    assert ran.status == 1
    assert ran.json["outcome"] == "trunk_trouble"
    carrier.expect_nothing_more()


def test_an_unknown_trunk_or_node_is_wrong_usage(cli: CommandLine) -> None:
    ran = cli("call", "test", ANSWERS, "--trunk", "x")
    assert (ran.status, "the configuration has dead, carrier" in ran.err) == (2, True)
    ran = cli("asterisk", "up", "--node", "x")
    assert (ran.status, "the configuration has pbx1" in ran.err) == (2, True)
