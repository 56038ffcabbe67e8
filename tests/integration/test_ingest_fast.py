"""Alerts that leave nothing to decide: they share transactions, and nothing is accepted on the strength of a memory."""

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.model.policy import Snapshot
from gateway.model.timeline import TimelineType
from gateway.ports.fast_intake import Declined, FastIntakeRecord, PlainEvent, SeenSource
from gateway.services.evidence import verify
from gateway.services.fast_intake import FastIntake
from gateway.services.tokens import hash_token
from gateway.store import SqlRecord, migrate, open_record
from tests.databases import PostgresCluster
from tests.records import an_entry
from tests.unit.web.installation import OTHER_TOKEN, TOKEN, TOKEN_HASH_KEY, Installation, open_event, post
from web import create_app


@dataclass
class Watched:
    """The record's fast way in, told of; ``gate`` closed, what comes waits and makes a group."""

    inner: FastIntakeRecord
    groups: list[list[int | Declined]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    before: Callable[[Sequence[PlainEvent]], None] = lambda _: None

    def __post_init__(self) -> None:
        self.gate.set()

    def seen(self, token_hash: bytes) -> SeenSource | None:
        return self.inner.seen(token_hash)

    def text_of(self, snapshot: Snapshot) -> str:
        return self.inner.text_of(snapshot)

    def open_events(self, events: Sequence[PlainEvent]) -> Sequence[int | Declined]:
        self.entered.set()
        assert self.gate.wait(60)
        self.before(events)
        outcomes = self.inner.open_events(events)
        self.groups.append(list(outcomes))
        return outcomes


class Fast:
    """An installation whose fast way is watched. Its license's chain has begun."""

    def __init__(self, record: SqlRecord) -> None:
        self.there = Installation(record, fast=True)
        self.there.change_license(policy={"events_per_minute": 50})
        self.watched = Watched(record.fast_intake())
        self.there.fast_intake = FastIntake(self.watched, config=self.there.config, wakeup=self.there.wakeup)
        self.app = self.there.app()
        self.client: FlaskClient = self.app.test_client()
        open_event(self.client, "the first")
        self.watched.groups.clear()

    def together(self, *bodies: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        """Post from as many threads, all of them after the first as one group."""
        self.watched.gate.clear()
        self.watched.entered.clear()
        writer = self.there.fast_intake._writer  # type: ignore[union-attr]
        with ThreadPoolExecutor(len(bodies)) as threads:

            def one(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
                token = body.pop("token", TOKEN)
                return post(self.app.test_client(), token, **body)

            answers = [threads.submit(one, bodies[0])]
            assert self.watched.entered.wait(60)
            answers += [threads.submit(one, body) for body in bodies[1:]]
            while len(writer._waiting) < len(bodies) - 1:
                pass
            self.watched.gate.set()
            return [each.result(60) for each in answers]


@pytest.fixture
def fast(record: SqlRecord) -> Fast:
    return Fast(record)


def opened(groups: list[list[int | Declined]]) -> int:
    return sum(not isinstance(outcome, Declined) for group in groups for outcome in group)


def test_a_plain_alert_is_recorded_as_any_other_is(fast: Fast) -> None:
    body = {
        "title": "Plate é王😀 “x”",
        "body": "b\n\t\\",
        "severity": "critical",
        "payload": {"a": [1, "\\u0000", None]},
    }
    quick = fast.there.event(open_event(fast.client, **body, dedup_key="quick"))
    assert opened(fast.watched.groups) == 1
    fast.there.fast_intake = None
    slow = fast.there.event(open_event(fast.there.client(), **body, dedup_key="slow"))
    assert replace(quick, id=slow.id, dedup_key="slow") == slow
    assert fast.there.timeline(quick.id) == [TimelineType.ACCEPTED]
    with fast.there.record.read() as work:
        both = [work.events.escalation(event.id) for event in (quick, slow)]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0].snapshot == both[1].snapshot
    assert [event_id for _, event_id in fast.there.signals()][1:] == [quick.id, slow.id]
    assert fast.there.wakeup.count == 3
    assert verify(fast.there.record, fast.there.license.id).holds


def test_alerts_at_one_moment_share_a_transaction_and_one_wake_up(fast: Fast) -> None:
    before = fast.there.wakeup.count
    answers = fast.together(*({"title": f"alert {n}"} for n in range(6)))
    assert {answer["status"] for _, answer in answers} == {"open"}
    assert len({answer["event_id"] for _, answer in answers}) == 6
    assert [len(group) for group in fast.watched.groups] == [1, 5]
    assert opened(fast.watched.groups) == 6
    assert fast.there.wakeup.count == before + 2
    assert verify(fast.there.record, fast.there.license.id).holds


def test_posts_of_one_key_in_one_group_are_one_event(fast: Fast) -> None:
    answers = fast.together({"title": "other"}, *({"title": "T", "dedup_key": "k"} for _ in range(6)))
    ids = {answer["event_id"] for _, answer in answers[1:]}
    assert len(ids) == 1
    assert sorted(bool(answer["deduplicated"]) for _, answer in answers[1:]) == [False] + [True] * 5
    assert fast.there.event(ids.pop()).repeat_count == 5


def test_a_group_does_not_go_over_the_rate(fast: Fast) -> None:
    fast.there.change_license(policy={"events_per_minute": 4})
    answers = fast.together(*({"title": f"alert {n}"} for n in range(8)))
    # One more was accepted before.
    assert sorted(str(answer["status"]) for _, answer in answers) == ["open"] * 3 + ["throttled"] * 5


def test_one_that_cannot_be_recorded_does_not_take_the_others_with_it(fast: Fast) -> None:
    def fail(events: Sequence[PlainEvent]) -> None:
        if any(event.title == "bad" for event in events):
            raise ValueError("a fault of this one alone")

    fast.watched.before = fail
    answers = fast.together({"title": "before"}, {"title": "good 1"}, {"title": "bad"}, {"title": "good 2"})
    assert [(status, answer["status"]) for status, answer in answers] == [(200, "open")] * 4
    assert sorted(event.title for event in fast.there.all_events()) == [
        "bad",
        "before",
        "good 1",
        "good 2",
        "the first",
    ]


def a_plain_event(fast: Fast, key: str) -> PlainEvent:
    """Return an event as the fast way gives it to the record, not recorded yet."""
    kept: list[PlainEvent] = []
    fast.watched.before = kept.extend
    open_event(fast.client, f"before {key}")
    fast.watched.before = lambda _: None
    return replace(kept[0], dedup_key=key)


def test_what_the_database_refuses_leaves_nothing_behind(fast: Fast, record: SqlRecord) -> None:
    class NoSeverity:
        value = "no severity"

    good = a_plain_event(fast, "good")
    bad = replace(good, dedup_key="bad", severity=NoSeverity())  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)constraint"):
        record.fast_intake().open_events([bad, good])
    assert not {event.dedup_key for event in fast.there.all_events()} & {"bad", "good"}
    assert isinstance(record.fast_intake().open_events([good])[0], int)
    assert verify(fast.there.record, fast.there.license.id).holds


def test_a_disabled_source_is_refused_at_its_next_post(fast: Fast) -> None:
    open_event(fast.client, "one")
    with fast.there.record.write() as work:
        work.sources.update(replace(fast.there.source, enabled=False))
        work.commit()
    status, answer = post(fast.client, title="two")
    assert (status, answer["error"]) == (403, "invalid_token")
    with fast.there.record.write() as work:
        work.sources.update(fast.there.source)
        work.commit()
    open_event(fast.client, "three")
    open_event(fast.client, "four")
    assert not isinstance(fast.watched.groups[-1][0], Declined)


def test_an_inactive_license_is_refused_at_the_next_post(fast: Fast) -> None:
    open_event(fast.client, "one")
    fast.there.change_license(active=False)
    status, answer = post(fast.client, title="two")
    assert (status, answer["error"]) == (403, "license_inactive")


@pytest.mark.parametrize("grace", [timedelta(0), timedelta(hours=1)])
def test_a_rotated_token_is_refused_at_the_next_post_unless_it_is_given_time(fast: Fast, grace: timedelta) -> None:
    open_event(fast.client, "one")
    with fast.there.record.write() as work:
        work.sources.replace_token(
            fast.there.source.id,
            token_hash=hash_token(OTHER_TOKEN, TOKEN_HASH_KEY),
            token_encrypted=None,
            former_until=fast.there.clock.now() + grace if grace else None,
        )
        work.commit()
    assert post(fast.client, title="by the former token")[0] == (200 if grace else 403)
    assert post(fast.client, OTHER_TOKEN, title="by the new one")[0] == 200
    fast.there.clock.advance(grace.total_seconds() + 1)
    assert post(fast.client, title="too late")[0] == 403


def test_what_was_edited_counts_from_the_next_alert_on(fast: Fast) -> None:
    def snapshot(title: str) -> Snapshot:
        with fast.there.record.read() as work:
            escalation = work.events.escalation(open_event(fast.client, title))
        assert escalation is not None
        return escalation.snapshot

    assert snapshot("one").contacts == ()
    ana = fast.there.add_contact("Ana")
    assert [contact.name for contact in snapshot("two").contacts] == ["Ana"]
    with fast.there.record.write() as work:
        work.contacts.update(replace(ana, name="Bea", phone="+15550177"))
        work.commit()
    assert [(contact.name, contact.phone) for contact in snapshot("three").contacts] == [("Bea", "+15550177")]
    fast.there.change_license(name="Another name", policy={"l1_wait": "7s", "events_per_minute": 50})
    assert snapshot("four").license_name == "Another name"
    assert snapshot("five").policy.l1_wait == timedelta(seconds=7)


def test_a_license_that_somebody_works_on_is_not_waited_for(postgresql_url: str) -> None:
    record = open_record(postgresql_url)
    fast = Fast(record)
    event = a_plain_event(fast, "k")
    with record.write() as work:
        work.licenses.lock(fast.there.license.id)
        assert record.fast_intake().open_events([event]) == [Declined.NOT_PLAIN]
    with record.write() as work:
        # Whoever appends to a timeline of the license holds the end of its chain until the commit.
        work.timeline.append(an_entry(fast.there.all_events()[-1].id))
        work._timeline.flush()
        assert record.fast_intake().open_events([event]) == [Declined.NOT_PLAIN]
    assert isinstance(record.fast_intake().open_events([event])[0], int)
    record.close()


def test_a_full_disk_is_unavailable_for_all_of_a_group(sqlite_url: str) -> None:
    record = open_record(sqlite_url)
    fast = Fast(record)
    connection = record.fast_intake()._connection  # type: ignore[attr-defined]
    assert connection is not None
    # SQLite's own bound on the size of the file raises the same error as a disk that is full.
    connection.execute("PRAGMA max_page_count = 1")
    bodies = [{"title": f"alert {number}", "body": "x" * 5000} for number in range(6)]
    with fast.there.record.read() as work:
        before = len(work.signals.pending(1000))
    answers = fast.together(*(dict(body) for body in bodies))
    # The bound is the connection's: it went with the first error, and those of the second group are taken.
    assert [status for status, _ in answers] == [503] + [200] * 5
    assert len(fast.there.signals()) == before + 5
    record.close()


def test_a_lost_server_is_unavailable_and_found_again() -> None:
    with PostgresCluster() as server:
        migrate(server.url())
        record = open_record(server.url())
        fast = Fast(record)
        for how in (signal.SIGINT, signal.SIGQUIT):
            server.stop(how)
            status, answer = post(fast.client, title=f"while it is away {how}")
            assert (status, answer["error"]) == (503, "unavailable")
            server.start()
            open_event(fast.client, f"when it is back {how}")
        assert isinstance(fast.watched.groups[-1][0], int)
        record.close()


def test_the_fast_way_and_the_other_make_one_event_of_one_key(fast: Fast) -> None:
    there = fast.there
    slow = replace(there.services, fast_intake=None)
    clients = [fast.app, create_app(slow)] * 8

    def one(number: int) -> int:
        return int(str(post(clients[number].test_client(), title="T", dedup_key=f"k{number // 8}")[1]["event_id"]))

    with ThreadPoolExecutor(16) as threads:
        ids = list(threads.map(one, range(16)))
    assert len(set(ids[:8])) == len(set(ids[8:])) == 1
    assert len(there.all_events()) == 3
    assert verify(there.record, there.license.id).holds
