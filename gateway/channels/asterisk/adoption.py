"""What Asterisk knows of legs: its live channels, and what the dialplan kept in its database (AstDB).

The dialplan keeps, under ``tocsin/<call id>/``: ``dialled``, ``answered``, ``keys/<n>`` with ``pins/<n>``, ``machine``
and ``left``, ``operator/<...>`` and, written by a hangup handler for every leg, ``quality`` and ``ended``. The formats
stand in the head of extensions.conf; what an older dialplan wrote has no ``pins`` and none of what came later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.channels.asterisk.ami_events import (
    ChannelSeen,
    KeyReported,
    MachineReported,
    OperatorNoted,
    read_channel,
    read_digit,
    read_keys,
    read_operator,
    read_pin,
)
from gateway.channels.asterisk.ami_values import (
    DATABASE_FAMILY,
    checked_call_id,
    instant,
    integer,
    number,
    sha256,
    sip_call_id,
    sip_status,
    text,
)
from gateway.channels.asterisk.connection import AMIConnection
from gateway.channels.asterisk.quality import read_quality
from gateway.channels.asterisk.wire import AMITimeoutError
from gateway.model.call import CallQuality
from gateway.ports.phone import MESSAGE_LEFT

_FIRST_FINAL = 200
_HEARD = frozenset({180, 181, 182, 183})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRecord:
    """How a leg ended, in the hangup handler's words. ``rang`` tells how far the network had got."""

    at: datetime | None
    hangup_cause: int | None
    sip_cause: int | None
    rang: bool
    answered_at: datetime | None
    sip_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """What the database keeps of a leg; ``keys``, ``operators`` and ``machines`` in their order.

    ``audio_sha256`` and ``caller_id`` were noted with ``dialled``. A key with a PIN is among the keys until the
    gateway has answered it.
    """

    dialled: bool
    answered_at: datetime | None
    keys: tuple[KeyReported, ...]
    ended: EndRecord | None
    audio_sha256: str | None = None
    caller_id: str | None = None
    operators: tuple[OperatorNoted, ...] = ()
    machines: tuple[MachineReported, ...] = ()
    quality: CallQuality | None = None


async def live_channels(connection: AMIConnection) -> dict[str, ChannelSeen]:
    """Return our live channels by call. Raises as ``AMIConnection.list``."""
    answer = await connection.list("CoreShowChannels")
    if not answer.success:
        raise AMITimeoutError(f"the list of channels was refused: {answer.message}")
    seen = (read_channel(item) for item in answer.items)
    return {channel.call_id: channel for channel in seen if channel is not None}


async def leg_record(connection: AMIConnection, call_id: str) -> LegRecord:
    """Return what the database keeps of a leg. Raises as ``AMIConnection.list``."""
    return read_record(call_id, await _entries(connection, call_id))


async def erase_record(connection: AMIConnection, call_id: str) -> None:
    """Delete what the database keeps of a leg. Raises as ``AMIConnection.list``.

    The action DBDelTree would need the privilege ``system``, with which an AMI user can run programs on
    the server; the function DB_DELETE, set as a global variable, needs ``call``.
    """
    for key in await _entries(connection, call_id):
        name = f"{DATABASE_FAMILY}/{call_id}/{key}"
        await connection.act("Setvar", [("Variable", f"DB_DELETE({name})"), ("Value", "1")])


def read_record(call_id: str, entries: dict[str, str]) -> LegRecord:
    """Return the database's entries of a leg, by the part of their key behind its id, as a value."""
    keys = (_key(call_id, name, value, entries) for name, value in entries.items() if name.startswith("keys/"))
    operators = (_operator(call_id, value) for name, value in sorted(entries.items()) if name.startswith("operator/"))
    ended = entries.get("ended")
    _at, audio, caller_id, *_ = [*entries.get("dialled", "").split("|"), "", ""]
    return LegRecord(
        dialled="dialled" in entries,
        answered_at=instant(entries.get("answered", "")),
        keys=tuple(sorted((key for key in keys if key is not None), key=lambda key: key.sequence)),
        ended=None if ended is None else _end(ended),
        audio_sha256=sha256(audio),
        caller_id=number(caller_id),
        operators=tuple(noted for noted in operators if noted is not None),
        machines=tuple(_machines(call_id, entries)),
        quality=read_quality(entries.get("quality", "")),
    )


async def _entries(connection: AMIConnection, call_id: str) -> dict[str, str]:
    headers = [("Family", DATABASE_FAMILY), ("Key", checked_call_id(call_id))]
    answer = await connection.list("DBGetTree", headers)
    if not answer.success:
        raise AMITimeoutError(f"reading the database was refused: {answer.message}")
    prefix = f"/{DATABASE_FAMILY}/{call_id}/"
    return {
        text(item, "Key").removeprefix(prefix): text(item, "Val")
        for item in answer.items
        if text(item, "Key").startswith(prefix)
    }


def _key(call_id: str, name: str, value: str, entries: dict[str, str]) -> KeyReported | None:
    pressed, _, epoch = value.partition("|")
    sequence, digit = integer(name.removeprefix("keys/")), read_digit(pressed.removesuffix("p"))
    if not sequence or digit is None:
        return None
    pin = read_pin(entries.get(f"pins/{sequence}", ""))
    if pressed.endswith("p") and pin is None:
        # The gateway has answered it, which it does when it is on record, and the dialplan has deleted the PIN.
        return None
    return KeyReported(call_id, digit, sequence, instant(epoch), pin)


def _operator(call_id: str, value: str) -> OperatorNoted | None:
    state, at, trunk, seconds, *_ = [*value.split("|"), "", "", ""]
    return read_operator(call_id, state, at, trunk, seconds)


def _machines(call_id: str, entries: dict[str, str]) -> Iterator[MachineReported]:
    if "machine" in entries:
        at, reason, keys, *_ = [*entries["machine"].split("|"), "", ""]
        yield MachineReported(call_id, instant(at), reason, read_keys(keys))
    if "left" in entries:
        yield MachineReported(call_id, instant(entries["left"]), MESSAGE_LEFT)


def _end(value: str) -> EndRecord:
    # A Call-ID may hold the character that separates.
    fields = [*value.split("|", 5), "", "", "", "", ""]
    at, hangup_cause, technical, _seconds, answered_at, call_id, *_ = fields
    status = sip_status(technical)
    return EndRecord(
        at=instant(at),
        hangup_cause=integer(hangup_cause) or None,
        # The network's last word: a provisional one where we gave up before it had a final one.
        sip_cause=status if status is not None and status > _FIRST_FINAL else None,
        rang=status in _HEARD,
        answered_at=instant(answered_at),
        sip_call_id=sip_call_id(call_id),
    )
