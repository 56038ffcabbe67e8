"""Acknowledgements of one alert by every way at one moment: one is first, and all are told the same."""

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text

from gateway.app.bootstrap import link_url
from gateway.app.engine import Engine
from gateway.app.secrets import load_secrets
from gateway.config.loader import load
from gateway.model.attempt import AttemptState, Level
from gateway.model.policy import Policy
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, SignalKind
from gateway.services import evidence
from gateway.store import open_record
from tests.integration.ack_racers import PROVIDER_ID, WAYS, Alerts, Racers, Told
from tests.integration.test_engine import MemoryChannel
from tests.records import a_contact, a_snapshot, add_tenant
from tests.waiting import until

ROUNDS = 30
LONGEST_DELAY = 0.03
# Who acknowledges by which way, and under which name of the way.
NAMES = {"link": "Ana", "key": "Ben", "reply": "Cem", "admin": "Dana", "api": "Eve", "command": "Finn"}
MEANS = {"link": "link", "key": "dtmf", "reply": "reply", "admin": "admin", "api": "api", "command": "admin"}
SILENT = "Gus"


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    with Racers() as racers:
        yield racers


class Arena:
    """A license with four people who are told of every alert, and an engine that stands them down."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self.file = directory / "tocsin.yaml"
        settings: Mapping[str, Any] = {
            "var_dir": str(directory / "var"),
            "database_url": database_url,
            "web": {"public_url": "https://alerts.example.com"},
            "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "a token", "whatsapp_from": "+14155238886"},
        }
        self.file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.config = load(self.file, {})
        self.link_url = link_url(self.config, load_secrets(self.config))
        self.record: Record = open_record(database_url)
        self.tenant = add_tenant(self.record)
        with self.record.write() as work:
            self.people = {
                name: work.contacts.add(replace(a_contact(self.tenant.license.id, place), name=name), pin_hash=None)
                for place, name in enumerate(("Ana", "Ben", "Cem", SILENT), start=3)
            }
            work.commit()
        self.channel = MemoryChannel()

    def alert(self) -> Alerts:
        """Record two alerts that everybody was told of, and a call in progress that announces both."""
        now = datetime.now(UTC)
        snapshot = replace(a_snapshot(*self.people.values()), policy=Policy(l1_wait=timedelta(hours=1)))
        with self.record.write() as work:
            event_ids, announced = [], []
            for _ in range(2):
                event = replace(self.tenant.new_event(created_at=now), snapshot=snapshot)
                event_ids.append(work.events.add(event))
                for contact in self.people.values():
                    told = replace(
                        self.tenant.attempt(event_ids[-1]),
                        contact_id=contact.id,
                        state=AttemptState.SENT,
                        began_at=now,
                        ended_at=now,
                        deadline_at=None,
                    )
                    told = work.attempts.add(told)
                    if contact.name == "Cem":
                        work.attempts.set_provider_id(told.id, "twilio", PROVIDER_ID.format(event_id=event_ids[-1]))
                call = replace(
                    self.tenant.attempt(event_ids[-1], Level.CALL), contact_id=self.people["Ben"].id, deadline_at=None
                )
                announced.append(work.attempts.add(call).id)
            leg = replace(self.tenant.call(), contact_id=self.people["Ben"].id, started_at=now)
            work.calls.add(leg)
            work.calls.tie(leg.id, announced)
            link = work.acknowledgements.add_link(event_ids[0], self.people["Ana"].id, now + timedelta(days=1))
            for event_id in event_ids:
                work.signals.add(SignalKind.EVENT_OPENED, event_id)
            work.commit()
        return Alerts(
            first=event_ids[0],
            second=event_ids[1],
            link=self.link_url(link.id).removeprefix(self.config.web.public_url),
            call_id=leg.id,
            number=self.people["Cem"].whatsapp,
        )

    def is_finished(self, event_id: int) -> bool:
        with self.record.read() as work:
            return event_id not in work.events.unfinished_ids()

    def close(self) -> None:
        self.record.close()  # type: ignore[attr-defined]


@pytest.fixture
def arena(database_url: str, tmp_path: Path) -> Iterator[Arena]:
    arena = Arena(database_url, tmp_path)
    channels = dict.fromkeys((Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN, Level.OWNER), arena.channel)
    engine = Engine(arena.config, channels=channels)
    with ExitStack() as stack:
        stack.callback(arena.close)
        engine.start()
        stack.callback(engine.stop)
        yield arena


def test_of_all_who_acknowledge_at_once_one_is_first_and_the_others_are_told_who(arena: Arena, racers: Racers) -> None:
    racers.sit_down(arena.file)
    choice = random.Random(1)
    winners = set()
    for turn in range(ROUNDS):
        alerts = arena.alert()
        # Half of the rounds begin at one instant; in the others each way has its chance to be the quickest.
        delays = {way: choice.uniform(0, LONGEST_DELAY) for way in WAYS} if turn % 2 else {}
        told = racers.race(alerts, delays)
        for event_id, ways in ((alerts.first, set(WAYS)), (alerts.second, {"key", "admin", "api"})):
            winners.add(check_told(arena, event_id, ways, told))
            until(lambda event_id=event_id: arena.is_finished(event_id), 20, f"event {event_id} is finished")
            check_record(arena, event_id, ways)
    assert len(winners) >= 3, f"only {winners} were ever first: this is no race"
    check_stand_downs(arena)
    assert evidence.verify(arena.record, arena.tenant.license.id).holds
    assert deadlocks(arena.config.database_url) == 0


def check_told(arena: Arena, event_id: int, ways: set[str], told: Mapping[str, list[Told]]) -> str:
    """Return the way that was first."""
    answers = {way: each for way in ways for each in told[way] if each.event_id == event_id}
    assert answers.keys() == ways
    (winner,) = [way for way, each in answers.items() if each.mine]
    assert {each.by for each in answers.values()} == {NAMES[winner]}
    assert {each.via for each in answers.values()} - {None} <= {MEANS[winner]}
    with arena.record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    assert (event.acknowledged_by, event.acknowledged_via) == (NAMES[winner], MEANS[winner])
    return winner


def check_record(arena: Arena, event_id: int, ways: set[str]) -> None:
    with arena.record.read() as work:
        entries = work.timeline.of_event(event_id)
        acknowledgements = work.evidence.acknowledgements(event_id)
        event = work.events.get(event_id)
    assert event is not None
    (first,) = [entry for entry in entries if entry.type is TimelineType.ACKNOWLEDGED]
    assert first.detail == {"by": event.acknowledged_by, "via": event.acknowledged_via}
    again = [entry.detail for entry in entries if entry.type is TimelineType.ACKNOWLEDGED_AGAIN]
    assert {each["already_by"] for each in again} == {event.acknowledged_by}
    assert sorted([first.detail["by"], *(each["by"] for each in again)]) == sorted(NAMES[way] for way in ways)
    assert [each.by for each in acknowledgements if each.first] == [event.acknowledged_by]
    assert not [entry for entry in entries if entry.type is TimelineType.ENGINE_FAULT]


def check_stand_downs(arena: Arena) -> None:
    """Whoever was told and said nothing hears once that it is over; whoever took it does not."""
    sent = 0
    with arena.record.read() as work:
        for event in work.events.list(status=None, license_id=None, limit=1000):
            attempts = work.attempts.of_event(event.id)
            informed = [each.contact_id for each in attempts if each.level is Level.STAND_DOWN]
            assert len(informed) == len(set(informed))
            assert informed.count(arena.people[SILENT].id) == 1
            taker = arena.people.get(event.acknowledged_by or "")
            assert taker is None or taker.id not in informed
            sent += len(informed)
    assert [message.level for message in arena.channel.sent] == [Level.STAND_DOWN] * sent
    silent = arena.people[SILENT]
    assert sum(message.to == silent.whatsapp for message in arena.channel.sent) == 2 * ROUNDS


def deadlocks(database_url: str) -> int:
    """Return how many the server has had to break in this database."""
    if database_url.startswith("sqlite"):
        return 0
    engine = create_engine(database_url)
    with engine.connect() as connection:
        count: int = connection.execute(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        ).scalar_one()
    engine.dispose()
    return count
