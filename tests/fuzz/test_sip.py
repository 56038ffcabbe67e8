"""SIP messages that are made to break servers, at the configuration that Tocsin renders, on a real Asterisk."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.model.call import CallOutcome
from gateway.ports.phone import CallEnded
from tests.fuzz.effort import TIMES
from tests.fuzz.sip_torture import MESSAGES
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Carrier, answers
from tests.telephony.carrier_ami import Packet
from tests.telephony.desk import Desk
from tests.waiting import until

pytestmark = pytest.mark.telephony

TRUNK = "carrier-a"
STRANGER, CARRIERS = "127.0.0.2", "127.0.0.4"
_MUTATIONS = 400
_MOST_GROWTH = 64 * 1024  # KiB of resident memory
_LONGEST = 60_000  # bytes: a datagram has no more
_NUMBER = "+15550001"
# What mutations put in: ends of strings and lines, characters that are none, numbers beyond every type, repetitions.
_PIECES = (
    b"%00",
    b"\x00",
    b"\xff\xfe",
    b"9" * 40,
    b"-1",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b";;",
    b"<>",
    b'"',
    b"\\",
    b"sip:" * 50,
    b"SIP/7.0",
    b"z" * 3000,
    b"Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n" * 30,
)


class Attacker:
    """Sends datagrams from a stranger's address and from one that belongs to a trunk, and looks how Asterisk does."""

    def __init__(self, pbx: GatewayPbx, sockets: dict[str, socket.socket]) -> None:
        self._pbx = pbx
        self._sockets = sockets
        host, _, port = pbx.node.sip_bind.rpartition(":")
        self._address = (host, int(port))
        assert pbx.running is not None
        self.pid = pbx.running.pid

    def send(self, address: str, message: bytes) -> None:
        self._sockets[address].sendto(message[:_LONGEST], self._address)

    def is_answered(self) -> bool:
        """Tell whether a plain request gets its answer: whatever was sent before it has been read then."""
        mine = self._sockets[STRANGER]
        while _received(mine):
            pass
        self.send(STRANGER, MESSAGES["zeromf"]().replace(b"zeromf", os.urandom(6).hex().encode()))
        mine.settimeout(5)
        try:
            return mine.recv(65536).startswith(b"SIP/2.0 ")
        except TimeoutError:
            return False
        finally:
            mine.setblocking(False)

    def expect_well(self) -> None:
        """Hold that the same Asterisk lives, answers, and has no channel."""
        until(self.is_answered, 20, "a plain request is answered")
        os.kill(self.pid, 0)
        with self._pbx.ami() as ami:
            until(lambda: ami.run("CoreShowChannels")[-1]["ListItems"] == "0", 10, "no channel is left")

    def memory(self) -> int:
        """Return the KiB of memory that Asterisk holds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _request(method: str, name: str) -> bytes:
    """Return a well-formed request of somebody who claims to be that endpoint (RFC 3261, 8.1.1)."""
    mark = os.urandom(6).hex()
    lines = [
        f"{method} sip:{_NUMBER}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {STRANGER};rport;branch=z9hG4bK{mark}",
        f"From: <sip:{name}@{CARRIERS}>;tag={mark}",
        f"To: <sip:{_NUMBER}@127.0.0.1>",
        f"Call-ID: {mark}@{CARRIERS}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{name}@{STRANGER}>",
        f"P-Asserted-Identity: <sip:{name}@{CARRIERS}>",
        "Max-Forwards: 70",
        "Event: presence",
        f"Refer-To: <sip:{_NUMBER}@127.0.0.1>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _received(each: socket.socket) -> bool:
    try:
        return bool(each.recv(65536))
    except BlockingIOError:
        return False


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier")) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def pbx(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayPbx]:
    config = asterisk_config({TRUNK: carrier.sip_port}, trunk_settings={"match": [CARRIERS]})
    with GatewayPbx(config, tmp_path_factory.mktemp("pbx")) as pbx:
        yield pbx


@pytest.fixture
def seen() -> list[Packet]:
    """Return the events that Asterisk tells of while it is attacked."""
    return []


@pytest.fixture
def attacker(pbx: GatewayPbx, seen: list[Packet]) -> Iterator[Attacker]:
    with ExitStack() as stack:
        sockets = {}
        for address in (STRANGER, CARRIERS):
            sockets[address] = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[address].bind((address, 0))
            sockets[address].setblocking(False)
        stack.enter_context(pbx.ami(seen.append))
        yield Attacker(pbx, sockets)
    assert not [packet for packet in seen if packet["Event"] in {"DialBegin", "BridgeEnter", "UserEvent"}]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_torture_message_is_outlived_and_opens_nothing(attacker: Attacker, name: str) -> None:
    attacker.send(STRANGER, MESSAGES[name]())
    # Under another branch and Call-ID, or it would be taken for the stranger's, repeated.
    attacker.send(CARRIERS, MESSAGES[name]().replace(name.encode(), b"another-" + name.encode()))
    attacker.expect_well()


@pytest.mark.parametrize("name", ["stranger", TRUNK, "anonymous", "asterisk", "tocsin", "1%00", "%22;--"])
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH"])
def test_a_stranger_gets_no_channel_under_whatever_name(
    attacker: Attacker, carrier: Carrier, seen: list[Packet], method: str, name: str
) -> None:
    attacker.send(STRANGER, _request(method, name))
    attacker.expect_well()
    # Asterisk tells of the trunk's own contact too, when its OPTIONS are answered.
    contacts = {packet["URI"] for packet in seen if packet["Event"] == "ContactStatus"}
    assert contacts <= {f"sip:127.0.0.1:{carrier.sip_port}"}
    assert not [packet for packet in seen if packet["Event"] in {"Newchannel", "Newexten"}]


def test_mutated_messages_are_outlived_and_open_nothing(attacker: Attacker) -> None:
    seed = int(os.environ.get("TOCSIN_FUZZ_SEED", "4475"))
    print(f"TOCSIN_FUZZ_SEED={seed}")
    chance, texts = random.Random(seed), [make() for make in MESSAGES.values()]
    attacker.expect_well()
    before = attacker.memory()
    for number in range(_MUTATIONS * TIMES):
        message = bytearray(chance.choice(texts))
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(message))
            message[start : start + chance.choice((0, 0, 1, 5, 20))] = chance.choice(_PIECES)
        attacker.send(chance.choice((STRANGER, CARRIERS)), bytes(message))
        if number % 50 == 49:
            # More at once than its socket holds would be dropped unread.
            until(attacker.is_answered, 20, f"Asterisk answers after {number + 1} messages of seed {seed}")
    attacker.expect_well()
    assert attacker.memory() - before < _MOST_GROWTH


def test_calls_go_out_after_all_of_it(pbx: GatewayPbx, carrier: Carrier, tmp_path: Path) -> None:
    with Desk.at(pbx, tmp_path) as desk:
        carrier.behaviour(_NUMBER, answers(stays=0.2))
        call_id = desk.place(_NUMBER, TRUNK)
        carrier.expect_call(_NUMBER)
        assert desk.wait(CallEnded, call_id).outcome is CallOutcome.NO_KEY
