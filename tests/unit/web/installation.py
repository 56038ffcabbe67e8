"""A gateway's web half over a record, with one license, for tests to post to."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from gateway.app.call_words import explanation_of, trouble_of
from gateway.config.schema import Config
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.contact import Contact
from gateway.model.event import Event, EventStatus, Severity
from gateway.model.license import AlertSource, License, SourceKind
from gateway.model.timeline import TimelineType
from gateway.ports.messages import Delivery
from gateway.ports.record import Record, SignalKind
from gateway.services.fast_intake import FastIntake
from gateway.services.tokens import LinkSigner, hash_token
from gateway.store.record import SqlRecord
from web import create_app
from web.services import Part, PartState, VoiceCalls, WebServices

TOKEN = "tsn_the-first-source"
OTHER_TOKEN = "tsn_the-second-source"
BEGINNING = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOKEN_HASH_KEY = b"a key for tests, 32 bytes long.."
_addresses = itertools.count(1)


@dataclass
class FakeClock:
    at: datetime = BEGINNING

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class FakeWakeup:
    count: int = 0

    def notify(self) -> None:
        self.count += 1


class FakeMedia:
    """A token is the name of the file, as long as it is not "forged"."""

    def read(self, token: str) -> str | None:
        return None if token == "forged" else token + ".ogg"


@dataclass
class FakeVerifier:
    urls: list[str] = field(default_factory=list)

    def verify(self, url: str, params: Mapping[str, str], signature: str) -> bool:
        self.urls.append(url)
        return signature == "signed" and bool(params)


def read_report(form: Mapping[str, str], *, by_template: bool = False) -> Delivery | None:
    del by_template
    states = {"delivered": AttemptState.DELIVERED, "read": AttemptState.READ, "undelivered": AttemptState.FAILED}
    state = states.get(form.get("MessageStatus", ""))
    if state is None:
        return None
    reason = form.get("ErrorCode")
    return Delivery(state=state, provider="twilio", provider_id=form.get("MessageSid"), reason=reason)


@dataclass
class Installation:
    record: Record
    config: Config = field(default_factory=Config)
    clock: FakeClock = field(default_factory=FakeClock)
    wakeup: FakeWakeup = field(default_factory=FakeWakeup)
    verifier: FakeVerifier = field(default_factory=FakeVerifier)
    links: LinkSigner = field(default_factory=lambda: LinkSigner(TOKEN_HASH_KEY))
    audio_dir: Path = Path("/nonexistent")
    voice: VoiceCalls | None = None
    # As in operation: alerts that leave nothing to decide are recorded together.
    fast: bool = False
    parts: list[Part] = field(
        default_factory=lambda: [Part(name="database", state=PartState.OK, detail="", needed=True)]
    )

    def __post_init__(self) -> None:
        with self.record.write() as work:
            self.license = work.licenses.add(
                License(
                    id=0,
                    name="Harbour & Sons",
                    active=True,
                    tier="pro",
                    time_zone="Europe/Madrid",
                    language="en",
                    owner_telegram="1",
                    handoff_number="+15550199",
                    created_at=self.clock.now(),
                )
            )
            work.commit()
        self.source = self.add_source(TOKEN, Severity.WARN)
        self.fast_intake: FastIntake | None = None
        if self.fast:
            assert isinstance(self.record, SqlRecord)
            self.fast_intake = FastIntake(self.record.fast_intake(), config=self.config, wakeup=self.wakeup)

    @property
    def services(self) -> WebServices:
        return WebServices(
            config=self.config,
            record=self.record,
            wakeup=self.wakeup,
            clock=self.clock,
            hash_token=lambda token: hash_token(token, TOKEN_HASH_KEY),
            links=self.links,
            media=FakeMedia(),
            audio_dir=self.audio_dir,
            parts=lambda: self.parts,
            callbacks=self.verifier,
            read_report=read_report,
            voice=self.voice,
            fast_intake=self.fast_intake,
            explain_call=explanation_of,
            explain_trouble=trouble_of,
        )

    def app(self) -> Flask:
        return create_app(self.services)

    def client(self) -> FlaskClient:
        return self.app().test_client()

    def add_source(self, token: str, severity: Severity = Severity.INFO, *, enabled: bool = True) -> AlertSource:
        source = AlertSource(
            id=0,
            license_id=self.license.id,
            kind=SourceKind.ANPR,
            name=f"Gate {token[-6:]}",
            severity=severity,
            enabled=enabled,
            created_at=self.clock.now(),
        )
        with self.record.write() as work:
            source = work.sources.add(source, token_hash=hash_token(token, TOKEN_HASH_KEY), token_encrypted=None)
            work.commit()
        return source

    def add_contact(
        self, name: str, number: str = "+15550100", *, enabled: bool = True, language: str = "en"
    ) -> Contact:
        contact = Contact(
            id=0,
            license_id=self.license.id,
            name=name,
            phone=number,
            whatsapp=number,
            language=language,
            position=next(_addresses),
            enabled=enabled,
        )
        with self.record.write() as work:
            contact = work.contacts.add(contact, pin_hash=None)
            work.commit()
        return contact

    def change_license(self, **changes: object) -> None:
        self.license = replace(self.license, **changes)  # type: ignore[arg-type]
        with self.record.write() as work:
            work.licenses.update(self.license)
            work.commit()

    def event(self, event_id: int) -> Event:
        with self.record.read() as work:
            event = work.events.get(event_id)
        assert event is not None
        return event

    def all_events(self) -> list[Event]:
        with self.record.read() as work:
            return list(work.events.list(status=None, license_id=None, limit=10_000))

    def timeline(self, event_id: int) -> list[TimelineType]:
        with self.record.read() as work:
            return [entry.type for entry in work.timeline.of_event(event_id)]

    def signals(self) -> list[tuple[SignalKind, int]]:
        with self.record.read() as work:
            return [(signal.kind, signal.event_id) for signal in work.signals.pending(1000)]

    def close(self, event_id: int, status: EventStatus) -> None:
        with self.record.write() as work:
            open_only = frozenset({EventStatus.OPEN})
            assert work.events.close(event_id, status=status, at=self.clock.now(), from_statuses=open_only)
            work.commit()

    def tell(
        self, event_id: int, contact: Contact, *, provider_id: str | None = None, level: Level = Level.TEXT
    ) -> int:
        """Record that the contact got a message about the event; return the attempt's id."""
        with self.record.write() as work:
            attempt = work.attempts.add(
                Attempt(
                    id=0,
                    event_id=event_id,
                    contact_id=contact.id,
                    level=level,
                    number=1,
                    state=AttemptState.SENT,
                    began_at=self.clock.now(),
                    ended_at=self.clock.now(),
                )
            )
            if provider_id is not None:
                work.attempts.set_provider_id(attempt.id, "twilio", provider_id)
            work.commit()
        return attempt.id

    def link(self, event_id: int, contact: Contact, lifetime: timedelta = timedelta(days=7)) -> str:
        """Return the path of the contact's acknowledgement link."""
        with self.record.write() as work:
            link = work.acknowledgements.add_link(event_id, contact.id, self.clock.now() + lifetime)
            work.commit()
        return f"/a/{self.links.sign(link.id)}"


def post(client: FlaskClient, token: str | None = TOKEN, **body: object) -> tuple[int, dict[str, object]]:
    """Post an alert; return the status and the answer."""
    headers = {} if token is None else {"X-Alert-Token": token}
    answer = client.post("/license/v1/alert/in", json=body, headers=headers)
    return answer.status_code, answer.get_json()


def open_event(client: FlaskClient, title: str = "Plate ABC-123 at gate 4", **body: object) -> int:
    status, answer = post(client, title=title, **body)
    assert (status, answer["status"]) == (200, "open"), answer
    event_id = answer["event_id"]
    assert isinstance(event_id, int)
    return event_id
