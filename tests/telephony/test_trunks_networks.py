"""What leaves the gateway's Asterisk towards carriers behind a proxy, and from behind address translation."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.desk import Desk
from tests.waiting import until

pytestmark = pytest.mark.telephony

PUBLIC = "192.0.2.55"
NUMBER = "+15550001"


@pytest.fixture(scope="module")
def proxy() -> Iterator[socket.socket]:
    """Return a socket at an address that is not the gateway's, which never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.7", 0))
        heard.settimeout(1)
        yield heard


@pytest.fixture(scope="module")
def desk(proxy: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("pbx")
    host, port = proxy.getsockname()
    config = asterisk_config(
        {"by-proxy": 5060, "registering": 5060, "registering-too": 5060},
        node_settings={"external_address": PUBLIC, "local_networks": ["127.0.0.1"]},
        # The name is never looked up: everything goes to the proxy.
        trunk_settings={"host": "sip.carrier.invalid", "outbound_proxy": f"{host}:{port}"},
        each={
            "by-proxy": {"qualify": "0s"},
            "registering": {
                "username": "first",
                "password": "long-enough-1",
                "registrar": "registrar.carrier.invalid",
                "contact_user": "pilot",
                "register_expiry": "20m",
            },
            "registering-too": {"username": "second", "password": "long-enough-2"},
        },
    )
    with ExitStack() as parts:
        pbx = parts.enter_context(GatewayPbx(config, directory))
        yield parts.enter_context(Desk.at(pbx, directory))


def request(proxy: socket.socket, start: str) -> str:
    """Return the first request that begins so and comes to the proxy."""

    def heard() -> str | None:
        try:
            packet = proxy.recv(65536).decode()
        except TimeoutError:
            return None
        return packet if packet.startswith(start) else None

    return until(heard, 15, f"{start} comes to the proxy") or ""


def test_registrations_go_by_the_proxy_and_are_told_apart(desk: Desk, proxy: socket.socket) -> None:
    assert desk.pbx.running is not None
    first = request(proxy, "REGISTER sip:registrar.carrier.invalid:5060 ")
    second = request(proxy, "REGISTER sip:sip.carrier.invalid:5060 ")
    assert re.search(rf"^Contact: <sip:pilot@{PUBLIC}:\d+;line=\w+>", first, re.MULTILINE)
    assert re.search(r"^Expires: 1200\b", first, re.MULTILINE)
    assert re.search(rf"^Contact: <sip:second@{PUBLIC}:\d+;line=\w+>", second, re.MULTILINE)
    lines = [re.findall(r";line=(\w+)", packet) for packet in (first, second)]
    assert lines[0] != lines[1]


def test_carriers_reachability_is_asked_by_the_proxy(desk: Desk, proxy: socket.socket) -> None:
    with desk.ami() as ami:
        ami.send("PJSIPQualify", Endpoint="registering")
    assert request(proxy, "OPTIONS sip:sip.carrier.invalid:5060 ")


def test_call_goes_to_the_proxy_names_the_carrier_and_asks_for_voices_at_the_public_address(
    desk: Desk, proxy: socket.socket
) -> None:
    call_id = desk.place(NUMBER, "by-proxy")
    invite = request(proxy, f"INVITE sip:{NUMBER}@sip.carrier.invalid:5060 ")
    assert re.search(rf"^Contact: <sip:[^@>]*@?{PUBLIC}:\d+>", invite, re.MULTILINE)
    assert f"c=IN IP4 {PUBLIC}\r\n" in invite
    assert re.search(r"^Route: <sip:127\.0\.0\.7:\d+;lr>", invite, re.MULTILINE)
    assert desk.phone is not None
    desk.phone.hang_up(call_id)
