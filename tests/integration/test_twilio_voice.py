"""Calls through Twilio, end to end: a real gateway, and a Twilio that follows its own API document."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.model.contact import Contact
from tests.clouds import FakeTwilio
from tests.clouds.twilio_callee import HANGS_UP, LISTENS, NOTHING, Callee, picks_up, rings_out, turns_away
from tests.clouds.twilio_voice import CreateFault
from tests.gateway import FAST, Gateway
from tests.waiting import until

VOICE_FROM = "+15550100"
OPERATOR = "+15550999"


class Exchange:
    """A gateway whose only trunk is Twilio."""

    def __init__(self, directory: Path, twilio: FakeTwilio) -> None:
        self.twilio, self.voice = twilio, twilio.voice
        section = {
            "account_sid": twilio.account_sid,
            "auth_token": twilio.auth_token,
            "api_base": twilio.api_base,
            "voice_from": VOICE_FROM,
            "calls_per_second": 50,
            "timeout": "3s",
        }
        self.gateway = Gateway(directory, {"twilio": section, "policy": dict(FAST) | {"call_attempts": 1}})
        self._numbers = 0

    def person(self, license_id: int, callee: Callee, **values: Any) -> Contact:
        """Add somebody who does that when called."""
        self._numbers += 1
        number = f"+1555{self._numbers + 3000:07}"
        self.voice.behaviour(number, callee)
        return self.gateway.contact(license_id, number, **values)

    def alert(self, *callees: Callee, **license_values: Any) -> tuple[int, list[Contact]]:
        """Post an alert for people who do that when called; return the event and them."""
        license_id = self.gateway.license(**({"handoff_number": OPERATOR} | license_values))
        people = [self.person(license_id, callee) for callee in callees]
        return self.gateway.post(self.gateway.source(license_id), title="Gate forced"), people

    def calls(self, event_id: int) -> list[dict[str, Any]]:
        return list(self.gateway.event(event_id)["calls"])

    def finished(self, event_id: int) -> None:
        """Wait until nothing is left to do, and assert that nothing unexpected happened."""

        def over() -> bool:
            with self.gateway.record.read() as work:
                return event_id not in work.events.unfinished_ids() and all(
                    call.ended_at is not None for call in work.calls.of_event(event_id)
                )

        until(over, 30, f"event {event_id} is finished\n{self.gateway.story(event_id)}")
        self.twilio.expect_nothing_more()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with FakeTwilio() as twilio:
        exchange = Exchange(tmp_path_factory.mktemp("exchange"), twilio)
        with exchange.gateway:
            yield exchange


def test_a_callee_who_presses_1_acknowledges_and_hears_so(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up("1"))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    event = exchange.gateway.expect_status(event_id, "acknowledged")
    assert (event["acknowledged_by"], event["acknowledged_via"]) == (ana.name, "dtmf")
    exchange.finished(event_id)
    assert call.hears(exchange.gateway.spoken("en", "menu"), exchange.gateway.spoken("en", "acknowledged"))
    (leg,) = exchange.calls(event_id)
    assert (leg["provider"], leg["trunk"], leg["outcome"], leg["digits"]) == ("twilio", "twilio", "acknowledged", "1")
    assert leg["billed_seconds"] >= 1
    assert leg["answered_at"] is not None
    assert call.status == "completed"
    assert {status for _, _, status in call.webhooks} == {200, 204}
