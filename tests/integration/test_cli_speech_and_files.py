"""Commands that write files: speech, and Asterisk's configuration; and the doctor without a phone system."""

import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import soundfile

from gateway.app.cli.checks import Check, CheckState, Finding, ok, run_checks
from tests.command_line import CommandLine

NODES = """
asterisk:
  nodes: [{name: pbx1, host: 127.0.0.1}, {name: pbx2, host: 127.0.0.1, port: 5039, sip_bind: "127.0.0.1:5062"}]
  trunks: [{name: a, node: pbx1, host: carrier.example, username: u, password: hush-hush}]
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


def test_a_text_is_spoken_for_the_phone(cli: CommandLine) -> None:
    told = cli.json("tts", "say", "Parking lot nearly full", "--language", "en", "--out", "a.wav")
    sound = soundfile.info(str(cli.directory / "a.wav"))
    assert (sound.samplerate, sound.channels, sound.subtype) == (8000, 1, "PCM_16")
    assert told["seconds"] == pytest.approx(sound.duration, abs=0.1)
    assert told["engine"] == "espeak"


def test_a_text_is_spoken_as_a_voice_note(cli: CommandLine) -> None:
    assert cli("tts", "say", "Intruso en la puerta", "--language", "es", "--out", "a.ogg").status == 0
    sound = soundfile.info(str(cli.directory / "a.ogg"))
    assert (sound.format, sound.subtype, sound.channels) == ("OGG", "OPUS", 1)


def test_what_cannot_be_spoken_or_written_ends_with_1(cli: CommandLine) -> None:
    for arguments, told in (
        (("x", "--language", "xx-none", "--out", "a.wav"), "xx"),
        (("  ", "--language", "en", "--out", "a.wav"), "empty"),
        (("x", "--language", "en", "--out", "no/such/directory/a.wav"), "cannot be written"),
    ):
        ran = cli("tts", "say", *arguments)
        assert ran.status == 1
        assert told in ran.err


def test_the_voices_are_listed(cli: CommandLine) -> None:
    voices = cli.json("tts", "voices")
    assert {"en", "es"} <= {voice["language"].split("-")[0] for voice in voices}
    chosen = cli.json("tts", "voices", "--language", "es-MX")
    assert chosen
    assert {voice["language"].split("-")[0] for voice in chosen} == {"es"}


def test_asterisk_s_configuration_is_written_for_every_node(cli: CommandLine) -> None:
    cli.write(NODES)
    written = cli.json("asterisk", "render", "--out", "out")["nodes"]
    assert [node["name"] for node in written] == ["pbx1", "pbx2"]
    pjsip = Path(written[0]["directory"]) / "pjsip.conf"
    assert "carrier.example" in pjsip.read_text(encoding="utf-8")
    assert stat.S_IMODE(pjsip.stat().st_mode) == 0o600
    secret = (cli.directory / "var" / "secrets" / "ami-pbx1").read_text(encoding="ascii").strip()
    manager = (Path(written[0]["directory"]) / "manager.conf").read_text(encoding="utf-8")
    assert secret in manager
    assert "10.9.8.0/24" not in manager


def test_one_node_and_an_engine_elsewhere_may_be_named(cli: CommandLine) -> None:
    cli.write(NODES)
    ran = cli("asterisk", "render", "--out", "out", "--node", "pbx2", "--gateway", "10.9.8.0/24")
    assert ran.status == 0, ran.err
    assert sorted(path.name for path in (cli.directory / "out").iterdir()) == ["pbx2"]
    assert "10.9.8.0" in (cli.directory / "out" / "pbx2" / "etc" / "manager.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [("asterisk", "render", "--out", "x"), ("asterisk", "up"), ("call", "test", "+15550100")]
)
def test_without_a_phone_system_its_commands_say_so(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert ran.status == 1
    assert "the configuration names no" in ran.err


def test_down_without_up_is_no_failure(cli: CommandLine) -> None:
    cli.write(NODES)
    assert [node["stopped"] for node in cli.json("asterisk", "down")["nodes"]] == [False, False]


def test_a_console_without_its_asterisk_says_how_to_start_it(cli: CommandLine) -> None:
    cli.write(NODES)
    ran = cli("asterisk", "console", "--node", "pbx1", "core show version")
    assert (ran.status, "tocsin asterisk up starts it" in ran.err) == (1, True)
    assert cli("asterisk", "console", "--node", "x", "core show version").status == 2


def test_the_doctor_tells_each_part_that_is_off_or_out_of_reach(cli: CommandLine) -> None:
    cli.write(
        f"twilio: {{account_sid: AC{'0' * 32}, auth_token: hush-hush, api_base: 'http://127.0.0.1:1', timeout: 2s}}\n"
        "telegram: {bot_token: '12345:hush-hush-hush-hush-hush-hush', api_base: 'http://127.0.0.1:1', timeout: 2s}\n"
    )
    cli("migrate")
    ran = cli("doctor", "--json")
    assert ran.status == 1
    states = {check["name"]: check["state"] for check in ran.json["checks"]}
    assert states == {
        **dict.fromkeys(("database", "schema", "secrets", "speech", "files", "security"), "ok"),
        **dict.fromkeys(("engine", "twilio", "telegram"), "failed"),
        **dict.fromkeys(("asterisk", "twilio voice", "whatsapp templates"), "off"),
    }
    assert "hush" not in ran.out + ran.err


def test_the_doctor_changes_nothing_in_a_database(cli: CommandLine) -> None:
    cli("doctor")
    assert not (cli.directory / "var" / "tocsin.db").exists()


def test_one_check_that_raises_or_hangs_spoils_no_other() -> None:
    forever = threading.Event()

    def hangs() -> Finding:
        forever.wait()
        return ok("late")

    def raises() -> Finding:
        raise OSError("no such thing")

    found = run_checks(
        [Check("hangs", hangs), Check("raises", raises), Check("works", lambda: ok("fine"))],
        time_limit=timedelta(seconds=1),
    )
    forever.set()
    assert [finding.state for _, finding in found] == [CheckState.FAILED, CheckState.FAILED, CheckState.OK]
    assert "no answer within 1 s" in found[0][1].detail
    assert "no such thing" in found[1][1].detail


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+1911555", "destination_emergency"),
        ("+18095550100", "destination_denied"),
        ("+881612345678", "destination_satellite"),
    ],
)
def test_a_number_that_alerts_may_not_call_gets_no_test_call_either(cli: CommandLine, number: str, reason: str) -> None:
    cli.write(
        "asterisk:\n  nodes: [{name: pbx1, host: 127.0.0.1, port: 1}]\n"
        "  trunks: [{name: carrier-a, node: pbx1, host: a.example}]\n"
        "call_safety: {denied: ['+1809']}\n"
    )
    ran = cli("call", "test", number, "--json")
    assert ran.status == 1
    assert (ran.json["error"], ran.json["reason"], ran.json["to_number"]) == ("refused", reason, number)
    assert f"{number} is not called: " in ran.err
