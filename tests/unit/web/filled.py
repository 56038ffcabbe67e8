"""A gateway that has been in use for months: two customers, alerts in every state, calls of every outcome.

What stands in the record comes from the services that write it in operation; only the time, the people and the phone
network are made up, and the same each time.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask.testing import FlaskClient

from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.audit import Actor
from gateway.model.call import CallOutcome, CallQuality
from gateway.model.contact import Contact
from gateway.model.event import EventStatus
from gateway.model.license import License, SourceKind
from gateway.model.timeline import TimelineType
from gateway.model.trial import TrialKind, TrialOutcome, TrialStepName
from gateway.model.user import Role
from gateway.ports.heartbeats import Heartbeat, LinesState, TrunkState
from gateway.ports.messages import Delivery
from gateway.ports.phone import CallEnded
from gateway.ports.record import Record
from gateway.services import acknowledge, contacts, keys, sources, tenants, trials, users
from gateway.services.advance import advance
from gateway.services.calls import begin_call, end_call, note_progress
from gateway.services.contacts import ContactChange
from gateway.services.escalate import MessageResult, delivery_report, finish_messages
from gateway.services.quota import VoiceQuota
from gateway.services.tokens import SourceTokens
from gateway.services.trial_messages import take_report
from gateway.services.users import UserChange
from tests.unit.web.installation import BEGINNING, Installation, post
from tests.unit.web.pages import PASSWORD, TOKENS, quick_passwords, with_pages

CONFIG = Config.model_validate(
    {
        "asterisk": {
            "nodes": [{"name": "pbx1", "host": "127.0.0.1"}],
            "trunks": [
                {"name": "carrier-a", "node": "pbx1", "host": "sip.a.example", "username": "u", "password": "p"},
                {"name": "carrier-b", "node": "pbx1", "host": "sip.b.example", "qualify": "0s"},
            ],
        },
        "twilio": {
            "account_sid": "AC" + "0" * 32,
            "auth_token": "not a real one",
            "whatsapp_from": "+12125550100",
        },
        "telegram": {"bot_token": "1:not-a-real-one"},
    }
)

_MOST_STEPS = 60
_QUALITY = CallQuality(codec="alaw", jitter_ms=6.0, lost_received_percent=0.4, round_trip_ms=38.0)
_MISSED = (CallOutcome.NO_ANSWER, 480, 19)
_OUTCOMES: Mapping[str, tuple[CallOutcome, int | None, int | None]] = {
    "silent": _MISSED,
    "busy": (CallOutcome.BUSY, 486, 17),
    "declined": (CallOutcome.DECLINED, 603, 21),
    "unknown": (CallOutcome.INVALID_NUMBER, 404, 1),
    "machine": (CallOutcome.MACHINE, 200, 16),
    "trouble": (CallOutcome.TRUNK_TROUBLE, 503, 38),
    "listens": (CallOutcome.NO_KEY, 200, 16),
    "takes": (CallOutcome.NO_KEY, 200, 16),
}


@dataclass(slots=True)
class Filled:
    """What was made. ``own`` belongs to the first license, ``other`` to the second one."""

    there: Installation
    other_license: License
    own: dict[str, int] = field(default_factory=dict)
    other: dict[str, int] = field(default_factory=dict)
    own_call: str = ""
    other_call: str = ""
    users: dict[Role, str] = field(default_factory=dict)


def fill(record: Record, **values: object) -> Filled:
    """Fill an empty record and return what is in it; ``values`` go to ``Installation``."""
    there = Installation(record, config=CONFIG, **values)  # type: ignore[arg-type]
    there.clock.at = BEGINNING - timedelta(days=75)
    other = tenants.add_license(
        record, CONFIG, name="Öresund Parkering", tier="pro", at=there.clock.now(), time_zone="Europe/Stockholm"
    )
    made = Filled(there, other)
    made.own, made.other = _people(there, other)
    _add_users(made)
    story = _Story(there, TOKENS)
    made.own |= {"source": there.source.id}
    made.other |= {"source": story.add_source(other.id, "Bay 7", SourceKind.PARKING)}
    story.months_ago()
    story.lately(other.id)
    made.own |= {"event": story.first_event, "exhausted": story.exhausted}
    made.other |= {"event": story.other_event}
    made.own_call, made.other_call = story.own_call, story.other_call
    for people in (made.own, made.other):
        people["trial"] = _try(there, people["contact"])
    _beat(there)
    return made


def _try(there: Installation, contact_id: int) -> int:
    """Record a test message of yesterday, which was read."""
    at = BEGINNING - timedelta(days=1)
    trial = trials.ask(
        there.record,
        contact_id=contact_id,
        kind=TrialKind.MESSAGE,
        tiers=CONFIG.tiers,
        safety=CONFIG.call_safety.safety(),
        actor=_root(),
        at=at,
    )
    with there.record.write() as work:
        begun = trials.with_step(trial, TrialStepName.TAKEN, at)
        trials.over(work, trials.with_step(begun, TrialStepName.SENT, at), TrialOutcome.DONE, None, at)
        work.commit()
    for state in (AttemptState.DELIVERED, AttemptState.READ):
        at += timedelta(seconds=2)
        report = Delivery(state=state, provider="twilio", provider_id=f"SM{trial.id:032x}")
        assert take_report(there.record, report, trial_id=trial.id, at=at)
    return trial.id


def _people(there: Installation, other: License) -> tuple[dict[str, int], dict[str, int]]:
    record, at, own = there.record, there.clock.now(), there.license.id
    ana = tenants.add_contact(record, license_id=own, name="Ana Martínez", phone="+12125550101", language="es", at=at)
    tenants.add_contact(record, license_id=own, name="Ben Okafor", phone="+12125550102", pin="2580", at=at)
    kim = tenants.add_contact(record, license_id=own, name="Kim Lee", phone="+12125550103", language="zh", at=at)
    with record.write() as work:
        work.contacts.flag_phone_invalid(kim.id, at)
        work.commit()
    lars = tenants.add_contact(record, license_id=other.id, name="Lars Åkesson", phone="+12125550201", at=at)
    contacts.set_contact(record, ana.id, ContactChange(name="Ana Martínez"), actor=_root(), at=at)
    return {"contact": ana.id, "license": own}, {"contact": lars.id, "license": other.id}


def _add_users(made: Filled) -> None:
    there = made.there
    for role, email, licenses in (
        (Role.SUPERADMIN, "root@example.org", ()),
        (Role.ADMIN, "admin@example.org", (there.license.id,)),
        (Role.VIEWER, "viewer@example.org", (there.license.id,)),
    ):
        added = users.add_user(
            there.record,
            quick_passwords(),
            email=email,
            password=PASSWORD,
            role=role,
            license_ids=licenses,
            at=there.clock.now(),
        )
        made.own[f"user:{role.value}"] = added.id
        made.users[role] = email
    elsewhere = users.add_user(
        there.record,
        quick_passwords(),
        email="lars@example.org",
        password=PASSWORD,
        role=Role.ADMIN,
        license_ids=[made.other_license.id],
        at=there.clock.now(),
    )
    users.change_user(there.record, elsewhere.id, UserChange(name="Lars Å."), at=there.clock.now(), by=_root())
    made.other["user"] = elsewhere.id


def _root() -> Actor:
    return Actor(name="root@example.org", address="192.0.2.77")


def _beat(there: Installation) -> None:
    trunks = (
        TrunkState(trunk="carrier-a", in_use=3, max_calls=30),
        TrunkState(trunk="carrier-b", max_calls=30, breaker="open", again_at=there.clock.now() + timedelta(seconds=42)),
    )
    parts = {"auditor": "ok: 2 open, nothing repaired", "asterisk:pbx1": "ok: connected", "speech": "ok"}
    with there.record.write() as work:
        beat = Heartbeat(engine="gw1", at=there.clock.now(), parts=parts, lines=LinesState(waiting=1, trunks=trunks))
        work.heartbeats.beat(beat)
        work.commit()


class _Story:
    """What happened, told forward in time."""

    def __init__(self, there: Installation, tokens: SourceTokens) -> None:
        self._there = there
        self._tokens = tokens
        self._client: FlaskClient = with_pages(there).test_client()
        self._quota = VoiceQuota(there.config.tiers)
        self._call_ids = (f"{number:032x}" for number in itertools.count(0xA110C8))
        self.first_event = self.exhausted = self.other_event = 0
        self.own_call = self.other_call = ""
        self._other_token = ""

    def add_source(self, license_id: int, name: str, kind: SourceKind) -> int:
        """Add a source of the other license, and keep its token for what it posts."""
        made = sources.add_source(
            self._there.record, self._tokens, license_id=license_id, kind=kind, name=name, at=self._there.clock.now()
        )
        self._other_token = made.token
        return made.source.id

    def months_ago(self) -> None:
        """Two months with a few alerts in each, all taken on the phone."""
        for month in (60, 33):
            for day in range(4):
                self._there.clock.at = BEGINNING - timedelta(days=month - day)
                event_id = self._post(f"Barrier {day + 1} does not close", severity="warn")
                self._run(event_id, ["silent", "takes"][day % 2 :])
        self._there.clock.at = BEGINNING - timedelta(hours=20)

    def lately(self, other_license: int) -> None:
        """The last day: an alert of every end, refused posts, and some that escalate now."""
        del other_license
        self.exhausted = self._post("Fire door 3 is open", severity="critical", body="Contact open for 60 s.")
        self._run(self.exhausted, ["silent", "busy", "declined", "machine", "listens", "unknown"] * 2)
        self._later(hours=2)
        taken = self._post("Plate ABC-123 at gate 4", payload={"plate": "ABC-123", "lane": 2, "confidence": 0.97})
        self._run(taken, [], acknowledge_after=timedelta(minutes=1))
        self._later(hours=1)
        self.other_event = self._post("Lot 7 is 95 % full", token=self._other_token)
        self._run(self.other_event, ["trouble", "takes"])
        self.other_call = self._latest_call(self.other_event)
        self._later(hours=1)
        withdrawn = self._post("Power failure at pump 2", dedup_key="pump-2")
        post(self._client, action="resolve", dedup_key="pump-2")
        self._run(withdrawn, [])
        post(self._client, title="")
        post(self._client, title="No such severity", severity="bad")
        self._there.clock.at = BEGINNING - timedelta(minutes=6)
        self.first_event = self._post(
            "Intrusion: motion in hall B",
            severity="critical",
            body="Detector 12, armed since 22:00.",
            payload={"zone": 12},
        )
        self._run(self.first_event, ["silent", "busy"], until=BEGINNING)
        self.own_call = self._latest_call(self.first_event)
        self._there.clock.at = BEGINNING - timedelta(seconds=20)
        waiting = self._post("Camera 9 is dark", severity="info")
        self._run(waiting, [], until=BEGINNING)
        self._there.clock.at = BEGINNING

    def _later(self, **time: float) -> None:
        self._there.clock.at += timedelta(**time)

    def _post(self, title: str, *, token: str | None = None, **body: object) -> int:
        given = {} if token is None else {"token": token}
        status, answer = post(self._client, title=title, **given, **body)  # type: ignore[arg-type]
        assert status == 200, answer
        return int(str(answer["event_id"]))

    def _latest_call(self, event_id: int) -> str:
        with self._there.record.read() as work:
            return work.calls.of_event(event_id)[-1].id

    def _run(
        self,
        event_id: int,
        calls: Sequence[str],
        *,
        until: datetime | None = None,
        acknowledge_after: timedelta | None = None,
    ) -> None:
        """Be the engine of one event: each call ends as ``calls`` say, the last of them for all that follow."""
        there, outcomes = self._there, iter(calls)
        began = there.clock.now()
        for _ in range(_MOST_STEPS):
            (now,) = advance(there.record, {event_id: {}}, refusal=lambda *_: None, now=there.clock.now)
            for begun in now.begun:
                self._deliver(begun.attempt)
            waiting = [a for a in self._attempts(event_id) if a.level is Level.CALL and a.state is AttemptState.PENDING]
            if waiting:
                self._call(waiting[0], outcomes)
                continue
            if now.begun:
                continue
            if now.over or now.next_at is None:
                return
            if acknowledge_after is not None and now.next_at > began + acknowledge_after:
                self._acknowledge(event_id, began + acknowledge_after)
                continue
            if until is not None and now.next_at > until:
                return
            there.clock.at = now.next_at

    def _attempts(self, event_id: int) -> list[Attempt]:
        with self._there.record.read() as work:
            return list(work.attempts.of_event(event_id))

    def _deliver(self, attempt: Attempt) -> None:
        clock, record = self._there.clock, self._there.record
        clock.advance(0.4)
        number = f"SM{attempt.id:032x}" if attempt.level is not Level.OWNER else str(attempt.id)
        provider = "telegram" if attempt.level is Level.OWNER else "twilio"
        delivery = Delivery(state=AttemptState.SENT, provider=provider, provider_id=number)
        result = MessageResult(event_id=attempt.event_id, attempt_id=attempt.id, delivery=delivery, at=clock.now())
        finish_messages(record, [result])
        if attempt.level is Level.TEXT:
            report = Delivery(state=AttemptState.DELIVERED, provider="twilio", provider_id=number)
            delivery_report(record, report, at=clock.now() + timedelta(seconds=2), attempt_id=attempt.id)

    def _call(self, attempt: Attempt, outcomes: Iterator[str]) -> None:
        there, record = self._there, self._there.record
        how = next(outcomes, "silent")
        outcome, sip, cause = _OUTCOMES[how]
        assert attempt.contact_id is not None
        with record.read() as work:
            contact = work.contacts.get(attempt.contact_id)
        assert contact is not None
        call_id, trunk = next(self._call_ids), "carrier-b" if how == "trouble" else "carrier-a"
        begun = begin_call(
            record,
            call_id=call_id,
            contact_id=contact.id,
            attempt_ids=[attempt.id],
            provider="asterisk",
            node="pbx1",
            trunk=trunk,
            to_number=contact.phone,
            longest=timedelta(minutes=3),
            quota=self._quota,
            at=there.clock.now(),
        )
        assert begun
        answered = how in {"machine", "listens", "takes"}
        if how not in {"unknown", "trouble"}:
            there.clock.advance(2)
            note_progress(
                record,
                call_id=call_id,
                kind=TimelineType.CALL_RINGING,
                at=there.clock.now(),
                post_dial_delay=timedelta(seconds=1.4),
            )
        if answered:
            there.clock.advance(6)
            note_progress(record, call_id=call_id, kind=TimelineType.CALL_ANSWERED, at=there.clock.now())
            there.clock.advance(9)
        if how == "takes":
            keys.press_key(record, call_id=call_id, digit="1", sequence=1, at=there.clock.now(), pin=_pin(contact))
        there.clock.advance(14)
        ended = CallEnded(
            call_id=call_id,
            at=there.clock.now(),
            outcome=outcome,
            sip_cause=sip,
            hangup_cause=cause,
            billed_seconds=23 if answered else 0,
            sip_call_id=f"{call_id[-8:]}@192.0.2.1",
            caller_id="+12125550100",
            quality=CallQuality(codec="alaw", jitter_ms=6.0, lost_received_percent=0.4, round_trip_ms=38.0)
            if answered
            else None,
        )
        over = end_call(record, ended, quota=self._quota)
        if over is not None and over.open_attempts:
            # The next trunk, within the same attempt.
            self._call(attempt, outcomes)

    def _acknowledge(self, event_id: int, at: datetime) -> None:
        there = self._there
        there.clock.at = at
        with there.record.read() as work:
            escalation = work.events.escalation(event_id)
        assert escalation is not None
        assert escalation.event.status is EventStatus.OPEN
        contact = escalation.snapshot.contacts[0]
        acknowledge.acknowledge(
            there.record, event_ids=[event_id], contact_id=contact.id, by=None, via=AcknowledgedVia.LINK, at=at
        )


def _pin(contact: Contact) -> str | None:
    return "2580" if contact.has_pin else None
