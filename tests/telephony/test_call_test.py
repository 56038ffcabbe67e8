"""``tocsin call test`` beside a running engine, with two nodes: its steps, its explanations, and that it hangs up."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.config.schema import AsteriskConfig
from tests.command_line import CommandLine
from tests.gateway import FAST, Gateway
from tests.ports import free_port
from tests.site import as_settings, with_sounds
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Carrier, answers, rejects, rings_out
from tests.waiting import until

pytestmark = pytest.mark.telephony

NUMBER = "+15556001"


@dataclass
class TwoNodes:
    """An engine that runs, two Asterisk servers, and a carrier behind both."""

    carrier: Carrier
    first: GatewayPbx
    gateway: Gateway

    def test_call(self, *options: str, number: str = NUMBER) -> Any:
        """Run the command and return its document, with its exit status and what it told people."""
        cli = CommandLine(self.gateway.directory)
        ran = cli("call", "test", number, "-c", str(self.gateway.file), "--json", *options)
        return ran.json | {"status": ran.status, "told": ran.err}

    def start_test_call(self) -> "subprocess.Popen[str]":
        """Begin a test call that is to be interrupted."""
        # Whoever starts the tests in the background has SIGINT ignored, and that is inherited.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "gateway.app", "-c", str(self.gateway.file)]
        command += ["call", "test", NUMBER, "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodes]:
    directory = tmp_path_factory.mktemp("site")
    with Carrier(directory) as carrier:
        first = with_sounds(
            asterisk_config({"one": carrier.sip_port, "dead": free_port()}, name="pbx1"), directory / "a"
        )
        second = with_sounds(asterisk_config({"two": carrier.sip_port}, name="pbx2"), directory / "b")
        both = AsteriskConfig(
            nodes=(*first.nodes, *second.nodes), trunks=(first.trunks[0], *second.trunks, first.trunks[1])
        )
        settings = {"asterisk": as_settings(both), "policy": dict(FAST)}
        with (
            GatewayPbx(first, directory / "pbx1") as pbx,
            GatewayPbx(second, directory / "pbx2"),
            Gateway(directory / "gateway", settings) as gateway,
        ):
            yield TwoNodes(carrier, pbx, gateway)


@pytest.fixture(autouse=True)
def nothing_unexpected(site: TwoNodes) -> Iterator[None]:
    yield
    site.carrier.expect_nothing_more()


def steps_of(told: Any, *names: str) -> list[dict[str, Any]]:
    return [step for step in told["steps"] if step["step"] in names]


def test_a_test_call_tells_its_steps_and_leaves_the_engines_calls_alone(site: TwoNodes) -> None:
    license_id, phone = site.gateway.license(), "+15556099"
    site.gateway.contact(license_id, phone)
    site.carrier.behaviour(phone, answers(presses="1", after=6))
    event_id = site.gateway.post(site.gateway.source(license_id))
    engines = site.carrier.expect_call(phone).wait_answered()
    site.carrier.behaviour(NUMBER, answers(presses="1", after=0.5, ring=0.7))
    told = site.test_call()
    mine = site.carrier.expect_call(NUMBER)
    assert engines.ended_at is None, "the engine's call goes on meanwhile"
    assert (told["status"], told["ok"], told["trunk"], told["acknowledged"]) == (0, True, "one", True)
    assert told["sip_call_id"] == mine.sip_call_id
    names = [step["step"] for step in told["steps"] if step["step"] not in {"node_connected", "trunk_state", "quality"}]
    assert names == ["trunk_chosen", "dialled", "ringing", "answered", "key_pressed", "ended"]
    (dialled,) = steps_of(told, "dialled")
    assert (dialled["to"], dialled["dialled_as"], dialled["caller_id"]) == (NUMBER, NUMBER, "+15550100")
    (ringing,), (answered,) = steps_of(told, "ringing"), steps_of(told, "answered")
    assert 0 < ringing["after_ms"] < answered["after_ms"]
    assert 0 < told["post_dial_delay_ms"] <= ringing["after_ms"]
    (quality,) = steps_of(told, "quality")
    assert quality["codec"] == "ulaw"
    site.gateway.expect_status(event_id, "acknowledged")
    engines.wait_ended()
    assert len(site.gateway.event(event_id)["calls"]) == 1, "the test call is not recorded"


@pytest.mark.parametrize(
    ("status", "outcome", "handled_as", "who_acts"),
    [
        (486, "busy", "missed call", "nobody"),
        (404, "invalid_number", "invalid number", "whoever keeps the contacts"),
        (403, "trunk_trouble", "our own fault", "whoever runs this gateway"),
        (503, "trunk_trouble", "trunk trouble", "the carrier"),
    ],
)
def test_a_failure_is_explained(site: TwoNodes, status: int, outcome: str, handled_as: str, who_acts: str) -> None:
    site.carrier.behaviour(NUMBER, rejects(status, rings=False))
    told = site.test_call("--trunk", "two")
    site.carrier.expect_call(NUMBER)
    assert (told["status"], told["ok"], told["error"]) == (1, False, "call_failed")
    assert (told["trunk"], told["outcome"], told["sip_cause"]) == ("two", outcome, status)
    explanation = told["explanation"]
    assert explanation["cause"].startswith(f"SIP {status} ")
    assert (explanation["handled_as"], explanation["who_acts"]) == (handled_as, who_acts)
    assert explanation["meaning"] in told["told"]
    assert explanation["advice"] in told["message"]


def test_trunk_trouble_moves_on_to_the_other_node(site: TwoNodes) -> None:
    site.carrier.behaviour(NUMBER, rejects(503, rings=False), answers(stays=1))
    told = site.test_call()
    for _ in range(2):
        site.carrier.expect_call(NUMBER).wait_ended()
    assert (told["status"], told["trunk"]) == (0, "two")
    assert [(one["trunk"], one["outcome"]) for one in told["attempts"]] == [("one", "trunk_trouble"), ("two", "no_key")]
    assert [step["node"] for step in steps_of(told, "trunk_chosen")] == ["pbx1", "pbx2"]


def test_a_trunk_that_answers_nothing_is_looked_at_closer(site: TwoNodes) -> None:
    ami = site.first.ami()
    until(lambda: ami.value("DEVICE_STATE(PJSIP/dead)") == "UNAVAILABLE", 30, "Asterisk has asked the dead carrier")
    ami.close()
    told = site.test_call("--trunk", "dead")
    assert (told["status"], told["outcome"], told["sip_cause"]) == (1, "trunk_trouble", None)
    assert [step["reachable"] for step in steps_of(told, "trunk_state")] == [False]
    (diagnosis,) = steps_of(told, "diagnosis")
    assert "does not answer SIP OPTIONS" in diagnosis["found"]


@pytest.mark.parametrize(
    ("sent", "behaviour", "step"),
    [
        (signal.SIGINT, rings_out(), "ringing"),
        (signal.SIGTERM, answers(stays=60), "answered"),
    ],
)
def test_an_interrupted_test_call_hangs_up(site: TwoNodes, sent: signal.Signals, behaviour: Any, step: str) -> None:
    site.carrier.behaviour(NUMBER, behaviour)
    process = site.start_test_call()
    assert process.stderr is not None
    for line in process.stderr:
        if f"  {step} " in line:
            break
    process.send_signal(sent)
    out, err = process.communicate(timeout=20)
    call = site.carrier.expect_call(NUMBER).wait_ended()
    assert call.ended_by == "caller"
    assert process.returncode == 1, err
    told = json.loads(out)
    assert (told["ok"], told["error"], told["interrupted"]) == (False, "interrupted", True)


def test_a_node_that_is_away_is_told_and_passed_over(site: TwoNodes, tmp_path: Path) -> None:
    wrong = json.loads(json.dumps(as_settings(site.gateway.config.asterisk or AsteriskConfig())))
    wrong["nodes"][0]["port"] = free_port()
    config = tmp_path / "tocsin.yaml"
    config.write_text(json.dumps({"var_dir": str(tmp_path), "asterisk": wrong}), encoding="utf-8")
    site.carrier.behaviour(NUMBER, answers(stays=1))
    told = CommandLine(tmp_path)("call", "test", NUMBER, "-c", str(config), "--json").json
    site.carrier.expect_call(NUMBER).wait_ended()
    assert (told["ok"], told["trunk"]) == (True, "two")
    (away,) = steps_of(told, "trunk_out_of_reach")
    assert (away["trunk"], away["node"]) == ("one", "pbx1")
    (first, _) = told["attempts"]
    assert first["explanation"]["cause"] == "AMI connection refused"
    wrong["nodes"][1]["secret"] = "wrong"
    config.write_text(json.dumps({"var_dir": str(tmp_path), "asterisk": wrong}), encoding="utf-8")
    ran = CommandLine(tmp_path)("call", "test", NUMBER, "-c", str(config), "--json", "--trunk", "two")
    assert ran.status == 1
    assert ran.json["attempts"][0]["explanation"]["cause"] == "AMI login refused"
