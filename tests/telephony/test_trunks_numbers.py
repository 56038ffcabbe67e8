"""What a carrier sees of a call: the number in the format that it wants, and who calls."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateway.ports.phone import CallEnded
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Carrier, CarrierCall, answers
from tests.telephony.desk import Desk

pytestmark = pytest.mark.telephony

GERMAN = "+493012345678"
FRENCH = "+33123456789"
OURS = "+498912345678"
TRUNKS: dict[str, dict[str, object]] = {
    "as-it-is": {},
    "digits": {"number_format": "digits"},
    "abroad": {"number_format": "international"},
    "at-home": {"number_format": "national", "country": "DE"},
    "by-prefix": {"number_format": "digits", "prefix": "77"},
    "says-who": {"p_asserted_identity": "caller_id"},
    "account-first": {"from_user": "4711", "from_domain": "carrier.example", "p_asserted_identity": "+498900000"},
    "hidden": {"p_asserted_identity": "caller_id", "privacy": True, "number_format": "digits"},
    "own-format": {"number_format": "digits", "caller_id_format": "e164"},
}


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier")) as carrier:
        yield carrier


@pytest.fixture(scope="module")
def desk(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("pbx")
    config = asterisk_config(
        dict.fromkeys(TRUNKS, carrier.sip_port), each=TRUNKS, trunk_settings={"caller_id": OURS, "qualify": "0s"}
    )
    with ExitStack() as parts:
        pbx = parts.enter_context(GatewayPbx(config, directory))
        yield parts.enter_context(Desk.at(pbx, directory))


def called(desk: Desk, carrier: Carrier, trunk: str, number: str, dialled: str) -> CarrierCall:
    """Call a number and return the call that the carrier saw, to the number as it was dialled, after its end."""
    carrier.behaviour(dialled, answers("1", after=0.1, stays=0.3))
    call_id = desk.place(number, trunk)
    call = carrier.expect_call(dialled)
    desk.wait(CallEnded, call_id)
    carrier.expect_nothing_more()
    return call


@pytest.mark.parametrize(
    ("trunk", "number", "seen"),
    [
        ("as-it-is", GERMAN, ("+493012345678", "+498912345678")),
        ("digits", GERMAN, ("493012345678", "498912345678")),
        ("abroad", GERMAN, ("00493012345678", "00498912345678")),
        ("at-home", GERMAN, ("03012345678", "08912345678")),
        ("at-home", FRENCH, ("0033123456789", "08912345678")),
        ("by-prefix", GERMAN, ("77493012345678", "498912345678")),
        ("own-format", GERMAN, ("493012345678", "+498912345678")),
    ],
)
def test_carrier_sees_numbers_as_it_wants_them(
    desk: Desk, carrier: Carrier, trunk: str, number: str, seen: tuple[str, str]
) -> None:
    dialled, shown = seen
    call = called(desk, carrier, trunk, number, dialled)
    assert call.invite.request_uri.startswith(f"sip:{dialled}@127.0.0.1")
    assert call.from_number == shown
    assert call.invite.asserted == ""


def test_carrier_is_told_the_caller_id_as_the_asserted_identity(desk: Desk, carrier: Carrier) -> None:
    invite = called(desk, carrier, "says-who", GERMAN, GERMAN).invite
    assert f"sip:{OURS}@" in invite.asserted
    assert invite.privacy == ""


def test_account_stands_in_from_and_another_number_in_the_asserted_identity(desk: Desk, carrier: Carrier) -> None:
    invite = called(desk, carrier, "account-first", GERMAN, GERMAN).invite
    assert "<sip:4711@carrier.example>" in invite.from_header
    assert "sip:+498900000@" in invite.asserted


def test_callee_of_a_private_call_sees_no_number_and_the_carrier_does(desk: Desk, carrier: Carrier) -> None:
    invite = called(desk, carrier, "hidden", GERMAN, GERMAN.removeprefix("+")).invite
    assert OURS.removeprefix("+") not in invite.from_header
    assert "sip:anonymous@" in invite.from_header
    assert f"sip:{OURS.removeprefix('+')}@" in invite.asserted
    assert invite.privacy == "id"
