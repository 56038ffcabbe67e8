"""Proof of what happened: whether the chains hold, and the whole of an event in one document."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.model.chain import (
    Break,
    ChainedEntry,
    ChainHead,
    diagnose,
    diagnose_end,
    genesis,
    head_at,
    holds,
)
from gateway.ports.record import Record
from gateway.services.iso import iso, iso_microseconds
from gateway.services.queries import show_event

_ENTRIES_AT_ONCE = 1000
_EVENTS_AT_ONCE = 200

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found of one license's chain. ``head`` is the last entry that holds: all up to it is as it was written.

    ``anchored``: the earlier head that was expected is part of the chain; ``None`` where none was expected.
    """

    license_id: int
    head: ChainHead
    broken: Break | None = None
    anchored: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the chain."""
        return self.broken is None and self.anchored is not False


def verify(
    record: Record, license_id: int, *, expected: ChainHead | None = None, progress: Progress | None = None
) -> Verification:
    """Walk a license's chain from its first entry to its last, or to the first that does not hold.

    ``expected`` is a head that was noted earlier and kept elsewhere: with it, a chain that was written
    anew from some entry on is found out, though all its hashes fit. ``progress`` is told now and then how many entries
    were looked at. Memory does not grow with the chain, and each page is a transaction of its own, so that writers
    go on meanwhile. Raises ``RecordUnavailableError``.
    """
    last, after = genesis(license_id), None
    anchored = None if expected is None else False
    while True:
        with record.read() as work:
            page = work.evidence.chain(license_id, after=after, limit=_ENTRIES_AT_ONCE)
            head = work.evidence.chain_head(license_id)
        for place, found in enumerate(page):
            if not holds(last, found):
                broken = _diagnosis(record, last, page[place:])
                return Verification(license_id=license_id, head=last, broken=broken, anchored=anchored)
            last = head_at(found)
            if last == expected:
                anchored = True
        if len(page) < _ENTRIES_AT_ONCE:
            return Verification(license_id=license_id, head=last, broken=diagnose_end(last, head), anchored=anchored)
        after = page[-1]
        if progress is not None:
            progress(last.index)


def license_ids(record: Record) -> list[int]:
    """Return the ids of all licenses."""
    with record.read() as work:
        return [license_.id for license_ in work.licenses.list()]


def export_event(record: Record, event_id: int) -> dict[str, Any] | None:
    """Return an event with all acknowledgements, its attempts, calls and timeline with hashes; ``None`` for an unknown.

    Times on the timeline have microseconds, so that the hashes can be computed anew from the document alone.
    """
    shown = show_event(record, event_id)
    if shown is None:
        return None
    with record.read() as work:
        acknowledged = work.evidence.acknowledgements(event_id)
        entries = work.timeline.of_event(event_id)
    shown["acknowledgements"] = [
        {
            "contact_id": one.contact_id,
            "acknowledged_by": one.by,
            "via": one.via.value,
            "acknowledged_at": iso(one.at),
            "first": one.first,
        }
        for one in acknowledged
    ]
    shown["timeline"] = [
        {
            "chain_index": entry.chain_index,
            "entry_hash": entry.entry_hash.hex(),
            "event_id": entry.event_id,
            "at": iso_microseconds(entry.at),
            "type": entry.type.value,
            "contact_id": entry.contact_id,
            "channel": entry.channel,
            "detail": entry.detail,
        }
        for entry in entries
    ]
    return shown


def export_license(
    record: Record, license_id: int, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the license's events as ``export_event`` gives them, by id: made from ``since`` on and before ``until``."""
    last = 0
    while True:
        with record.read() as work:
            page = work.evidence.event_ids(license_id, since=since, until=until, after=last, limit=_EVENTS_AT_ONCE)
        for event_id in page:
            exported = export_event(record, event_id)
            if exported is not None:
                yield exported
        if len(page) < _EVENTS_AT_ONCE:
            return
        last = page[-1]


def _diagnosis(record: Record, last: ChainHead, rest: Sequence[ChainedEntry]) -> Break:
    found, *ahead = rest
    with record.read() as work:
        more = work.evidence.chain(last.license_id, after=rest[-1], limit=_ENTRIES_AT_ONCE)
        head = work.evidence.chain_head(last.license_id)
        length = work.evidence.chain_length(last.license_id)
    return diagnose(last, found, [*ahead, *more], length=length, noted=head.index if head else length)
