"""What strangers on the network get from the gateway's Asterisk: nothing. And what the gateway gets as a stranger."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.call import CallOutcome
from gateway.ports.phone import CallEnded
from tests.ports import free_port
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Carrier, answers
from tests.telephony.carrier_ami import Packet
from tests.telephony.desk import Desk
from tests.telephony.sipp import Stranger
from tests.waiting import until

pytestmark = pytest.mark.telephony

TRUNK = "carrier-a"
# What scanners try: a trunk's name, its account, names that Asterisk's examples have, a phone number, nonsense.
CLAIMS = (TRUNK, "customer1", "100", "asterisk", "anonymous", "+15550100", "nobody")


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayPbx]:
    config = asterisk_config(
        {TRUNK: free_port()},
        trunk_settings={"username": "customer1", "password": "long-enough", "match": ["127.0.0.4", "127.0.1.0/24"]},
    )
    with GatewayPbx(config, tmp_path_factory.mktemp("pbx")) as pbx:
        yield pbx


@pytest.fixture
def quiet(pbx: GatewayPbx) -> Iterator[GatewayPbx]:
    """Return the node, and assert afterwards that no channel has come into being."""
    seen: list[Packet] = []
    with pbx.ami(seen.append) as ami:
        yield pbx
        assert ami.run("CoreShowChannels")[-1]["ListItems"] == "0"
    assert [packet for packet in seen if packet["Event"] in {"Newchannel", "Newstate", "UserEvent"}] == []


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE"])
def test_stranger_learns_nothing_whoever_they_claim_to_be(quiet: GatewayPbx, tmp_path: Path, method: str) -> None:
    stranger = Stranger("127.0.0.2", quiet.node.sip_bind, tmp_path)
    for claim in CLAIMS:
        stranger.sends(method, to="+15550001", claims=claim, expecting=401)


@pytest.mark.parametrize("extension", ["s", "+15550001", "1"])
@pytest.mark.parametrize("address", ["127.0.0.4", "127.0.1.77"])
def test_carriers_further_addresses_are_known_and_cannot_call_in(
    pbx: GatewayPbx, tmp_path: Path, address: str, extension: str
) -> None:
    Stranger(address, pbx.node.sip_bind, tmp_path).sends(
        "INVITE", to=extension, claims="carrier", expecting=403, times=2
    )
    with pbx.ami() as ami:
        until(lambda: ami.run("CoreShowChannels")[-1]["ListItems"] == "0", 5, "no call of theirs is left")


def test_where_networks_are_named_nobody_else_is_even_challenged(tmp_path: Path) -> None:
    config = asterisk_config({TRUNK: free_port()}, node_settings={"sip_permit": ["127.0.0.1", "127.0.0.4/31"]})
    with GatewayPbx(config, tmp_path) as pbx:
        for method in ("OPTIONS", "REGISTER", "INVITE"):
            Stranger("127.0.0.2", pbx.node.sip_bind, tmp_path).sends(
                method, to="+15550001", claims=TRUNK, expecting=403, times=3
            )
        Stranger("127.0.0.5", pbx.node.sip_bind, tmp_path).sends(
            "OPTIONS", to="+15550001", claims=TRUNK, expecting=401, times=3
        )


def test_carrier_that_knows_another_address_is_trunk_trouble(tmp_path: Path) -> None:
    with Carrier(tmp_path / "right") as knows_us, Carrier(tmp_path / "wrong", customer="127.0.0.9") as does_not:
        config = asterisk_config({"right": knows_us.sip_port, "wrong": does_not.sip_port})
        with GatewayPbx(config, tmp_path) as pbx, Desk.at(pbx, tmp_path) as desk:
            refused = desk.place("+15550001", "wrong")
            ended = desk.wait(CallEnded, refused)
            assert (ended.outcome, ended.sip_cause) == (CallOutcome.TRUNK_TROUBLE, 401)
            does_not.expect_nothing_more()
            knows_us.behaviour("+15550001", answers(stays=0.2))
            taken = desk.place("+15550001", "right")
            knows_us.expect_call("+15550001")
            assert desk.wait(CallEnded, taken).outcome is CallOutcome.NO_KEY
            knows_us.expect_nothing_more()
