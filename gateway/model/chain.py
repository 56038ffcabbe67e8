r"""The hash chain of a license's timeline.

The entries of one license form a chain: they are counted from 1, and the hash of each covers the hash of the one
before it, so that an entry cannot be changed, removed, added or moved without every later hash being wrong.

The format, version 1, in words that another program can follow:

* The hash before the first entry is the SHA-256 (FIPS 180-4) of the ASCII text ``tocsin timeline 1 license <id>``.
* An entry's hash is the SHA-256 of the 32 bytes of the hash before, followed by the entry's canonical text.
* The canonical text is a JSON array (RFC 8259) of six values: the event's id, the time in whole microseconds since
  1970-01-01 UTC, the type, the contact's id or ``null``, the channel or ``null``, the detail.
* The JSON has no spaces; every object's keys are sorted by code point; every character beyond ASCII is written as its
  UTF-16 escape in lower case (``\u00f1``); a fraction is written as the shortest decimal that reads back the same.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.model.timeline import TimelineEntry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# To make an encoder costs more than to use it.
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedEntry:
    """An entry at its place in its license's chain, as it stands in the database: anything in it may be wrong.

    ``canonical`` is its canonical text, empty where what stands there makes no sense. ``entry_id`` is the row's id.
    """

    license_id: int
    index: int
    hash: bytes
    canonical: str
    event_id: int
    entry_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """How far a license's chain has come: the number of entries, and the last one's hash."""

    license_id: int
    index: int
    hash: bytes


class Tampering(StrEnum):
    """What was done to a chain, as far as what is left tells."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first place at which a chain does not hold.

    ``event_id`` and ``entry_id`` are those of the entry that was found there, ``None`` where there is none.
    """

    kind: Tampering
    index: int
    reason: str
    event_id: int | None = None
    entry_id: int | None = None


def genesis(license_id: int) -> ChainHead:
    """Return the head of a license's chain that has no entries yet."""
    text = f"tocsin timeline 1 license {license_id}"
    return ChainHead(license_id=license_id, index=0, hash=hashlib.sha256(text.encode("ascii")).digest())


def microseconds(at: datetime) -> int:
    """Return a time as it stands in the canonical text."""
    return (at - _EPOCH) // _MICROSECOND


def at_microseconds(count: int) -> datetime:
    """Return the time that ``microseconds`` counted."""
    return _EPOCH + count * _MICROSECOND


def canonical_text(
    *, event_id: int, at: int, kind: str, contact_id: int | None, channel: str | None, detail: Mapping[str, object]
) -> str:
    """Return the text that an entry's hash covers, ASCII only. ``at`` is in microseconds.

    Raises ``TypeError`` or ``ValueError`` where the detail holds what JSON cannot.
    """
    return _encode([event_id, at, kind, contact_id, channel, detail])


def canonical_entry(entry: TimelineEntry) -> str:
    """Return the text that the hash of this entry covers. Raises as ``canonical_text``."""
    return canonical_text(
        event_id=entry.event_id,
        at=microseconds(entry.at),
        kind=entry.type.value,
        contact_id=entry.contact_id,
        channel=entry.channel,
        detail=entry.detail,
    )


def link(before: bytes, canonical: str) -> bytes:
    """Return the hash of the entry with this canonical text, given the hash before it."""
    return hashlib.sha256(before + canonical.encode("ascii")).digest()


def extend(head: ChainHead, canonical: str) -> ChainHead:
    """Return how a chain stands after one more entry."""
    return ChainHead(license_id=head.license_id, index=head.index + 1, hash=link(head.hash, canonical))


def head_at(entry: ChainedEntry) -> ChainHead:
    """Return how the chain stood when this entry was its last."""
    return ChainHead(license_id=entry.license_id, index=entry.index, hash=entry.hash)


def holds(last: ChainHead, found: ChainedEntry) -> bool:
    """Tell whether an entry is the one that follows: its place and its hash are right."""
    return found.index == last.index + 1 and _follows(last.hash, found)


def diagnose(last: ChainHead, found: ChainedEntry, ahead: Sequence[ChainedEntry], *, length: int, noted: int) -> Break:
    """Return what was done to a chain at the first entry that does not hold.

    ``last`` is the entry before it, ``ahead`` are some that come next, ``length`` is the index of the last entry there
    is, ``noted`` the index of the last one that was written.
    """
    index = last.index + 1
    if found.index <= last.index:
        return _break(Tampering.ADDED, found.index, "the place is taken twice", found)
    if _follows(last.hash, found):
        return _break(Tampering.CHANGED, index, f"the entry is numbered {found.index} instead of {index}", found)
    if found.index > index:
        return Break(kind=Tampering.MISSING, index=index, reason=f"the next entry is number {found.index}")
    return _misplaced(last, found, ahead) or _unfitting(index, found, lost=noted - length)


def _misplaced(last: ChainHead, found: ChainedEntry, ahead: Sequence[ChainedEntry]) -> Break | None:
    rightful = next((one for one in ahead if _follows(last.hash, one)), None)
    if rightful is None:
        return None
    if any(_follows(one.hash, found) for one in ahead):
        reason = f"the entry that belongs here is number {rightful.index}"
        return _break(Tampering.REORDERED, last.index + 1, reason, found)
    return _break(Tampering.ADDED, last.index + 1, "the entry was not written by the gateway", found)


def _unfitting(index: int, found: ChainedEntry, *, lost: int) -> Break:
    if lost > 0:
        reason = f"entries are gone ({lost}), and the rest was numbered anew"
        return Break(kind=Tampering.MISSING, index=index, reason=reason)
    return _break(Tampering.CHANGED, index, "its hash does not fit it and the entry before it", found)


def diagnose_end(last: ChainHead, head: ChainHead | None) -> Break | None:
    """Return what is wrong at the end of a chain whose entries all hold, ``None`` where nothing is.

    ``last`` is the last entry that was found, ``head`` what was noted when the last one was written.
    """
    if head is None:
        if last.index == 0:
            return None
        return Break(kind=Tampering.MISSING, index=last.index, reason="the note of the chain's end is gone")
    if last.index < head.index:
        reason = f"the last {head.index - last.index} of {head.index} entries are gone"
        return Break(kind=Tampering.MISSING, index=last.index + 1, reason=reason)
    if last.index > head.index:
        reason = f"the chain had {head.index} entries when it was last written"
        return Break(kind=Tampering.ADDED, index=head.index + 1, reason=reason)
    if last.hash != head.hash:
        reason = "the last entry is not the one that was noted when it was written"
        return Break(kind=Tampering.CHANGED, index=last.index, reason=reason)
    return None


def _follows(before: bytes, found: ChainedEntry) -> bool:
    return found.canonical != "" and found.hash == link(before, found.canonical)


def _break(kind: Tampering, index: int, reason: str, found: ChainedEntry) -> Break:
    return Break(kind=kind, index=index, reason=reason, event_id=found.event_id, entry_id=found.entry_id)
