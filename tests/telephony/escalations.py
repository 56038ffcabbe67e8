"""Escalations as the tests of faults see them: each is brought to a phase, and held to the same rules at the end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from tests.gateway import Answer
from tests.site import OPERATOR, OWNER_CHAT, Site
from tests.telephony.carrier import Behaviour, CarrierCall, answers
from tests.waiting import until

PRESSES_1 = answers(presses="1", after=0.5, stays=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Where an escalation stands when something breaks, and what becomes of it.

    ``people`` are the contacts, each with what they do at each of their calls; ``reached`` is the timeline entry, and
    its channel, with which the phase begins; ``notes`` lets the first contact have a voice note. ``outcomes`` are those
    of its calls in the end, and ``called`` says how many of them were dialled when the phase began.
    """

    people: Sequence[Sequence[Behaviour]]
    reached: tuple[str, str]
    called: int = 0
    outcomes: Sequence[str] = ("acknowledged",)
    policy: Mapping[str, object] = field(default_factory=dict)
    notes: bool = False
    taken_by: str = "dtmf"


class Escalation:
    """One alert of a license of its own. ``name`` is its title."""

    def __init__(self, site: Site, name: str, phase: Phase) -> None:
        self.site, self.name, self.phase = site, name, phase
        gateway = site.gateway
        license_id = gateway.license(
            name=name, owner_telegram=OWNER_CHAT, handoff_number=OPERATOR, policy=dict(phase.policy)
        )
        self.contacts = []
        for behaviours in phase.people:
            number = site.number()
            site.carrier.behaviour(number, *behaviours)
            self.contacts.append(gateway.contact(license_id, number))
        if phase.notes:
            assert site.twilio.inbound(self.contacts[0].whatsapp, "hello") == 200
        self.token = gateway.source(license_id)
        self.event_id = 0
        self.calls: list[CarrierCall] = []

    def post(self) -> Answer:
        """Post the alert, whatever the answer; the same each time."""
        body = {"title": self.name, "dedup_key": self.name}
        answer = self.site.gateway.http("POST", "/license/v1/alert/in", body, {"X-Alert-Token": self.token})
        if answer.status == 200:
            self.event_id = int(answer.body["event_id"])
        return answer

    def begin(self) -> Self:
        """Post the alert, which must be taken."""
        answer = self.post()
        assert answer.status == 200, answer
        return self

    def comes_to_its_phase(self) -> Sequence[str]:
        """Wait until the phase is reached; return whom messages were sent to by then, once for each."""
        reached = self.phase.reached
        until(lambda: reached in self._steps(), 20, f"{self.name}: {reached} is on record")
        first = self.contacts[0]
        self.calls = [self.site.carrier.expect_call(first.phone) for _ in range(self.phase.called)]
        return [first.whatsapp] * (2 if self.phase.notes else 1)

    def is_taken(self, timeout: float = 60) -> dict[str, Any]:
        """Wait until somebody has taken it, as its phase says."""
        event = self.site.gateway.expect_status(self.event_id, "acknowledged", timeout)
        assert event["acknowledged_via"] == self.phase.taken_by, self.name
        return event

    def was_done_once(self) -> None:
        """Hold that each attempt was dialled once and each message sent once, at most; and nothing but what is told."""
        event = self.site.gateway.event(self.event_id)
        story = f"{self.name}\n{self.site.gateway.story(self.event_id)}"
        assert [call["outcome"] for call in event["calls"]] == list(self.phase.outcomes), story
        for contact in self.contacts:
            rung = sum(call.number == contact.phone for call in self.site.carrier.invites)
            assert rung == sum(call["contact_id"] == contact.id for call in event["calls"]), story
        tried = Counter((a["contact_id"], a["channel"], a["number"]) for a in event["attempts"])
        assert max(tried.values()) == 1, story
        legs = Counter(entry["detail"]["attempt_id"] for entry in event["timeline"] if entry["type"] == "call_dialled")
        assert not legs or max(legs.values()) == 1, f"an attempt was dialled twice: {story}"
        for contact in self.contacts:
            messages = [m for m in self.site.twilio.sent if m.to == f"whatsapp:{contact.whatsapp}"]
            kinds = Counter("note" if m.media_url else m.shown for m in messages)
            assert not kinds or max(kinds.values()) == 1, f"a message was sent twice: {story}"

    def step_after(self, kind: str, following: str) -> tuple[datetime, datetime]:
        """Return when a step of that type was recorded, and when the next one of the other type was."""
        timeline = self.site.gateway.event(self.event_id)["timeline"]
        first = next(place for place, entry in enumerate(timeline) if entry["type"] == kind)
        then = next(entry for entry in timeline[first:] if entry["type"] == following)
        return _at(timeline[first]), _at(then)

    def _steps(self) -> set[tuple[str, str]]:
        return {(entry["type"], entry["channel"]) for entry in self.site.gateway.event(self.event_id)["timeline"]}


def expect_messages(site: Site, *numbers: str) -> None:
    """Expect one message for each of the numbers, in any order, and no other before them."""
    expected = Counter(f"whatsapp:{number}" for number in numbers)
    assert Counter(site.twilio.expect_message().to for _ in numbers) == expected


def _at(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])
