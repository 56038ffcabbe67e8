"""A changed configuration given to an Asterisk that is in the middle of calls."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.channels.asterisk.provision import TEMPLATES, RunningAsterisk, up, versions
from gateway.config.schema import AsteriskConfig, TrunkConfig
from gateway.model.call import CallOutcome
from gateway.ports.phone import CallAnswered, CallEnded, KeyPressed
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Account, Carrier, CarrierCall, answers
from tests.telephony.desk import Desk
from tests.waiting import until

pytestmark = pytest.mark.telephony

RIGHT = "the-right-password"
ACCOUNTS = {"first": Account(RIGHT), "second": Account(RIGHT), "third": Account(RIGHT)}
NOW = timedelta(0)


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with Carrier(tmp_path_factory.mktemp("carrier"), accounts=ACCOUNTS) as carrier:
        yield carrier


@pytest.fixture
def desk(carrier: Carrier, tmp_path: Path) -> Iterator[Desk]:
    config = asterisk_config(
        {"first": carrier.sip_port, "second": carrier.sip_port},
        each={
            "first": {"username": "first", "password": RIGHT},
            "second": {"username": "second", "password": "a-wrong-password"},
        },
        trunk_settings={"max_calls": 10},
    )
    with ExitStack() as parts:
        pbx = parts.enter_context(GatewayPbx(config, tmp_path))
        yield parts.enter_context(Desk.at(pbx, tmp_path))
    carrier.expect_nothing_more()


def changed(config: AsteriskConfig, trunks: Mapping[str, Mapping[str, object]]) -> AsteriskConfig:
    """Return the configuration with some keys of its trunks changed, and trunks added."""
    own = {trunk.name: trunk.model_dump(by_alias=True) for trunk in config.trunks}
    for name, keys in trunks.items():
        own[name] = {**own.get(name, own["first"] | {"name": name, "username": name}), **keys}
    return config.model_copy(update={"trunks": tuple(TrunkConfig.model_validate(keys) for keys in own.values())})


def give(desk: Desk, config: AsteriskConfig, **options: object) -> RunningAsterisk:
    given: RunningAsterisk = up(config, desk.pbx.node, desk.pbx.secret, desk.pbx.directory, **options)  # type: ignore[arg-type]
    return given


def talking(desk: Desk, carrier: Carrier, number: str) -> tuple[str, CarrierCall]:
    """Return a call in progress, whose callee presses 1 after some seconds."""
    carrier.behaviour(number, answers("1", after=4.0, stays=20))
    call_id = desk.place(number, "first")
    desk.wait(CallAnswered, call_id)
    return call_id, carrier.expect_call(number).wait_answered()


def registered(desk: Desk) -> dict[str, str]:
    with desk.ami() as ami:
        found = ami.run("PJSIPShowRegistrationsOutbound")
    return {item["ObjectName"]: item["Status"] for item in found if item.get("ObjectType") == "registration"}


def test_trunks_are_corrected_and_added_while_a_call_goes_on(desk: Desk, carrier: Carrier) -> None:
    until(lambda: registered(desk) == {"first": "Registered", "second": "Rejected"}, 10, "one is refused", every=0.1)
    call_id, call = talking(desk, carrier, "+15550001")
    # The third needs modules that were not needed before.
    third = {"max_calls": 5, "codecs": ["g722"], "srtp": "sdes", "privacy": True}
    wanted = changed(desk.config, {"second": {"password": RIGHT, "max_calls": 5}, "third": third})
    given = give(desk, wanted)
    assert (given.started, given.reloaded, given.pending) == (False, ("modules.conf", "pjsip.conf"), ())
    until(lambda: set(registered(desk).values()) == {"Registered"}, 10, "all are registered", every=0.1)
    with desk.ami() as ami:
        version = versions(wanted, desk.pbx.node, desk.pbx.secret).pjsip
        assert {ami.value(f"PJSIP_ENDPOINT({name},accountcode)") for name in ACCOUNTS} == {version}
    assert call.ended_at is None
    assert desk.wait(KeyPressed, call_id).digit == "1"
    desk.phone.say_and_hang_up(call_id, desk.message)  # type: ignore[union-attr]
    assert desk.wait(CallEnded, call_id).answered_at is not None
    assert call.wait_ended().ended_by == "caller"
    again = give(desk, wanted)
    assert (again.reloaded, again.pending) == ((), ())


def test_trunk_that_was_taken_out_keeps_its_call_and_takes_no_other(desk: Desk, carrier: Carrier) -> None:
    call_id, call = talking(desk, carrier, "+15550002")
    give(desk, desk.config.model_copy(update={"trunks": desk.config.trunks[1:]}))
    assert desk.wait(KeyPressed, call_id).digit == "1"
    assert call.ended_at is None
    refused = desk.place("+15550003", "first")
    assert desk.wait(CallEnded, refused).outcome is CallOutcome.TRUNK_TROUBLE
    desk.phone.hang_up(call_id)  # type: ignore[union-attr]
    call.wait_ended()


def test_new_dialplan_waits_until_no_call_is_in_progress(desk: Desk, carrier: Carrier, tmp_path: Path) -> None:
    templates = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    dialplan = templates / "extensions.conf.j2"
    dialplan.write_text(dialplan.read_text() + "\n[added]\nexten => s,1,Hangup()\n")
    call_id, call = talking(desk, carrier, "+15550004")
    given = give(desk, desk.config, templates=templates, idle_within=NOW)
    assert len(given.pending) == 1
    assert "no call is in progress" in given.pending[0]
    with desk.ami() as ami:
        assert ami.value("TOCSIN_DIALPLAN_VERSION") == versions(desk.config, desk.pbx.node).dialplan
        assert desk.wait(KeyPressed, call_id).digit == "1"
        desk.phone.hang_up(call_id)  # type: ignore[union-attr]
        call.wait_ended()
        # As if the one who reloads had been ended and started again: the files are the new ones by now.
        given = give(desk, desk.config, templates=templates)
        assert (given.reloaded, given.pending) == (("extensions.conf",), ())
        wanted = versions(desk.config, desk.pbx.node, templates=templates).dialplan
        assert ami.value("TOCSIN_DIALPLAN_VERSION") == wanted


def test_what_only_a_start_can_change_is_told_and_told_again(desk: Desk, carrier: Carrier) -> None:
    node = desk.pbx.node
    host, _, port = node.sip_bind.rpartition(":")
    moved = node.model_copy(update={"sip_bind": f"{host}:{int(port) + 1}"})
    config = changed(desk.config, {"second": {"password": RIGHT, "max_calls": 400}})
    config = config.model_copy(update={"nodes": (moved,)})
    for _ in range(2):
        given = up(config, moved, desk.pbx.secret, desk.pbx.directory)
        assert [reason for reason in given.pending if "max_calls" in reason]
        assert [reason for reason in given.pending if "address" in reason]
    # All else has been taken.
    until(lambda: set(registered(desk).values()) == {"Registered"}, 10, "both are registered", every=0.1)
    back = give(desk, desk.config)
    assert back.pending == ()
    carrier.expect_nothing_more()


def test_settings_that_asterisk_does_not_take_are_told(desk: Desk) -> None:
    broken = changed(desk.config, {"second": {"registrar": "nowhere.invalid"}})
    # What the configuration's checks let through and Asterisk does not: a codec that is not loaded is left out, so a
    # value of another kind stands in for whatever it may be.
    templates = Path(shutil.copytree(TEMPLATES, desk.pbx.directory / "templates"))
    file = templates / "pjsip.conf.j2"
    file.write_text(file.read_text().replace("direct_media = no", "direct_media = no\nno_such_setting = yes"))
    given = give(desk, broken, templates=templates)
    assert [reason for reason in given.pending if "did not take" in reason]
