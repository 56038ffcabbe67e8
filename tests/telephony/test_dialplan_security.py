"""What must not be possible: calls into the gateway's Asterisk, and AMI actions beyond its rights."""

import socket
import uuid
from collections.abc import Iterator

import pytest

from tests.telephony.asterisk import GatewayPbx
from tests.telephony.carrier import Carrier
from tests.telephony.carrier_ami import AmiClient, AmiError
from tests.telephony.dialplan import TRUNK, Exchange

pytestmark = pytest.mark.telephony


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    directory = tmp_path_factory.mktemp("security")
    with Exchange.on(directory, Carrier(directory)) as exchange:
        yield exchange


def invite(pbx: GatewayPbx, from_address: str, exten: str) -> str:
    """Send an INVITE from that address and return the status line of the final answer."""
    host, _, port = pbx.node.sip_bind.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((from_address, 0))
        peer.settimeout(5)
        own = f"{from_address}:{peer.getsockname()[1]}"
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {from_address}\r\ns=-\r\nc=IN IP4 {from_address}\r\n"
            "t=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
        )
        # The caller claims to be the trunk, by its name.
        request = (
            f"INVITE sip:{exten}@{host}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{uuid.uuid4().hex};rport\r\n"
            f"From: <sip:{TRUNK}@{own}>;tag=1\r\nTo: <sip:{exten}@{host}>\r\n"
            f"Call-ID: {uuid.uuid4().hex}\r\nCSeq: 1 INVITE\r\nContact: <sip:{TRUNK}@{own}>\r\nMax-Forwards: 70\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        peer.sendto(request.encode(), (host, int(port)))
        while True:
            status = peer.recv(65536).decode().splitlines()[0]
            if not status.startswith("SIP/2.0 1"):
                return status


def test_stranger_who_claims_a_trunks_name_is_refused(exchange: Exchange) -> None:
    assert invite(exchange.pbx, "127.0.0.2", "+15550001") == "SIP/2.0 401 Unauthorized"


@pytest.mark.parametrize("exten", ["+15550001", "s", "1"])
def test_carrier_cannot_call_in(exchange: Exchange, exten: str) -> None:
    assert invite(exchange.pbx, "127.0.0.1", exten).startswith(("SIP/2.0 403", "SIP/2.0 404"))


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        ("Command", {"Command": "core show version"}),
        ("DBPut", {"Family": "tocsin", "Key": "x", "Val": "1"}),
        ("DBDel", {"Family": "tocsin", "Key": "x"}),
        ("DBDelTree", {"Family": "tocsin"}),
        ("ModuleLoad", {"Module": "app_system.so", "LoadType": "load"}),
        ("Reload", {}),
        ("GetConfig", {"Filename": "manager.conf"}),
        ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf", "Reload": "yes"}),
        ("CreateConfig", {"Filename": "other.conf"}),
        ("DialplanExtensionAdd", {"Context": "x", "Extension": "1", "Priority": 1, "Application": "NoOp"}),
        ("AGI", {"Channel": "PJSIP/1", "Command": "EXEC NoOp"}),
        ("Originate", {"Channel": f"PJSIP/1@{TRUNK}", "Application": "System", "Data": "id", "Async": "true"}),
        ("Setvar", {"Variable": "DB(tocsin/x/answered)", "Value": "1"}),
        ("UserEvent", {"UserEvent": "TocsinKey", "CallId": "x", "Digit": "1"}),
    ],
)
def test_gateways_ami_user_may_not(exchange: Exchange, action: str, headers: dict[str, object]) -> None:
    answer = exchange.ami.request(action, headers)[0]
    assert answer["Response"] == "Error"


@pytest.mark.parametrize(
    "function", ["SHELL(id)", "FILE(/etc/passwd)", "ENV(HOME)", "CURL(http://127.0.0.1/)", "EVAL(x)"]
)
def test_functions_that_reach_beyond_asterisk_do_not_exist(exchange: Exchange, function: str) -> None:
    assert exchange.ami.send("Getvar", Variable=function)[0].get("Value", "") == ""


def test_wrong_secret_is_refused(exchange: Exchange) -> None:
    with pytest.raises(AmiError, match="Authentication failed"):
        AmiClient(exchange.pbx.node.port, exchange.pbx.node.username, "wrong")


def test_events_are_those_that_the_gateway_uses(exchange: Exchange) -> None:
    leg = exchange.place("+15550001")
    call = exchange.answered_call(leg)
    exchange.ami.run("Hangup", Channel=exchange.channel_of(leg))
    call.wait_ended()
    exchange.ami_event("Hangup", lambda packet: packet["Uniqueid"] == f"tocsin-{leg.call_id}")
    assert {packet["Event"] for _, packet in exchange.events} <= {
        "FullyBooted",
        "ContactStatus",
        "Newchannel",
        "Newstate",
        "DialState",
        "OriginateResponse",
        "UserEvent",
        "Hangup",
    }
