"""Encrypted trunks and an encrypted manager interface, with certificates made on the spot."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.config.schema import AsteriskConfig
from gateway.model.call import CallOutcome
from gateway.ports.phone import CallEnded, KeyPressed
from tests.integration.ami_rig import SystemClock
from tests.ports import free_port
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Account, Carrier, answers
from tests.telephony.certificates import Authority
from tests.telephony.desk import Desk
from tests.waiting import until

pytestmark = pytest.mark.telephony

PASSWORD = "a-long-password"
ACCOUNTS = {
    "encrypted": Account(PASSWORD, srtp=True),
    "signalling-only": Account(PASSWORD),
    "own-settings": Account(PASSWORD, srtp=True),
    "voice-in-the-clear": Account(PASSWORD),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.in_directory(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Carrier]:
    certificate = authority.issue("127.0.0.1")
    directory = tmp_path_factory.mktemp("carrier")
    with Carrier(
        directory, sip_port=free_port(), protocol="tls", certificate=certificate, accounts=ACCOUNTS
    ) as carrier:
        yield carrier


def encrypted_ami(config: AsteriskConfig, authority: Authority, *, trusted: Authority | None = None) -> AsteriskConfig:
    certificate = authority.issue("127.0.0.1")
    tls = {"certificate": certificate, "ca_file": (trusted or authority).file}
    node = config.nodes[0].model_dump(exclude={"ami_tls"}) | {"ami_tls": tls}
    return AsteriskConfig.model_validate(
        {"nodes": [node], "trunks": [t.model_dump(by_alias=True) for t in config.trunks]}
    )


@pytest.fixture(scope="module")
def desk(carrier: Carrier, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("pbx")
    stranger = Authority.in_directory(directory / "stranger")
    ours = {"ca_file": str(authority.file)}
    config = asterisk_config(
        dict.fromkeys([*ACCOUNTS, "unknown-authority"], carrier.sip_port),
        node_settings={"tls": ours, "sip_tls_bind": f"127.0.0.1:{free_port()}"},
        trunk_settings={"transport": "tls", "password": PASSWORD},
        each={
            **{name: {"username": name} for name in ACCOUNTS},
            "encrypted": {"username": "encrypted", "srtp": "sdes"},
            "own-settings": {"username": "own-settings", "srtp": "sdes", "tls": ours},
            "voice-in-the-clear": {"username": "voice-in-the-clear", "srtp": "sdes", "register": False},
            "unknown-authority": {
                "username": "encrypted",
                "register": False,
                "tls": {"ca_file": str(stranger.file)},
            },
        },
    )
    with ExitStack() as parts:
        pbx = parts.enter_context(GatewayPbx(encrypted_ami(config, authority), directory))
        yield parts.enter_context(Desk.at(pbx, directory))


@pytest.mark.parametrize(
    ("trunk", "encrypted"),
    [("encrypted", True), ("own-settings", True), ("signalling-only", False)],
)
def test_call_over_tls_is_acknowledged_by_a_key(desk: Desk, carrier: Carrier, trunk: str, encrypted: bool) -> None:
    number = f"+1555{len(trunk):07}"
    carrier.behaviour(number, answers("1", after=0.3))
    call_id = desk.place(number, trunk)
    call = carrier.expect_call(number).wait_answered()
    assert desk.wait(KeyPressed, call_id).digit == "1"
    assert (call.invite.transport, call.account, call.encrypted) == ("TLS", trunk, encrypted)
    assert desk.phone is not None
    desk.phone.hang_up(call_id)
    call.wait_ended()
    carrier.expect_nothing_more()


@pytest.mark.parametrize("account", ["encrypted", "own-settings", "signalling-only"])
def test_trunk_over_tls_registers(carrier: Carrier, desk: Desk, account: str) -> None:
    assert desk.pbx.running is not None
    until(lambda: carrier.registration(account), 10, "the trunk registers", every=0.1)


@pytest.mark.parametrize(
    "trunk",
    [
        pytest.param("unknown-authority", id="certificate of an authority that is not trusted"),
        pytest.param("voice-in-the-clear", id="carrier that does not encrypt voices"),
    ],
)
def test_call_that_would_not_be_safe_is_trunk_trouble(desk: Desk, carrier: Carrier, trunk: str) -> None:
    call_id = desk.place("+15550777", trunk)
    assert desk.wait(CallEnded, call_id).outcome is CallOutcome.TRUNK_TROUBLE
    carrier.expect_nothing_more()


def test_carrier_whose_certificate_has_another_name_is_not_called(tmp_path: Path, authority: Authority) -> None:
    other = authority.issue("sip.another.example")
    carrier = Carrier(tmp_path, sip_port=free_port(), protocol="tls", certificate=other, customer="127.0.0.1")
    config = asterisk_config(
        {"impostor": carrier.sip_port, "careless": carrier.sip_port},
        node_settings={"tls": {"ca_file": str(authority.file)}, "sip_tls_bind": f"127.0.0.1:{free_port()}"},
        trunk_settings={"transport": "tls"},
        each={"careless": {"tls": {"verify_server": False}}},
    )
    with carrier, GatewayPbx(config, tmp_path) as pbx, Desk.at(pbx, tmp_path) as desk:
        refused = desk.place("+15550001", "impostor")
        assert desk.wait(CallEnded, refused).outcome is CallOutcome.TRUNK_TROUBLE
        carrier.expect_nothing_more()
        carrier.behaviour("+15550002", answers("1", after=0.2, stays=0.5))
        taken = desk.place("+15550002", "careless")
        carrier.expect_call("+15550002")
        assert desk.wait(KeyPressed, taken).digit == "1"
        desk.wait(CallEnded, taken)
        carrier.expect_nothing_more()


def test_ami_speaks_tls_alone_where_others_can_reach_it(desk: Desk) -> None:
    node = desk.pbx.node
    with socket.create_connection((node.host, node.port), timeout=5) as plain:
        plain.settimeout(5)
        plain.sendall(b"Action: Login\r\nUsername: tocsin\r\nSecret: x\r\n\r\n")
        with suppress(ConnectionResetError):
            assert b"Asterisk Call Manager" not in plain.recv(4096)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_ami_refuses_old_tls(desk: Desk, authority: Authority, version: ssl.TLSVersion) -> None:
    node = desk.pbx.node
    context = ssl.create_default_context(cafile=authority.file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection((node.host, node.port), timeout=5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=node.host)


def test_gateway_does_not_log_in_to_an_ami_that_it_cannot_verify(
    desk: Desk, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.in_directory(tmp_path)
    config = encrypted_ami(desk.pbx.config, authority, trusted=stranger)
    phone = AsteriskPhone(
        config=config, secrets={"pbx1": desk.pbx.secret}, listener=lambda _: None, clock=SystemClock()
    )
    phone.start()
    try:
        error = until(lambda: phone.health()[0].last_error, 10, "the node is refused")
        assert "certificate verify failed" in (error or "")
        assert not phone.ready()
    finally:
        phone.stop()
