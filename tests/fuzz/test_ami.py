"""Whatever comes over a manager connection: what is whole arrives, however it is split, and nothing raises."""

import asyncio
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.asterisk.ami_events import read_event
from gateway.channels.asterisk.ami_values import text
from gateway.channels.asterisk.wire import AMIMessage, AMIWire
from tests.fuzz.effort import examples

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
MARKER = b"Event: UserEvent\r\nUserEvent: TocsinKey\r\nCallId: last\r\nDigit: 1\r\nSequence: 1\r\n\r\n"
HEADERS = [
    *("Event", "UserEvent", "ActionID", "Response", "CallId", "Uniqueid", "DestUniqueid", "Channel", "ChannelState"),
    *("Timestamp", "DialStatus", "Cause", "TechCause", "At", "Digit", "Sequence", "Pin", "Reason", "Keys", "State"),
    *("Trunk", "Seconds", "SipCallId", "Quality", "AOR", "ContactStatus", "EventList", "Message", "Output", "Variable"),
]
NAMES = [
    *("Newchannel", "Newstate", "DialState", "OriginateResponse", "Hangup", "UserEvent", "ContactStatus", "Registry"),
    *("Shutdown", "FullyBooted", "TocsinAnswered", "TocsinKey", "TocsinMachine", "TocsinOperator", "TocsinUnspoken"),
    *("TocsinEnded", "tocsin-a1", "a1", "Success", "Error", "Follows", "start", "complete", "RINGING", "ended", "busy"),
    *("6", "5", "1", "0", "-1", "99999999999.999999999", "\u0663", "SIP 486 Busy Here", "p12#", "", " ", "\u00b2"),
]
# As a peer could write them: no line breaks, which would begin another line.
words = st.sampled_from([name.encode() for name in NAMES]) | (
    st.binary(max_size=30).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b""))
)
lines = st.one_of(
    st.tuples(st.sampled_from([name.encode() for name in HEADERS]), words).map(b": ".join),
    st.tuples(st.sampled_from([b"Event", b"CallId", b"Uniqueid"]), words).map(b":".join),
    words,
    st.integers(1, 3000).map(lambda length: b"Channel: " + b"x" * length),
)
messages = st.lists(lines, max_size=10).map(lambda held: b"".join(line + b"\r\n" for line in held) + b"\r\n")


# Unique ids of channels that are not ours, some of them made to look like it.
strangers = st.sampled_from(
    [
        *("1700000000.1", "", "tocsin", "tocsin-", "Tocsin-abc", " tocsin-abc", "tocsin-abc ", "x-tocsin-abc"),
        *("tocsin-abc;2", "tocsin-a/b", "tocsin-\u0663", "tocsin-" + "a" * 65, "tocsin--abc", "tocsin_abc"),
    ]
)
CHANNEL_EVENTS = ["Newchannel", "Newstate", "Hangup", "OriginateResponse", "DialState"]


class Listener:
    """What the gateway does with an event, as far as reading goes."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.events: list[str] = []
        self.faults: list[Exception] = []
        self.losses: list[str] = []

    def ami_event(self, ami_message: AMIMessage) -> None:
        self.events.append(repr(sorted(ami_message.items(), key=repr)))
        try:
            read_event(ami_message)
        except Exception as fault:
            self.faults.append(fault)
            raise
        if text(ami_message, "UserEvent") == "TocsinKey":
            self.keys.append(text(ami_message, "CallId"))

    def wire_lost(self, wire: AMIWire, reason: str) -> None:
        del wire
        self.losses.append(reason)


def heard(*pieces: bytes) -> Listener:
    """Return what is heard of a connection on which these pieces come."""

    async def feed() -> Listener:
        listener = Listener()
        wire, transport = AMIWire(listener), create_autospec(asyncio.Transport, instance=True)
        transport.is_closing.return_value = False
        wire.connection_made(transport)
        for piece in pieces:
            wire.data_received(piece)
        return listener

    return asyncio.run(feed())


@examples(150)
@given(st.lists(messages, max_size=5))
def test_any_message_is_read_or_passed_over_and_the_next_one_is_heard(came: list[bytes]) -> None:
    listener = heard(GREETING, *came, MARKER)
    assert (listener.faults, listener.losses, listener.keys[-1:]) == ([], [], ["last"])


@examples(60)
@given(st.lists(messages, max_size=3), st.data())
def test_where_a_read_ends_changes_nothing(came: list[bytes], data: st.DataObject) -> None:
    stream = GREETING + b"".join(came) + MARKER
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole, split, bytewise = heard(stream), heard(*pieces), heard(*(bytes([byte]) for byte in stream))
    assert whole.events == split.events == bytewise.events
    assert whole.losses == split.losses == bytewise.losses == []


@examples(60)
@given(st.lists(messages, max_size=3), st.integers(0, 5000))
def test_what_is_cut_off_is_not_heard_and_no_fault(came: list[bytes], missing: int) -> None:
    stream = MARKER + b"".join(came) + MARKER
    cut = len(stream) - missing % len(MARKER) - 1
    listener = heard(GREETING, stream[:cut])
    assert (listener.faults, listener.losses, listener.keys[0]) == ([], [], "last")
    assert len(listener.events) < len(heard(GREETING, stream).events)


@examples(60)
@given(st.binary(max_size=200))
def test_peer_that_speaks_something_else_is_left_or_waited_for(said: bytes) -> None:
    listener = heard(said)
    assert listener.events == []
    assert len(listener.losses) <= 1
    assert listener.losses or GREETING.startswith(said[: len(GREETING)]) or said.startswith(b"Asterisk Call Manager/")


@examples(30)
@given(
    st.integers(1 << 16, 1 << 18), st.integers(1 << 12, 1 << 16), st.sampled_from([b"Channel: ", b"", b"Variable: a="])
)
def test_line_of_many_kilobytes_is_outlived_and_the_next_message_is_heard(
    length: int, read: int, header: bytes
) -> None:
    stream = b"Event: Newchannel\r\n" + header + b"x" * length + b"\r\n\r\n" + MARKER
    listener = heard(GREETING, *(stream[at : at + read] for at in range(0, len(stream), read)))
    assert (listener.faults, listener.losses, listener.keys) == ([], [], ["last"])


def test_message_of_thousands_of_headers_is_outlived_and_the_next_one_is_heard() -> None:
    for line in (b"Variable: a=1\r\n", b"Channel: x\r\n", b"x\r\n", b": \r\n"):
        listener = heard(GREETING, b"Event: Newchannel\r\n" + line * 5000 + b"\r\n", MARKER)
        assert (listener.faults, listener.losses, listener.keys) == ([], [], ["last"])


@pytest.mark.parametrize("said", [GREETING, b"Asterisk Call Manager/"])
def test_peer_that_never_comes_to_an_end_is_left(said: bytes) -> None:
    endless = [b"x" * (1 << 16)] * 40
    listener = heard(said, *endless)
    assert listener.losses == ["an endless message came"]
    assert listener.events == []


@examples(100)
@given(strangers, st.sampled_from(CHANNEL_EVENTS))
def test_no_event_about_a_strangers_channel_is_about_a_call(unique_id: str, event: str) -> None:
    told = {"Event": event, "Channel": "PJSIP/carrier-tocsin-abc", "ActionID": "tocsin-abc", "CallId": "abc"}
    told |= {"ChannelState": "6", "DialStatus": "RINGING", "Response": "Success", "Cause": "16"}
    told |= {"Linkedid": "tocsin-abc", "AccountCode": "tocsin-abc", "Uniqueid": unique_id, "DestUniqueid": unique_id}
    assert read_event(told) is None
