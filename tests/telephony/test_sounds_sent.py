"""A node that shares no folder with the gateway: its sounds are sent before it dials, and no fault loses a call."""

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from gateway.channels.asterisk import sounds_http
from gateway.model.call import MachinePolicy
from gateway.ports.phone import NOT_LAID_OUT, TONES_PLAYED, CallEnded, KeyPressed, Prompt, SoundsMissing
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Carrier, CarrierCall, answers, free_port
from tests.telephony.carrier_audio import RATE, warble
from tests.telephony.desk import Desk
from tests.telephony.sound_receivers import ReceiverProcess
from tests.waiting import until

pytestmark = pytest.mark.telephony

ALARM = (950, 1400, 1800)  # Hz: what is played where there are no words


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier")) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def pbx(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayPbx]:
    directory = tmp_path_factory.mktemp("node")
    node = {"sounds": "http", "sounds_port": free_port(), "sounds_dir": directory / "there"}
    with GatewayPbx(asterisk_config({"carrier-a": carrier.sip_port}, node_settings=node), directory) as pbx:
        yield pbx


@pytest.fixture
def desk(pbx: GatewayPbx, carrier: Carrier, tmp_path: Path) -> Iterator[Desk]:
    message = warble(tmp_path / "message.wav", 1.5, len(carrier.invites) + 500)
    prompts = {prompt: warble(tmp_path / f"{prompt}.wav", 0.5, 10 + place) for place, prompt in enumerate(Prompt)}
    with Desk(pbx, pbx.config, message, prompts) as desk:
        yield desk
    carrier.expect_nothing_more()


def alarm_heard(call: CarrierCall) -> bool:
    """Tell whether every tone of the alarm is in what the subscriber heard."""
    heard = call.recording()
    if len(heard) < RATE:
        return False
    spectrum, hertz = np.abs(np.fft.rfft(heard)), np.fft.rfftfreq(len(heard), 1 / RATE)
    return all(spectrum[np.abs(hertz - tone) < 5].max() > 20 * np.median(spectrum[hertz > 100]) for tone in ALARM)


def test_sounds_are_there_before_the_phone_rings_and_are_sent_once(
    desk: Desk, pbx: GatewayPbx, carrier: Carrier, tmp_path: Path
) -> None:
    assert desk.phone is not None
    word = warble(tmp_path / "word.wav", 1.0, 99)
    with ReceiverProcess(pbx):
        for number, keys in (("+15550801", "1"), ("+15550802", "1")):
            carrier.behaviour(number, answers([(2.0, keys)]))
            call_id = desk.place(number)
            call = carrier.expect_call(number)
            files = {path: path.stat().st_ino for path in pbx.node.sounds_dir.rglob("*.wav")}
            assert len(files) >= 1 + len(Prompt)
            desk.wait(KeyPressed, call_id)
            desk.phone.say_and_hang_up(call_id, word)
            desk.wait(CallEnded, call_id)
            call.wait_ended()
            assert call.hears(desk.message).likeness > 0.8
            assert call.hears(word).likeness > 0.8
        # The second call has found all that the first one had.
        assert {path: path.stat().st_ino for path in files} == files
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in files)
    assert not list(pbx.node.sounds_dir.rglob("*.part"))


@pytest.mark.parametrize(
    ("machine", "after"),
    # A line without any sound is listened to for nearly seven seconds.
    [(MachinePolicy.IGNORE, 1.8), (MachinePolicy.HANG_UP, 9.5)],
)
def test_a_receiver_that_is_away_loses_no_call_and_no_key(
    desk: Desk, carrier: Carrier, tmp_path: Path, machine: MachinePolicy, after: float
) -> None:
    assert desk.phone is not None
    number = f"+1555080{len(machine.value):02}3"
    carrier.behaviour(number, answers([(after, "1")]))
    # Prompts that the node does not have either.
    for place, prompt in enumerate(desk.prompts):
        warble(desk.prompts[prompt], 0.5, 700 + place)
    with capture_logs() as logs:
        call_id = desk.place(number, machine=machine)
        call = carrier.expect_call(number)
        key = desk.wait(KeyPressed, call_id)
        desk.phone.say_and_hang_up(call_id, warble(tmp_path / "word.wav", 1.0, 98))
        desk.wait(CallEnded, call_id)
        call.wait_ended()
    assert key.digit == "1"
    assert alarm_heard(call)
    events = [entry["event"] for entry in logs if entry["log_level"] == "error"]
    assert {"sounds_not_laid_out", "call_without_words", "last_word_not_prepared"} <= set(events)
    assert all(entry["advice"] for entry in logs if entry["event"] == "sounds_not_laid_out")
    told = [report.reason for report in desk.reports if isinstance(report, SoundsMissing)]
    assert told == [NOT_LAID_OUT, TONES_PLAYED], "for the timelines of what the call was about"


def test_what_the_node_has_is_played_while_its_receiver_is_away(desk: Desk, pbx: GatewayPbx, carrier: Carrier) -> None:
    with ReceiverProcess(pbx):
        for number in ("+15550804", "+15550805"):
            carrier.behaviour(number, answers(stays=2.0))
        desk.wait(CallEnded, desk.place("+15550804"))
        carrier.expect_call("+15550804").wait_ended()
    desk.wait(CallEnded, desk.place("+15550805"))
    call = carrier.expect_call("+15550805").wait_ended()
    assert call.hears(desk.message).likeness > 0.8
    assert not alarm_heard(call)


def test_a_receiver_that_hangs_delays_a_call_by_no_more_than_its_limit(
    desk: Desk, pbx: GatewayPbx, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []
    asked = sounds_http.urllib3.Timeout
    monkeypatch.setattr(
        sounds_http.urllib3, "Timeout", lambda total: limits.append(total) or asked(total=min(total, 0.3))
    )
    with socket.create_server((pbx.node.host, pbx.node.sounds_port)):
        for number in ("+15550806", "+15550807"):
            carrier.behaviour(number, answers([(0.3, "1")], stays=0.5))
            call_id = desk.place(number)
            carrier.expect_call(number).wait_ended()
            assert desk.wait(KeyPressed, call_id).digit == "1"
            desk.wait(CallEnded, call_id)
    # The second call has not even asked.
    assert len(limits) == 1
    assert limits[0] <= sounds_http.LIMIT.total_seconds()
    assert math.isclose(sounds_http.LIMIT.total_seconds(), 2.0)
    until(lambda: desk.phone is not None and desk.phone.ready(), 5, "the node takes orders")
