"""The crash matrix: the engine dies at each recorded step of the ladder, the link to Asterisk in each phase of a call.

Whatever happens, the callee presses 1 in the end and the event is acknowledged, no attempt is dialled twice, and
nothing is sent twice.
"""

from collections.abc import Iterator
from typing import Self

import pytest

from tests.site import OWNER_CHAT, Site
from tests.telephony.carrier import answers
from tests.telephony.proxy import Relay
from tests.waiting import until

pytestmark = pytest.mark.telephony

# The steps of a ladder on which the first contact takes the call, as its timeline tells them.
STEPS = [
    ("accepted", None),
    ("attempt_started", "whatsapp_text"),
    ("attempt_result", "whatsapp_text"),
    ("attempt_started", "whatsapp_voice"),
    ("attempt_result", "whatsapp_voice"),
    ("attempt_started", "phone"),
    ("call_dialled", "phone"),
    ("call_ringing", "phone"),
    ("call_answered", "phone"),
    ("key_pressed", "phone"),
    ("call_ended", "phone"),
]
PHASES = ["call_dialled", "call_ringing", "call_answered", "key_pressed"]


@pytest.fixture(scope="module")
def relay() -> Iterator[list[Relay]]:
    made: list[Relay] = []
    yield made
    for each in made:
        each.__exit__()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, relay: list[Relay]) -> Iterator[Site]:
    def between(port: int) -> int:
        relay.append(Relay(port).__enter__())
        return relay[0].port

    with Site(tmp_path_factory.mktemp("site"), policy={"ring_timeout": "15s"}, ami_port_of=between) as site:
        yield site


class Escalation:
    """One alert for one contact, who answers every call and presses 1.

    As a context manager it leaves nothing behind where a test fails: the installation is that of all of them.
    """

    def __init__(self, site: Site) -> None:
        self.site, self.phone = site, site.number()
        license_id = site.gateway.license(owner_telegram=OWNER_CHAT)
        self.contact = site.gateway.contact(license_id, self.phone)
        site.carrier.behaviour(self.phone, answers(presses="1", after=1.5, ring=0.5))
        assert site.twilio.inbound(self.contact.whatsapp, "hello") == 200, "the window is open for the voice note"
        self.token = site.gateway.source(license_id)
        self.event_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self.event_id:
            self.site.settle(self.event_id, self.phone)

    def post(self) -> None:
        self.event_id = self.site.gateway.post(self.token)

    def reached(self, kind: str, channel: str | None) -> None:
        """Wait, closely, until the step is on record."""
        until(
            lambda: any(
                entry["type"] == kind and entry["channel"] == channel
                for entry in self.site.gateway.event(self.event_id)["timeline"]
            ),
            30,
            f"{kind} of {channel} is on record",
            every=0.001,
        )

    def ends_well(self) -> None:
        """Hold the invariants at the end."""
        event = self.site.gateway.expect_status(self.event_id, "acknowledged", 60)
        self.site.carrier.expect_calls_at_most(self.phone, 1)
        mine = [m for m in self.site.twilio.sent if m.to == f"whatsapp:{self.phone}"]
        assert sum(m.media_url is None for m in mine) <= 1, "the text is sent twice"
        assert sum(m.media_url is not None for m in mine) <= 1, "the voice note is sent twice"
        for _ in mine:
            self.site.twilio.expect_message(1)
        self.site.finished(self.event_id)
        assert event["acknowledged_via"] == "dtmf"
        # A leg that found the link cut was never dialled: the carrier has seen one call in any case.
        calls = self.site.gateway.event(self.event_id)["calls"]
        assert [call["outcome"] for call in calls if call["outcome"] != "trunk_trouble"] == ["acknowledged"]


@pytest.mark.parametrize(("kind", "channel"), STEPS, ids=[f"{kind}-{channel}" for kind, channel in STEPS])
def test_the_engine_is_killed_at_a_step(site: Site, kind: str, channel: str | None) -> None:
    with Escalation(site) as escalation:
        escalation.post()
        escalation.reached(kind, channel)
        killed = site.gateway.kill_engine()
        until(lambda: site.gateway.engine_pid() not in {killed, None}, 30, "another engine is started")
        escalation.ends_well()


@pytest.mark.parametrize("phase", PHASES)
def test_the_link_to_asterisk_is_cut_in_a_phase_of_a_call(site: Site, relay: list[Relay], phase: str) -> None:
    with Escalation(site) as escalation:
        escalation.post()
        escalation.reached(phase, "phone")
        relay[0].cut()
        try:
            if phase in {"call_ringing", "call_answered"}:
                # The key is pressed while nobody listens, and found when the link is back.
                site.carrier.expect_call(escalation.phone, 20).wait_pressed(20)
        finally:
            relay[0].mend()
        escalation.ends_well()


def test_asterisk_is_restarted_in_mid_call(site: Site) -> None:
    with Escalation(site) as escalation:
        site.carrier.behaviour(escalation.phone, answers(stays=30), answers(presses="1"))
        escalation.post()
        first = site.carrier.expect_call(escalation.phone, 30).wait_answered()
        escalation.reached("call_answered", "phone")
        site.pbx.stop()
        try:
            first.wait_ended()
        finally:
            site.pbx.start()
        site.carrier.expect_call(escalation.phone, 60).wait_ended()
        site.gateway.expect_status(escalation.event_id, "acknowledged", 60)
        for _ in range(2):
            site.twilio.expect_message()
        # A second call that fell due while Asterisk was still starting could not be placed: the owner heard of that.
        site.telegram.expect_messages_at_most(1)
        site.finished(escalation.event_id)
        calls = site.gateway.event(escalation.event_id)["calls"]
        reached = [call["outcome"] for call in calls if call["outcome"] != "trunk_trouble"]
        assert len(reached) == 2, "the call that was cut is a missed one, and is not placed again in the same attempt"
        assert reached[1] == "acknowledged"
