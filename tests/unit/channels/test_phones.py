"""Our own trunks and Twilio's as one phone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.channels.phones import Phones
from gateway.ports.phone import ASTERISK, TWILIO, CallOrder, provider_of


@dataclass
class FakePhone:
    """Keeps what it is asked."""

    node: str
    usable: tuple[str, ...]
    asked: list[tuple[str, object]] = field(default_factory=list)

    def trunks(self) -> Sequence[str]:
        return self.usable

    def node_of(self, trunk: str) -> str:
        if trunk not in self.usable:
            raise KeyError(trunk)
        return self.node

    def place(self, order: CallOrder) -> None:
        self.asked.append(("place", order.call_id))

    def hang_up(self, call_id: str) -> None:
        self.asked.append(("hang_up", call_id))

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        self.asked.append(("say", (call_id, sound)))

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        self.asked.append(("refuse_pin", (call_id, again)))

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        self.asked.append(("look_up", (node, tuple(call_ids))))

    def forget(self, call_id: str) -> None:
        self.asked.append(("forget", call_id))


def order(call_id: str, trunk: str) -> CallOrder:
    return CallOrder(
        call_id=call_id,
        trunk=trunk,
        to_number="+15550123",
        ring_timeout=timedelta(seconds=3),
        language="en",
        announcement=Path("said.wav"),
        prompts={},
    )


@pytest.fixture
def own() -> FakePhone:
    return FakePhone("pbx1", ("first", "second"))


@pytest.fixture
def twilio() -> FakePhone:
    return FakePhone("twilio", ("twilio",))


@pytest.fixture
def phones(own: FakePhone, twilio: FakePhone) -> Phones:
    return Phones(own=own, twilio=twilio)


def test_twilios_trunk_is_the_last(phones: Phones, own: FakePhone) -> None:
    assert phones.trunks() == ["first", "second", "twilio"]
    own.usable = ()
    assert phones.trunks() == ["twilio"]


def test_trunks_tell_their_node_and_their_provider(phones: Phones) -> None:
    assert [phones.node_of(trunk) for trunk in phones.trunks()] == ["pbx1", "pbx1", "twilio"]
    assert [provider_of(trunk) for trunk in phones.trunks()] == [ASTERISK, ASTERISK, TWILIO]
    with pytest.raises(KeyError):
        phones.node_of("third")


def test_a_leg_is_the_affair_of_the_phone_that_carries_it(phones: Phones, own: FakePhone, twilio: FakePhone) -> None:
    phones.place(order("a", "first"))
    phones.place(order("b", "twilio"))
    for call_id in ("a", "b"):
        phones.say_and_hang_up(call_id, Path("over.wav"))
        phones.hang_up(call_id)
        phones.forget(call_id)
    for phone, call_id in ((own, "a"), (twilio, "b")):
        assert phone.asked == [
            ("place", call_id),
            ("say", (call_id, Path("over.wav"))),
            ("hang_up", call_id),
            ("forget", call_id),
        ]


def test_a_leg_of_an_earlier_life_is_known_by_its_node(phones: Phones, own: FakePhone, twilio: FakePhone) -> None:
    phones.look_up("twilio", ["b"])
    phones.look_up("pbx1", ["a"])
    phones.hang_up("b")
    assert twilio.asked == [("look_up", ("twilio", ("b",))), ("hang_up", "b")]
    assert own.asked == [("look_up", ("pbx1", ("a",)))]


def test_of_a_leg_that_nobody_has_placed_both_are_asked(phones: Phones, own: FakePhone, twilio: FakePhone) -> None:
    phones.hang_up("c")
    phones.forget("c")
    assert own.asked == twilio.asked == [("hang_up", "c"), ("forget", "c")]
