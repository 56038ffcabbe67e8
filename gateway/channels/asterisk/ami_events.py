"""AMI events as values with named fields. Raw messages do not travel beyond ``read_event``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.channels.asterisk.ami_values import (
    call_id_of,
    checked_call_id,
    instant,
    integer,
    sip_call_id,
    sip_status,
    text,
)
from gateway.channels.asterisk.quality import read_quality
from gateway.model.call import CallQuality
from gateway.ports.phone import OperatorState

_RINGING = 5  # AST_STATE_RINGING and AST_STATE_UP of Asterisk's channelstate.h
_UP = 6
_DIGITS = frozenset("0123456789ABCD*#")
_SECONDS = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel of ours exists. ``ringing`` and ``up`` tell its state, ``at`` since when, by Asterisk's clock."""

    call_id: str
    channel: str
    ringing: bool
    up: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DialProgressed:
    """The network reports progress of a call: it rings, or plays its own tone (SIP 183)."""

    call_id: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OriginateReported:
    """An originate is through: answered or not.

    ``call_id`` alone is not enough to know whose report it is: a refused second originate of a
    ``ChannelId`` carries the unique id of the first one's live channel.
    """

    action_id: str
    call_id: str
    answered: bool


@dataclass(frozen=True, slots=True)
class ChannelHungUp:
    """A channel of ours is gone. ``sip_cause`` is Asterisk 22's ``TechCause``."""

    call_id: str
    hangup_cause: int | None
    sip_cause: int | None


@dataclass(frozen=True, slots=True)
class KeyReported:
    """The dialplan took a key, with the PIN behind it where one was wanted."""

    call_id: str
    digit: str
    sequence: int
    at: datetime | None
    pin: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AnswerReported:
    """The dialplan began to speak."""

    call_id: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class MachineReported:
    """The dialplan takes what answered for a machine, or has left the message on it."""

    call_id: str
    at: datetime | None
    reason: str
    keys: str = ""


@dataclass(frozen=True, slots=True)
class MessageUnspoken:
    """The dialplan did not find a call's sounds, and has played tones instead."""

    call_id: str


@dataclass(frozen=True, slots=True)
class OperatorNoted:
    """The dialplan tells how it stands with the operator, who is called through ``trunk``."""

    call_id: str
    state: OperatorState
    at: datetime | None
    trunk: str | None
    talked: timedelta


@dataclass(frozen=True, slots=True)
class EndReported:
    """The dialplan tells, at a leg's end and before its Hangup, under which Call-ID its INVITE went out, its cause, and
    what was measured of its audio.
    """  # noqa: D205 (one sentence of meaning is longer than a line)

    call_id: str
    sip_call_id: str | None
    hangup_cause: int | None = None
    quality: CallQuality | None = None


@dataclass(frozen=True, slots=True)
class ContactSeen:
    """The address of a trunk's carrier has been asked whether it is there; ``status`` is Asterisk's word, in small."""

    trunk: str
    status: str


@dataclass(frozen=True, slots=True)
class RegistrySeen:
    """A registration of ours at some carrier has changed."""


@dataclass(frozen=True, slots=True)
class ShuttingDown:
    """Asterisk ends."""


@dataclass(frozen=True, slots=True)
class FullyBooted:
    """Asterisk has loaded all its modules."""


AMIEvent = (
    ChannelSeen
    | DialProgressed
    | OriginateReported
    | ChannelHungUp
    | KeyReported
    | AnswerReported
    | MachineReported
    | MessageUnspoken
    | OperatorNoted
    | EndReported
    | ContactSeen
    | RegistrySeen
    | ShuttingDown
    | FullyBooted
)


def read_event(ami_event: Mapping[str, object]) -> AMIEvent | None:
    """Return the event as a value, ``None`` where it is not about a call of ours or makes no sense."""
    reader = _READERS.get(text(ami_event, "Event").lower())
    return reader(ami_event) if reader else None


def read_channel(ami_event: Mapping[str, object]) -> ChannelSeen | None:
    """Return a channel of ours from an event with a channel's snapshot."""
    call_id, channel = call_id_of(text(ami_event, "Uniqueid")), text(ami_event, "Channel")
    if call_id is None or not channel:
        return None
    state = integer(text(ami_event, "ChannelState"))
    at = instant(text(ami_event, "Timestamp"))
    return ChannelSeen(call_id, channel, ringing=state == _RINGING, up=state == _UP, at=at)


