"""AMI events as values with named fields. Raw messages do not travel beyond ``read_event``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.channels.asterisk.ami_values import (
    call_id_of,
    checked_call_id,
    instant,
    integer,
    sip_call_id,
    sip_status,
    text,
)

_RINGING = 5  # AST_STATE_RINGING and AST_STATE_UP of Asterisk's channelstate.h
_UP = 6
_DIGITS = frozenset("0123456789ABCD*#")


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel of ours exists. ``ringing`` and ``up`` tell its state."""

    call_id: str
    channel: str
    ringing: bool
    up: bool


@dataclass(frozen=True, slots=True)
class DialProgressed:
    """The network reports progress of a call: it rings, or plays its own tone (SIP 183)."""

    call_id: str


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
    """The dialplan took a key."""

    call_id: str
    digit: str
    sequence: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class AnswerReported:
    """The dialplan began to speak."""

    call_id: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SipCallReported:
    """The dialplan tells, at a leg's end and before its Hangup, under which Call-ID its INVITE went out."""

    call_id: str
    sip_call_id: str | None


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
    | SipCallReported
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
    return ChannelSeen(call_id, channel, ringing=state == _RINGING, up=state == _UP)


def read_digit(digit: str) -> str | None:
    """Return a DTMF digit, ``None`` for anything else."""
    return digit if digit in _DIGITS and digit else None


def _progress(ami_event: Mapping[str, object]) -> AMIEvent | None:
    call_id = call_id_of(text(ami_event, "DestUniqueid"))
    if call_id is None or text(ami_event, "DialStatus").upper() not in {"RINGING", "PROGRESS"}:
        return None
    return DialProgressed(call_id)


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
    at = instant(text(ami_event, "At"))
    if name == "TocsinAnswered":
        return AnswerReported(call_id, at)
    if name == "TocsinEnded":
        return SipCallReported(call_id, sip_call_id(text(ami_event, "SipCallId")))
    digit, sequence = read_digit(text(ami_event, "Digit")), integer(text(ami_event, "Sequence"))
    if name != "TocsinKey" or digit is None or not sequence:
        return None
    return KeyReported(call_id, digit, sequence, at)


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
