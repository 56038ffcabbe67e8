"""Calls that carry more than the telephone's 4 kHz: what was rendered at 16 kHz arrives at 16 kHz."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from gateway.model.call import MachinePolicy
from gateway.ports.phone import CallEnded, Prompt
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Account, Carrier, CarrierCall, answers
from tests.telephony.carrier_audio import RATE, Heard, Samples, find, halved, read, share_above, warble, write
from tests.telephony.desk import Desk
from tests.telephony.voices import says, silence

pytestmark = pytest.mark.telephony

PASSWORD = "a password"
WIDEBAND = ("g722", "opus", "slin16")
CODECS = ("ulaw", *WIDEBAND)
SECONDS = 2.0
PIECE = 0.5
LONG = 6.0  # longer than anybody listens for a machine
LISTENING = {"listening over ulaw": "ulaw", "listening over g722": "g722"}
HISS = 5500  # Hz: no telephone carries it, every wideband codec does


def wide(narrow: Path) -> Samples:
    """Write the file of 16 kHz beside one of 8 kHz: the same, and a hiss above it."""
    samples = read(narrow)
    doubled = np.repeat(samples, 2)
    hiss = 3000 * np.sin(2 * math.pi * HISS * np.arange(len(doubled)) / (2 * RATE))
    # What repeating the samples adds above 4 kHz is the mirror of what is below.
    spectrum = np.fft.rfft(doubled)
    spectrum[len(spectrum) // 2 :] = 0
    both = np.fft.irfft(spectrum, len(doubled)) + hiss
    write(narrow.with_suffix(".wav16"), both, 2 * RATE)
    return np.asarray(both, dtype=np.float64)


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    accounts = {codec: Account(PASSWORD, [codec]) for codec in CODECS}
    with Carrier(tmp_path_factory.mktemp("wideband"), accounts=accounts, wideband=True) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def desk(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("desk")
    each = {codec: {"username": codec, "password": PASSWORD, "codecs": [codec]} for codec in CODECS}
    config = asterisk_config(dict.fromkeys(CODECS, carrier.sip_port), each=each)
    with GatewayPbx(config, directory) as pbx:
        desk = Desk.at(pbx, directory / "files")
        warble(desk.message, SECONDS, 1)
        wide(desk.message)
        wide(desk.prompts[Prompt.MENU])
        with desk:
            yield desk
    carrier.expect_nothing_more()


@pytest.fixture(scope="module")
def calls(
    desk: Desk, carrier: Carrier, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[str, CarrierCall]]:
    """All calls, placed at once: one through each trunk, and two that listen for a machine."""
    directory = tmp_path_factory.mktemp("calls")
    plain, long = desk.message, warble(desk.message.with_name("long.wav"), LONG, 7)
    wide(long)
    word = np.concatenate([silence(0.4), says(directory, "Hello?"), silence(LONG + 1)])
    person = answers(talks=write(directory / "hello.wav", word), stays=0)
    placed = {}
    for place, (name, codec) in enumerate([*((codec, codec) for codec in CODECS), *LISTENING.items()]):
        number = f"+15550700{place:03}"
        listens = name in LISTENING
        carrier.behaviour(number, person if listens else answers(stays=SECONDS + 1.5))
        desk.message = long if listens else plain
        machine = MachinePolicy.HANG_UP if listens else MachinePolicy.IGNORE
        placed[name] = number, desk.place(number, trunk=codec, machine=machine)
    desk.message = plain
    return {name: (call_id, carrier.expect_call(number)) for name, (number, call_id) in placed.items()}


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_above_4_khz_is_heard_where_the_codec_carries_it(
    desk: Desk, calls: Mapping[str, tuple[str, CarrierCall]], codec: str
) -> None:
    call_id, call = calls[codec]
    ended = desk.wait(CallEnded, call_id)
    call.wait_ended()
    assert ended.quality is not None
    assert ended.quality.codec == codec
    assert max(piece.likeness for piece in pieces(desk.message, call)) > 0.8
    above = share_above(4300, call.wide_recording(), 2 * RATE)
    assert (above > 0.05) is (codec in WIDEBAND), above


@pytest.mark.parametrize("name", LISTENING)
def test_after_listening_for_a_machine_the_message_goes_on_where_it_was(
    desk: Desk, calls: Mapping[str, tuple[str, CarrierCall]], name: str
) -> None:
    call_id, call = calls[name]
    desk.wait(CallEnded, call_id)
    call.wait_ended()
    heard = pieces(desk.message.with_name("long.wav"), call)
    begins = [piece.at - place * PIECE for place, piece in enumerate(heard) if piece.likeness > 0.7]
    assert len(begins) > len(heard) / 2
    # Joined: by what is heard before and by what is heard after, the message began at the same time.
    assert max(begins) - min(begins) < 0.45, begins


def pieces(sound: Path, call: CarrierCall) -> list[Heard]:
    """Return where each half second of a sound was heard: a busy machine may lose a packet somewhere."""
    samples, recording = read(sound), call.recording()
    step = int(PIECE * RATE)
    return [find(samples[start : start + step], recording) for start in range(0, len(samples), step)]


def test_halving_is_what_the_recordings_are_compared_by() -> None:
    tone = np.sin(2 * math.pi * 1000 * np.arange(1600) / 16000)
    assert share_above(900, halved(tone), RATE) > 0.95
