"""The wire alone, fed byte by byte."""

import asyncio
from unittest.mock import create_autospec

from gateway.channels.asterisk.ami_values import text
from gateway.channels.asterisk.wire import AMIMessage, AMITimeoutError, AMIWire


class Listener:
    def __init__(self) -> None:
        self.events: list[AMIMessage] = []
        self.losses: list[str] = []

    def ami_event(self, ami_message: AMIMessage) -> None:
        self.events.append(ami_message)
        if text(ami_message, "Event") == "Fail":
            raise RuntimeError("the listener failed, as the test asked")

    def wire_lost(self, wire: AMIWire, reason: str) -> None:
        del wire
        self.losses.append(reason)


def connected(listener: Listener) -> tuple[AMIWire, asyncio.Transport]:
    wire, transport = AMIWire(listener), create_autospec(asyncio.Transport, instance=True)
    transport.is_closing.return_value = False
    wire.connection_made(transport)
    return wire, transport


def test_bytes_that_come_one_by_one_lose_no_character() -> None:
    async def feed() -> list[AMIMessage]:
        listener = Listener()
        wire, _ = connected(listener)
        stream = "Asterisk Call Manager/11.0.0\r\nEvent: One\r\nName: Zoë\r\n\r\nEvent: Two\r\nName: 电话\r\n\r\n"
        for byte in stream.encode():
            wire.data_received(bytes([byte]))
        assert not listener.losses
        return listener.events

    events = asyncio.run(feed())
    assert [(text(event, "Event"), text(event, "Name")) for event in events] == [("One", "Zoë"), ("Two", "电话")]


def test_failure_over_one_event_does_not_cost_the_rest_of_the_read() -> None:
    async def feed() -> list[AMIMessage]:
        listener = Listener()
        wire, _ = connected(listener)
        wire.data_received(b"Asterisk Call Manager/11.0.0\r\nEvent: Fail\r\n\r\nEvent: Next\r\n\r\n")
        assert not listener.losses
        return listener.events

    assert [text(event, "Event") for event in asyncio.run(feed())] == ["Fail", "Next"]


def test_unanswered_action_leaves_nothing_behind_and_a_loss_ends_it_once() -> None:
    async def ask() -> None:
        listener = Listener()
        wire, transport = connected(listener)
        try:
            await wire.request("Originate", [("Async", "true")], limit=0.01)
        except AMITimeoutError:
            pass
        else:
            raise AssertionError("an answer came from nowhere")
        assert not wire.responses
        wire.drop("enough")
        wire.connection_lost(None)
        assert listener.losses == ["enough"]
        transport.abort.assert_called_once()  # type: ignore[attr-defined]
        transport.close.assert_not_called()  # type: ignore[attr-defined]

    asyncio.run(ask())
