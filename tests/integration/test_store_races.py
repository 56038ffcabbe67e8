"""What must hold when many write at once, on both databases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.model.acknowledgement import AcknowledgedVia, Acknowledgement
from gateway.model.attempt import AttemptState
from gateway.model.event import EventStatus
from gateway.ports.record import Record
from tests.records import NOW, a_license, add_event, add_tenant
from tests.waiting import until

T = TypeVar("T")


def at_once(count: int, action: Callable[[int], T]) -> list[T]:
    """Return the results of ``count`` threads that start together."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait(60)
        return action(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_of_fifty_who_close_an_event_one_is_told_that_it_moved(record: Record) -> None:
    event_id = add_event(record, add_tenant(record).new_event())

    def close(number: int) -> bool:
        with record.write() as work:
            moved = work.events.close(
                event_id,
                status=EventStatus.ACKNOWLEDGED,
                at=NOW,
                from_statuses={EventStatus.OPEN, EventStatus.EXHAUSTED},
                by=str(number),
                via=AcknowledgedVia.LINK,
            )
            work.commit()
        return moved

    moved = at_once(50, close)
    assert moved.count(True) == 1
    with record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    assert event.acknowledged_by == str(moved.index(True))


def test_two_first_acknowledgements_of_one_event_are_impossible(record: Record) -> None:
    event_id = add_event(record, add_tenant(record).new_event())
    first = Acknowledgement(event_id=event_id, contact_id=None, by="a", via=AcknowledgedVia.API, at=NOW, first=True)

    def add(number: int) -> bool:
        try:
            with record.write() as work:
                work.acknowledgements.add(replace(first, by=str(number)))
                work.commit()
        except IntegrityError:
            return False
        return True

    assert at_once(8, add).count(True) == 1


@pytest.mark.parametrize("owner", [False, True])
def test_all_who_make_a_link_at_once_get_the_same(record: Record, owner: bool) -> None:
    tenant = add_tenant(record)
    event_id = add_event(record, tenant.new_event())
    contact_id = None if owner else tenant.contacts[0].id

    def add(_: int) -> int:
        with record.write() as work:
            link = work.acknowledgements.add_link(event_id, contact_id, NOW)
            work.commit()
        return link.id

    assert len(set(at_once(20, add))) == 1


def test_no_repeat_is_lost(record: Record) -> None:
    event_id = add_event(record, add_tenant(record).new_event())

    def repeat(_: int) -> None:
        with record.write() as work:
            work.events.count_repeat(event_id)
            work.commit()

    at_once(20, repeat)
    with record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    assert event.repeat_count == 20


def test_posts_of_one_key_make_one_event_under_the_licenses_lock(record: Record) -> None:
    tenant = add_tenant(record)

    def post(_: int) -> int:
        with record.write() as work:
            work.licenses.lock(tenant.license.id)
            duplicate = work.events.find_duplicate(tenant.source.id, "plate-1234", NOW)
            event_id = duplicate.id if duplicate else work.events.add(tenant.new_event())
            work.commit()
        return event_id

    assert len(set(at_once(20, post))) == 1


def test_an_attempt_begins_before_the_acknowledgement_or_not_at_all(record: Record) -> None:
    tenant = add_tenant(record)
    event_ids = [add_event(record, tenant.new_event(str(n))) for n in range(10)]

    def begin(event_id: int) -> bool:
        with record.write() as work:
            if work.events.lock(event_id) is not EventStatus.OPEN:
                return False
            work.attempts.add(tenant.attempt(event_id))
            work.commit()
        return True

    def acknowledge(event_id: int) -> int:
        with record.write() as work:
            work.events.lock(event_id)
            work.events.close(event_id, status=EventStatus.ACKNOWLEDGED, at=NOW, from_statuses={EventStatus.OPEN})
            seen = len(work.attempts.of_event(event_id))
            work.commit()
        return seen

    results = at_once(20, lambda n: acknowledge(event_ids[n // 2]) if n % 2 else begin(event_ids[n // 2]))
    for began, seen in zip(results[::2], results[1::2], strict=True):
        assert began == (seen == 1)


def test_a_report_that_comes_with_the_result_is_not_overwritten(record: Record) -> None:
    tenant = add_tenant(record)
    event_id = add_event(record, tenant.new_event())
    with record.write() as work:
        attempt_id = work.attempts.add(tenant.attempt(event_id)).id
        work.commit()
    looked = threading.Event()

    def report_failure() -> None:
        with record.write() as work:
            attempt = work.attempts.get(attempt_id)
            assert attempt is not None
            looked.set()
            work.attempts.update(replace(attempt, state=AttemptState.FAILED))
            work.commit()

    def record_result() -> AttemptState:
        looked.wait(60)
        with record.write() as work:
            attempt = work.attempts.get(attempt_id)
            assert attempt is not None
            return attempt.state

    with ThreadPoolExecutor(2) as pool:
        result, report = pool.submit(record_result), pool.submit(report_failure)
        report.result()
        assert result.result() is AttemptState.FAILED


def test_a_reader_waits_for_no_writer_and_sees_nothing_unfinished(record: Record) -> None:
    add_tenant(record)
    with record.write() as writing:
        writing.licenses.add(a_license("New"))
        with record.read() as reading:
            assert [each.name for each in reading.licenses.list()] == ["Harbour Parking"]
        writing.commit()
    with record.read() as reading:
        assert [each.name for each in reading.licenses.list()] == ["Harbour Parking", "New"]


def test_a_reader_sees_the_database_as_it_was_at_one_moment(record: Record) -> None:
    add_tenant(record)
    with record.read() as reading:
        before = list(reading.licenses.list())
        add_tenant(record, "New")
        assert list(reading.licenses.list()) == before


def test_a_reader_cannot_write(record: Record) -> None:
    with pytest.raises(Exception, match=r"read-?only"), record.read() as work:
        work.licenses.add(a_license())
    with record.write() as work:
        work.licenses.add(a_license())
        work.commit()


def test_writers_in_one_process_all_come_to_their_turn(record: Record) -> None:
    done: list[int] = []

    def write(number: int) -> None:
        with record.write() as work:
            work.licenses.add(a_license(str(number)))
            work.commit()
        done.append(number)

    at_once(30, write)
    until(lambda: len(done) == 30, 5, "not all writers have written")
    with record.read() as work:
        assert {each.name for each in work.licenses.list()} == {str(number) for number in range(30)}
