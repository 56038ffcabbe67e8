"""A real gateway whose only trunk is Twilio, and the people whom it calls."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.contact import Contact
from gateway.services.acknowledge import acknowledge
from gateway.store.wakeup import make_wakeup
from tests.clouds import FakeTwilio
from tests.clouds.twilio_callee import Callee
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
        self.gateway = Gateway(
            directory, {"twilio": section, "policy": dict(FAST) | {"call_attempts": 1, "ring_timeout": "30s"}}
        )
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

    def acknowledge(self, event_id: int) -> None:
        """Acknowledge an event as somebody else does, at another process."""
        acknowledge(
            self.gateway.record,
            event_ids=[event_id],
            contact_id=None,
            by="Dana",
            via=AcknowledgedVia.ADMIN,
            at=datetime.now(UTC),
        )
        make_wakeup(self.gateway.config.database_url).notify()

    def finished(self, event_id: int) -> None:
        """Wait until nothing is left to do, and assert that nothing unexpected happened."""

        def over() -> bool:
            with self.gateway.record.read() as work:
                return event_id not in work.events.unfinished_ids() and all(
                    call.ended_at is not None for call in work.calls.of_event(event_id)
                )

        until(over, 30, f"event {event_id} is finished\n{self.gateway.story(event_id)}")
        self.twilio.expect_nothing_more()
