"""The chain of hashes: its format, and what each kind of tampering looks like."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.chain import (
    Break,
    ChainedEntry,
    ChainHead,
    Tampering,
    at_microseconds,
    canonical_entry,
    diagnose,
    diagnose_end,
    extend,
    genesis,
    head_at,
    holds,
    link,
    microseconds,
)
from gateway.model.timeline import TimelineEntry, TimelineType

AT = datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=UTC)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
ENTRIES = st.builds(
    TimelineEntry,
    event_id=st.integers(1, 2**63 - 1),
    at=st.datetimes(timezones=st.just(UTC)),
    type=st.sampled_from(TimelineType),
    contact_id=st.none() | st.integers(1, 2**63 - 1),
    channel=st.none() | st.sampled_from(["phone", "whatsapp_text"]),
    detail=st.dictionaries(st.text(), JSON_VALUES, max_size=4),
)


def an_entry(**changes: Any) -> TimelineEntry:
    entry = TimelineEntry(
        event_id=7,
        at=AT,
        type=TimelineType.KEY_PRESSED,
        contact_id=None,
        channel="phone",
        detail={"digit": "1", "by": "Núñez 🚗", "share": 0.1},
    )
    return replace(entry, **changes)


def chain_of(entries: Sequence[TimelineEntry], license_id: int = 3) -> list[ChainedEntry]:
    head, chained = genesis(license_id), []
    for row, entry in enumerate(entries, 101):
        head = extend(head, canonical_entry(entry))
        chained.append(
            ChainedEntry(
                license_id=license_id,
                index=head.index,
                hash=head.hash,
                canonical=canonical_entry(entry),
                event_id=entry.event_id,
                entry_id=row,
            )
        )
    return chained


def first_break(chain: Sequence[ChainedEntry], *, noted: ChainHead) -> Break | None:
    """Walk a chain as the verification does."""
    last = genesis(noted.license_id)
    for place, found in enumerate(chain):
        if not holds(last, found):
            length = max(one.index for one in chain)
            return diagnose(last, found, chain[place + 1 :], length=length, noted=noted.index)
        last = head_at(found)
    return diagnose_end(last, noted)


@pytest.fixture
def chain() -> list[ChainedEntry]:
    return chain_of([an_entry(detail={"n": number}) for number in range(6)])


def test_the_format_is_the_documented_one() -> None:
    detail = r'{"by":"N\u00fa\u00f1ez \ud83d\ude97","digit":"1","share":0.1}'
    text = f'[7,1774745999123456,"key_pressed",null,"phone",{detail}]'
    assert canonical_entry(an_entry()) == text
    before = hashlib.sha256(b"tocsin timeline 1 license 3").digest()
    head = extend(genesis(3), text)
    assert head == ChainHead(license_id=3, index=1, hash=hashlib.sha256(before + text.encode()).digest())
    # A fixed value, so that no later version can give old entries other hashes.
    assert head.hash.hex() == "dc1a8dbe150bf3b2fad40d539a21d8f858fb96c00e6dbfbea17c7275a51fe70d"


@given(ENTRIES)
def test_what_is_stored_and_read_back_has_the_same_text(entry: TimelineEntry) -> None:
    text = canonical_entry(entry)
    assert text.isascii()
    assert canonical_entry(replace(entry, detail=json.loads(json.dumps(entry.detail)))) == text
    assert canonical_entry(replace(entry, at=entry.at.astimezone(timezone(timedelta(hours=-7))))) == text
    assert canonical_entry(replace(entry, detail=dict(reversed(entry.detail.items())))) == text


@given(ENTRIES, ENTRIES)
def test_different_entries_have_different_hashes(one: TimelineEntry, other: TimelineEntry) -> None:
    before = genesis(1).hash
    same = (one.event_id, one.at, one.type, one.contact_id, one.channel, json.dumps(one.detail, sort_keys=True)) == (
        *(other.event_id, other.at, other.type, other.contact_id, other.channel),
        json.dumps(other.detail, sort_keys=True),
    )
    assert (link(before, canonical_entry(one)) == link(before, canonical_entry(other))) is same


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_counted_in_whole_microseconds(at: datetime) -> None:
    assert at_microseconds(microseconds(at)) == at


@given(st.lists(ENTRIES, max_size=8))
def test_a_chain_that_nobody_touched_holds(entries: list[TimelineEntry]) -> None:
    chain = chain_of(entries)
    noted = head_at(chain[-1]) if chain else genesis(3)
    assert first_break(chain, noted=noted) is None


@given(st.lists(ENTRIES, min_size=1, max_size=8), st.data())
def test_every_change_of_an_entry_is_found_at_its_place(entries: list[TimelineEntry], data: st.DataObject) -> None:
    chain = chain_of(entries)
    place = data.draw(st.integers(0, len(chain) - 1))
    entry = data.draw(ENTRIES.filter(lambda one: canonical_entry(one) != chain[place].canonical))
    noted = head_at(chain[-1])
    chain[place] = replace(chain[place], canonical=canonical_entry(entry))
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert broken.index == place + 1


def test_a_changed_entry_is_named(chain: list[ChainedEntry]) -> None:
    noted = head_at(chain[-1])
    chain[3] = replace(chain[3], canonical=chain[3].canonical.replace("3", "4"))
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert (broken.kind, broken.index, broken.entry_id) == (Tampering.CHANGED, 4, 104)


def test_an_entry_that_makes_no_sense_is_changed(chain: list[ChainedEntry]) -> None:
    noted = head_at(chain[-1])
    chain[3] = replace(chain[3], canonical="", hash=link(chain[2].hash, ""))
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert (broken.kind, broken.index) == (Tampering.CHANGED, 4)


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("place", [0, 3])
def test_a_removed_entry_is_missing(chain: list[ChainedEntry], place: int, renumbered: bool) -> None:
    noted = head_at(chain[-1])
    del chain[place]
    if renumbered:
        chain = [replace(one, index=index) for index, one in enumerate(chain, 1)]
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert (broken.kind, broken.index) == (Tampering.MISSING, place + 1)


def test_a_removed_end_is_missing(chain: list[ChainedEntry]) -> None:
    broken = first_break(chain[:4], noted=head_at(chain[-1]))
    assert broken is not None
    assert (broken.kind, broken.index) == (Tampering.MISSING, 5)


@pytest.mark.parametrize("place", [0, 3])
def test_an_inserted_entry_is_added(chain: list[ChainedEntry], place: int) -> None:
    noted = head_at(chain[-1])
    forged = canonical_entry(an_entry(detail={"forged": True}))
    before = chain[place - 1].hash if place else genesis(3).hash
    false = replace(chain[0], canonical=forged, hash=hashlib.sha256(before).digest(), entry_id=999)
    chain = [replace(one, index=index) for index, one in enumerate([*chain[:place], false, *chain[place:]], 1)]
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert (broken.kind, broken.index, broken.entry_id) == (Tampering.ADDED, place + 1, 999)


def test_an_entry_with_a_fitting_hash_at_the_end_is_added(chain: list[ChainedEntry]) -> None:
    broken = first_break(chain, noted=head_at(chain[3]))
    assert broken is not None
    assert (broken.kind, broken.index) == (Tampering.ADDED, 5)


def test_a_second_entry_at_one_place_is_added(chain: list[ChainedEntry]) -> None:
    noted = head_at(chain[-1])
    chain.insert(3, replace(chain[2], canonical=canonical_entry(an_entry()), entry_id=999))
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert (broken.kind, broken.index, broken.entry_id) == (Tampering.ADDED, 3, 999)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, 4), (0, 5)])
def test_entries_that_changed_places_are_reordered(chain: list[ChainedEntry], one: int, other: int) -> None:
    noted = head_at(chain[-1])
    chain[one], chain[other] = replace(chain[other], index=one + 1), replace(chain[one], index=other + 1)
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert broken.index == one + 1
    assert broken.kind is Tampering.REORDERED


def test_a_chain_without_the_note_of_its_end_is_not_whole(chain: list[ChainedEntry]) -> None:
    assert diagnose_end(genesis(3), None) is None
    broken = diagnose_end(head_at(chain[-1]), None)
    assert broken is not None
    assert broken.kind is Tampering.MISSING


def test_a_last_entry_that_was_written_anew_is_changed(chain: list[ChainedEntry]) -> None:
    noted = head_at(chain[-1])
    forged = canonical_entry(an_entry())
    chain[-1] = replace(chain[-1], canonical=forged, hash=link(chain[-2].hash, forged))
    broken = first_break(chain, noted=noted)
    assert broken is not None
    assert (broken.kind, broken.index) == (Tampering.CHANGED, 6)


def test_chains_of_two_licenses_differ_from_their_first_entry() -> None:
    assert chain_of([an_entry()], 1)[0].hash != chain_of([an_entry()], 2)[0].hash
