"""A license with its contacts and the means to alert, call and hang up, at the record."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.attempt import Attempt
from gateway.model.call import CallOutcome
from gateway.model.event import Severity
from gateway.model.license import SourceKind
from gateway.model.quota import VoiceUseKind
from gateway.ports.phone import CallEnded
from gateway.ports.record import Record
from gateway.services import calls, sources, tenants
from gateway.services.intake import Accepted, Alert, accept
from gateway.services.quota import QuotaStatus, VoiceQuota, quota_status
from gateway.services.tokens import SourceTokens
from tests.records import add_due_call

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class QuotaRig:
    """One license of the tier ``small``: ten voice minutes, ten events."""

    def __init__(self, record: Record, contacts: int = 1, **license_values: Any) -> None:
        self.record = record
        text = "tiers: {small: {voice_minutes: 10, events_per_month: 10}, pro: {}}\npolicy: {events_per_minute: 1000}"
        self.config: Config = parse_config(text, {})[0]
        self.quota = VoiceQuota(self.config.tiers)
        values: dict[str, Any] = {"name": "Acme", "tier": "small", "at": NOW, "owner_telegram": "1001"}
        self.license_id = tenants.add_license(record, self.config, **(values | license_values)).id
        self.contacts = [
            tenants.add_contact(record, license_id=self.license_id, name=f"P{n}", phone=f"+1555012{n:04}")
            for n in range(contacts)
        ]
        tokens = SourceTokens(hash_key=b"k" * 32)
        made = sources.add_source(record, tokens, license_id=self.license_id, kind=SourceKind.WEBHOOK, name="s", at=NOW)
        self._token_hash = tokens.hash(made.token)
        self._alerts = 0

    def change(self, **values: Any) -> None:
        tenants.set_license(self.record, self.config, self.license_id, tenants.LicenseChange(**values))

    def alert(self, severity: Severity = Severity.WARN, at: datetime = NOW) -> Accepted:
        self._alerts += 1
        return accept(
            self.record,
            config=self.config,
            token_hash=self._token_hash,
            alert=Alert(title=f"Alert {self._alerts}", severity=severity),
            now=at,
        )

    def due_call(self, event_id: int | None = None, *, contact: int = 0, severity: Severity = Severity.WARN) -> Attempt:
        """Return an attempt that waits for its call, of a new event unless one is given."""
        event_id = event_id or self.alert(severity).event_id
        assert event_id is not None
        return add_due_call(self.record, event_id, self.contacts[contact].id)

    def dial(self, *attempts: Attempt, longest: timedelta = MINUTE, at: datetime = NOW) -> str | None:
        """Record a leg for the attempts and return its id; ``None`` where it was refused."""
        call_id = uuid4().hex
        assert attempts[0].contact_id is not None
        begun = calls.begin_call(
            self.record,
            call_id=call_id,
            contact_id=attempts[0].contact_id,
            attempt_ids=[attempt.id for attempt in attempts],
            provider="asterisk",
            node="pbx1",
            trunk="t",
            to_number="+15550123",
            longest=longest,
            quota=self.quota,
            at=at,
        )
        return call_id if begun else None

    def hang_up(self, call_id: str, seconds: int, *, answered: bool = True, at: datetime = NOW) -> None:
        """Record the end of a leg."""
        report = CallEnded(
            call_id=call_id,
            at=at,
            outcome=CallOutcome.NO_KEY if answered else CallOutcome.NO_ANSWER,
            answered_at=at - timedelta(seconds=seconds) if answered else None,
            billed_seconds=seconds,
        )
        calls.end_call(self.record, report, quota=self.quota)

    def use(self, seconds: int, *, at: datetime = NOW) -> None:
        """Have so many seconds used."""
        reference = uuid4().hex
        with self.record.write() as work:
            work.licenses.lock(self.license_id)
            assert self.quota.reserve(
                work,
                license_id=self.license_id,
                kind=VoiceUseKind.CALL,
                reference=reference,
                longest=timedelta(seconds=seconds),
                critical=False,
                at=at,
            )
            self.quota.settle(work, kind=VoiceUseKind.CALL, reference=reference, used_seconds=seconds, at=at)
            work.commit()

    def reserve_note(self, attempt_id: int, length: timedelta = MINUTE) -> bool:
        return self.quota.reserve_note(
            self.record, license_id=self.license_id, attempt_id=attempt_id, length=length, critical=False, at=NOW
        )

    def attempt(self, attempt_id: int) -> Attempt:
        with self.record.read() as work:
            found = work.attempts.get(attempt_id)
        assert found is not None
        return found

    def status(self, month: str | None = None) -> QuotaStatus:
        return quota_status(self.record, self.config.tiers, license_id=self.license_id, at=NOW, month=month)
