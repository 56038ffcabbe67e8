"""The chain in both databases: nothing is lost, nothing can be changed unnoticed."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from gateway.model.chain import ChainHead, Tampering, canonical_entry, extend, genesis, link, microseconds
from gateway.ports.record import Record
from gateway.services import evidence
from gateway.services.evidence import Verification, export_event, export_license, verify
from gateway.store import open_record
from tests.integration.intruder import append, found, intrude, run, write
from tests.records import NOW, Tenant, add_event, add_tenant, an_entry

ENTRIES = 6


@pytest.fixture
def tenant(record: Record) -> Tenant:
    return add_tenant(record)


@pytest.fixture
def event_id(record: Record, tenant: Tenant) -> int:
    """Return an event with a timeline."""
    event_id = add_event(record, tenant.new_event())
    for number in range(ENTRIES):
        append(record, event_id, n=number)
    return event_id


@pytest.fixture
def intruder(database_url: str) -> Iterator[Connection]:
    """Return a connection of somebody who owns the database: triggers and constraints do not stop them."""
    with intrude(database_url) as connection:
        yield connection


def test_what_the_gateway_wrote_holds(record: Record, tenant: Tenant, event_id: int) -> None:
    verified = verify(record, tenant.license.id)
    assert verified.holds
    assert verified.head.index == ENTRIES
    with record.read() as work:
        entries = work.timeline.of_event(event_id)
    head = genesis(tenant.license.id)
    for entry in entries:
        head = extend(head, canonical_entry(entry))
        assert (entry.chain_index, entry.entry_hash) == (head.index, head.hash)
    assert head == verified.head


def test_a_license_without_entries_holds(record: Record, tenant: Tenant) -> None:
    assert verify(record, tenant.license.id) == Verification(
        license_id=tenant.license.id, head=genesis(tenant.license.id)
    )
    assert evidence.license_ids(record) == [tenant.license.id]


def test_each_license_has_a_chain_of_its_own(record: Record, tenant: Tenant, event_id: int) -> None:
    other = add_tenant(record, "Airport")
    others_event = add_event(record, other.new_event())
    with record.write() as work:
        for number, one in enumerate((others_event, event_id, others_event)):
            work.timeline.append(an_entry(one, n=number))
        work.commit()
    assert verify(record, tenant.license.id).head.index == ENTRIES + 1
    assert verify(record, other.license.id).head.index == 2
    assert all(verify(record, one).holds for one in evidence.license_ids(record))


def test_a_unit_of_work_sees_what_it_has_appended(record: Record, event_id: int) -> None:
    with record.write() as work:
        work.timeline.append(an_entry(event_id, n="new"))
        assert [entry.detail["n"] for entry in work.timeline.of_event(event_id)] == [*range(ENTRIES), "new"]
        work.commit()
        assert len(work.timeline.of_event(event_id)) == ENTRIES + 1


def test_work_that_is_given_up_leaves_no_gap(record: Record, tenant: Tenant, event_id: int) -> None:
    with record.write() as work:
        work.timeline.append(an_entry(event_id))
    # The database refuses it when the chain is locked already.
    with pytest.raises(IntegrityError):
        write(record, replace(an_entry(event_id), contact_id=4711))
    append(record, event_id, n="after")
    verified = verify(record, tenant.license.id)
    assert verified.holds
    assert verified.head.index == ENTRIES + 1


def test_an_entry_of_an_event_that_does_not_exist_is_refused(record: Record, tenant: Tenant) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        write(record, an_entry(4711))
    assert verify(record, tenant.license.id).head.index == 0


@pytest.mark.usefixtures("event_id")
def test_an_entry_that_is_not_the_next_is_refused_by_the_database(database_url: str) -> None:
    insert = text(
        "INSERT INTO timeline (event_id, at, type, detail, license_id, chain_index, entry_hash)"
        " SELECT event_id, at, type, detail, license_id, :index, entry_hash FROM timeline WHERE chain_index = 1"
    )
    engine = create_engine(database_url, poolclass=NullPool)
    for index in (ENTRIES + 2, 0, ENTRIES):
        with engine.connect() as connection, pytest.raises(IntegrityError):
            connection.execute(insert, {"index": index})


def test_twenty_writers_keep_one_chain_without_gaps(record: Record, tenant: Tenant) -> None:
    other = add_tenant(record, "Airport")
    mine = [add_event(record, tenant.new_event(str(number))) for number in range(4)]
    others = [add_event(record, other.new_event(str(number))) for number in range(4)]
    start = threading.Barrier(20)

    def write(number: int) -> None:
        start.wait(30)
        for turn in range(10):
            # Some lock an event first, and some write for both licenses, in either order.
            targets = [mine[number % 4], others[turn % 4]] if number % 2 else [others[turn % 4], mine[number % 4]]
            with record.write() as work:
                if turn % 2:
                    work.events.lock(targets[0])
                for target in targets:
                    work.timeline.append(an_entry(target, n=number, turn=turn))
                work.commit()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    for license_id in (tenant.license.id, other.license.id):
        verified = verify(record, license_id)
        assert verified.holds, verified.broken
        assert verified.head.index == 200


def test_a_chain_can_be_verified_while_it_grows(
    record: Record, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "_ENTRIES_AT_ONCE", 3)
    event_id = add_event(record, tenant.new_event())
    for number in range(10):
        append(record, event_id, n=number)
    told: list[int] = []

    def grow(count: int) -> None:
        told.append(count)
        if len(told) <= 3:
            append(record, event_id, n="later")

    verified = verify(record, tenant.license.id, progress=grow)
    assert verified.holds, verified.broken
    assert verified.head.index == 13
    assert told == [3, 6, 9, 12]


@pytest.mark.parametrize(
    "change",
    [
        "detail = '{\"n\": 9}'",
        "detail = 'no JSON'",
        "type = 'acknowledged'",
        "type = 'unheard_of'",
        "channel = 'phone'",
        "contact_id = (SELECT min(id) FROM contacts)",
        "at = (SELECT max(at) FROM timeline) + LATER",
        "event_id = (SELECT max(id) FROM events)",
        "entry_hash = (SELECT entry_hash FROM timeline WHERE chain_index = 1)",
    ],
)
@pytest.mark.usefixtures("event_id")
def test_a_changed_entry_is_found(record: Record, tenant: Tenant, intruder: Connection, change: str) -> None:
    add_event(record, tenant.new_event("other"))
    later = "interval '1 microsecond'" if intruder.dialect.name == "postgresql" else "1"
    run(intruder, f"UPDATE timeline SET {change.replace('LATER', later)} WHERE chain_index = 3")
    assert found(record, tenant.license.id) == (Tampering.CHANGED, 3)


def test_a_time_that_is_none_is_found(sqlite_url: str) -> None:
    record = open_record(sqlite_url)
    tenant = add_tenant(record)
    append(record, add_event(record, tenant.new_event()))
    with create_engine(sqlite_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("DROP TRIGGER timeline_refuses_update"))
        connection.execute(text("UPDATE timeline SET at = 'yesterday'"))
    assert found(record, tenant.license.id) == (Tampering.CHANGED, 1)
    record.close()


@pytest.mark.parametrize("index", [1, 3])
@pytest.mark.usefixtures("event_id")
def test_a_removed_entry_is_found(record: Record, tenant: Tenant, intruder: Connection, index: int) -> None:
    run(intruder, f"DELETE FROM timeline WHERE chain_index = {index}")
    assert found(record, tenant.license.id) == (Tampering.MISSING, index)
    run(intruder, f"UPDATE timeline SET chain_index = chain_index - 1 WHERE chain_index > {index}")
    assert found(record, tenant.license.id) == (Tampering.MISSING, index)


@pytest.mark.usefixtures("event_id")
def test_a_removed_end_is_found(record: Record, tenant: Tenant, intruder: Connection) -> None:
    run(intruder, "DELETE FROM timeline WHERE chain_index > 4")
    assert found(record, tenant.license.id) == (Tampering.MISSING, 5)
    run(intruder, "DELETE FROM timeline")
    assert found(record, tenant.license.id) == (Tampering.MISSING, 1)


@pytest.mark.usefixtures("event_id")
def test_an_added_entry_is_found(record: Record, tenant: Tenant, intruder: Connection) -> None:
    add = (
        "INSERT INTO timeline (id, event_id, at, type, detail, license_id, chain_index, entry_hash)"
        " SELECT 999, event_id, at, type, '{}', license_id, 3, entry_hash FROM timeline WHERE chain_index = 3"
    )
    run(intruder, add)
    assert found(record, tenant.license.id) == (Tampering.ADDED, 3)
    run(intruder, "UPDATE timeline SET chain_index = chain_index + 1 WHERE chain_index > 3 OR id = 999")
    assert found(record, tenant.license.id) == (Tampering.ADDED, 4)


@pytest.mark.usefixtures("event_id")
def test_an_entry_added_between_two_pages_is_found(
    record: Record, tenant: Tenant, intruder: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "_ENTRIES_AT_ONCE", 3)
    run(
        intruder,
        "INSERT INTO timeline (id, event_id, at, type, detail, license_id, chain_index, entry_hash)"
        " SELECT 999, event_id, at, type, '{}', license_id, 3, entry_hash FROM timeline WHERE chain_index = 3",
    )
    assert found(record, tenant.license.id) == (Tampering.ADDED, 3)


def test_an_entry_added_to_the_end_is_found(
    record: Record, tenant: Tenant, event_id: int, intruder: Connection
) -> None:
    head = verify(record, tenant.license.id).head
    forged = replace(an_entry(event_id), at=NOW)
    intruder.execute(
        text(
            "INSERT INTO timeline (id, event_id, at, type, detail, license_id, chain_index, entry_hash)"
            " SELECT 999, event_id, at, 'accepted', '{}', license_id, chain_index + 1, :hash"
            f" FROM timeline WHERE chain_index = {ENTRIES}"
        ),
        {"hash": link(head.hash, canonical_entry(forged))},
    )
    intruder.commit()
    assert found(record, tenant.license.id) == (Tampering.ADDED, ENTRIES + 1)


@pytest.mark.usefixtures("event_id")
def test_entries_that_changed_places_are_found(record: Record, tenant: Tenant, intruder: Connection) -> None:
    run(intruder, "UPDATE timeline SET chain_index = 7 - chain_index WHERE chain_index IN (2, 5)")
    assert found(record, tenant.license.id) == (Tampering.REORDERED, 2)


@pytest.mark.usefixtures("event_id")
def test_a_head_that_was_changed_or_removed_is_found(record: Record, tenant: Tenant, intruder: Connection) -> None:
    run(intruder, "UPDATE chain_heads SET last_index = last_index - 1")
    assert found(record, tenant.license.id) == (Tampering.ADDED, ENTRIES)
    run(intruder, "DELETE FROM chain_heads")
    assert found(record, tenant.license.id) == (Tampering.MISSING, ENTRIES)


def test_a_chain_that_was_written_anew_is_found_by_an_earlier_head(
    record: Record, tenant: Tenant, event_id: int, database_url: str
) -> None:
    noted = verify(record, tenant.license.id).head
    earlier = replace(noted, index=3, hash=entry_hash(record, event_id, 3))
    append(record, event_id, n="later")
    assert verify(record, tenant.license.id, expected=noted).anchored
    assert verify(record, tenant.license.id, expected=earlier).anchored
    with record.read() as work:
        entries = work.timeline.of_event(event_id)
    head = genesis(tenant.license.id)
    with intrude(database_url) as intruder:
        for entry in entries:
            head = extend(head, canonical_entry(replace(entry, detail={"n": "forged"})))
            intruder.execute(
                text("UPDATE timeline SET detail = :detail, entry_hash = :hash WHERE chain_index = :index"),
                {"detail": json.dumps({"n": "forged"}), "hash": head.hash, "index": head.index},
            )
        intruder.execute(text("UPDATE chain_heads SET last_hash = :hash"), {"hash": head.hash})
        intruder.commit()
    assert verify(record, tenant.license.id).holds
    for anchor in (noted, earlier):
        verified = verify(record, tenant.license.id, expected=anchor)
        assert (verified.broken, verified.anchored, verified.holds) == (None, False, False)


def entry_hash(record: Record, event_id: int, index: int) -> bytes:
    with record.read() as work:
        return next(one.entry_hash for one in work.timeline.of_event(event_id) if one.chain_index == index)


def test_an_event_is_exported_with_all_that_belongs_to_it(record: Record, tenant: Tenant, event_id: int) -> None:
    exported = export_event(record, event_id)
    assert exported is not None
    assert export_event(record, 4711) is None
    head = genesis(tenant.license.id)
    for entry in exported["timeline"]:
        # By the document alone, as somebody else would do it.
        at = microseconds(datetime.fromisoformat(entry["at"]))
        values = [entry["event_id"], at, entry["type"], entry["contact_id"], entry["channel"], entry["detail"]]
        head = extend(head, json.dumps(values, separators=(",", ":"), sort_keys=True))
        assert (entry["chain_index"], entry["entry_hash"]) == (head.index, head.hash.hex())
    assert len(exported["timeline"]) == ENTRIES


def test_a_license_is_exported_by_pages_and_times(
    record: Record, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "_EVENTS_AT_ONCE", 2)
    hours = [NOW + timedelta(hours=number) for number in range(5)]
    made = [add_event(record, tenant.new_event(str(at), created_at=at)) for at in hours]
    other = add_tenant(record, "Airport")
    add_event(record, other.new_event())

    def ids(**limits: datetime) -> list[int]:
        return [event["id"] for event in export_license(record, tenant.license.id, **limits)]

    assert ids() == made
    assert ids(since=hours[1], until=hours[4]) == made[1:4]


@pytest.mark.usefixtures("event_id")
def test_an_expected_head_beyond_the_end_is_not_found(record: Record, tenant: Tenant) -> None:
    beyond = ChainHead(license_id=tenant.license.id, index=ENTRIES + 1, hash=b"\x00" * 32)
    assert verify(record, tenant.license.id, expected=beyond).anchored is False
