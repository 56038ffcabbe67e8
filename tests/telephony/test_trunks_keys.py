"""Keys in every way that carriers send them, each from an alert to its acknowledgement by a whole gateway."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.gateway import FAST, Gateway
from tests.site import as_settings, with_sounds
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Account, Carrier, answers
from tests.telephony.carrier_audio import dtmf

pytestmark = pytest.mark.telephony

PASSWORD = "a-long-password"
# By trunk: how the gateway's side expects keys, and how the carrier's sends them.
WAYS = {
    "rfc4733": ("rfc4733", "rfc4733", ["alaw"]),
    "info": ("info", "info", ["alaw"]),
    "inband": ("inband", "inband", ["ulaw"]),
    "auto-in-rtp": ("auto", "rfc4733", ["ulaw"]),
    "auto-as-tones": ("auto", "inband", ["alaw"]),
    "wideband": ("rfc4733", "rfc4733", ["g722"]),
}


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    accounts = {name: Account(PASSWORD, codecs, sent) for name, (_, sent, codecs) in WAYS.items()}
    with Carrier(tmp_path_factory.mktemp("carrier"), accounts=accounts) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def gateway(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("gateway")
    each = {
        name: {"username": name, "dtmf_mode": expected, "codecs": codecs}
        for name, (expected, _, codecs) in WAYS.items()
    }
    # One call at a time on each, so that as many alerts at once take all of them.
    settings: dict[str, object] = {"password": PASSWORD, "max_calls": 1, "calls_per_second": 50}
    config = asterisk_config(dict.fromkeys(WAYS, carrier.sip_port), each=each, trunk_settings=settings)
    config = with_sounds(config, directory / "sounds")
    with ExitStack() as parts:
        parts.enter_context(GatewayPbx(config, directory / "pbx"))
        policy = dict(FAST) | {"ring_timeout": "10s"}
        yield parts.enter_context(Gateway(directory, {"asterisk": as_settings(config), "policy": policy}))


def test_key_acknowledges_whichever_way_the_carrier_sends_it(
    gateway: Gateway, carrier: Carrier, tmp_path: Path
) -> None:
    tone = dtmf(tmp_path / "tone.wav", "1")
    events, calls = {}, {}
    for place in range(len(WAYS)):
        number = f"+1555010{place:04}"
        # Late enough that every trunk is needed at once. Where keys are tones, this one is in the sound.
        carrier.behaviour(number, answers("1", after=3.0, stays=30, talks=tone))
        license_id = gateway.license()
        gateway.contact(license_id, number)
        events[number] = gateway.post(gateway.source(license_id))
    for number in events:
        calls[number] = carrier.expect_call(number, timeout=20)
    for number, event_id in events.items():
        event = gateway.expect_status(event_id, "acknowledged")
        (call,) = event["calls"]
        assert (event["acknowledged_via"], call["digits"], call["trunk"]) == ("dtmf", "1", calls[number].account)
    assert {call.account for call in calls.values()} == set(WAYS)
    for call in calls.values():
        call.wait_ended()
    carrier.expect_nothing_more()