def read_digit(digit: str) -> str | None:
    """Return a DTMF digit, ``None`` for anything else."""
    return digit if digit in _DIGITS and digit else None


def read_pin(entry: str) -> str | None:
    """Return the digits of an entered PIN, which stand behind a ``p``; ``None`` where there is no entry."""
    return entry[1:] if entry.startswith("p") and _DIGITS.issuperset(entry[1:]) else None


def read_keys(keys: str) -> str:
    """Return DTMF digits, and nothing for anything else."""
    return keys if _DIGITS.issuperset(keys) else ""


def read_operator(call_id: str, state: str, at: str, trunk: str, seconds: str) -> OperatorNoted | None:
    """Return what the dialplan tells of the operator; ``None`` for a state that is none."""
    try:
        known = OperatorState(state)
    except ValueError:
        return None
    talked = timedelta(seconds=float(seconds)) if _SECONDS.fullmatch(seconds) else timedelta()
    return OperatorNoted(call_id, known, instant(at), trunk or None, talked)


def _progress(ami_event: Mapping[str, object]) -> AMIEvent | None:
    call_id = call_id_of(text(ami_event, "DestUniqueid"))
    if call_id is None or text(ami_event, "DialStatus").upper() not in {"RINGING", "PROGRESS"}:
        return None
    return DialProgressed(call_id, instant(text(ami_event, "Timestamp")))


def _originate_response(ami_event: Mapping[str, object]) -> AMIEvent | None:
    call_id = call_id_of(text(ami_event, "Uniqueid"))
    if call_id is None:
        return None
    return OriginateReported(text(ami_event, "ActionID"), call_id, answered=text(ami_event, "Response") == "Success")


def _hangup(ami_event: Mapping[str, object]) -> AMIEvent | None:
    call_id = call_id_of(text(ami_event, "Uniqueid"))
    if call_id is None:
        return None
    return ChannelHungUp(call_id, integer(text(ami_event, "Cause")) or None, sip_status(text(ami_event, "TechCause")))


def _user_event(ami_event: Mapping[str, object]) -> AMIEvent | None:
    call_id, name = text(ami_event, "CallId"), text(ami_event, "UserEvent")
    try:
        checked_call_id(call_id)
    except ValueError:
        return None
    reader = _USER_EVENTS.get(name)
    return reader(call_id, {header: text(ami_event, header) for header in _TOLD}) if reader else None


def _key(call_id: str, told: Mapping[str, str]) -> AMIEvent | None:
    digit, sequence = read_digit(told["Digit"]), integer(told["Sequence"])
    if digit is None or not sequence:
        return None
    return KeyReported(call_id, digit, sequence, instant(told["At"]), read_pin(told["Pin"]))


def _end(call_id: str, told: Mapping[str, str]) -> AMIEvent:
    cause = integer(told["Cause"]) or None
    return EndReported(call_id, sip_call_id(told["SipCallId"]), cause, read_quality(told["Quality"]))


# What the dialplan's user events tell.
_TOLD = (
    *("At", "Digit", "Sequence", "Pin", "Reason", "Keys", "State", "Trunk", "Seconds"),
    *("SipCallId", "Cause", "Quality"),
)
_USER_EVENTS: dict[str, Callable[[str, Mapping[str, str]], AMIEvent | None]] = {
    "TocsinAnswered": lambda call_id, told: AnswerReported(call_id, instant(told["At"])),
    "TocsinKey": _key,
    "TocsinMachine": lambda call_id, told: MachineReported(
        call_id, instant(told["At"]), told["Reason"], read_keys(told["Keys"])
    ),
    "TocsinOperator": lambda call_id, told: read_operator(
        call_id, told["State"], told["At"], told["Trunk"], told["Seconds"]
    ),
    "TocsinUnspoken": lambda call_id, _: MessageUnspoken(call_id),
    "TocsinEnded": _end,
}
_READERS: dict[str, Callable[[Mapping[str, object]], AMIEvent | None]] = {
    "newchannel": read_channel,
    "newstate": read_channel,
    "dialstate": _progress,
    "originateresponse": _originate_response,
    "hangup": _hangup,
    "userevent": _user_event,
    "contactstatus": lambda ami_event: ContactSeen(text(ami_event, "AOR"), text(ami_event, "ContactStatus").lower()),
    "registry": lambda _: RegistrySeen(),
    "shutdown": lambda _: ShuttingDown(),
    "fullybooted": lambda _: FullyBooted(),
}
