"""Taking alerts in: who may post, what repeats an earlier alert, what is throttled, and what escalates.

Senders know this as the webhook protocol; ``docs/integration.md`` is their side of it.
"""

import bisect
import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

import structlog

from gateway.config.loader import effective_policy
from gateway.config.mistakes import ConfigError
from gateway.config.schema import Config, PolicyConfig
from gateway.model.contact import Contact
from gateway.model.event import Event, EventStatus, Severity, ThrottleReason
from gateway.model.license import License
from gateway.model.policy import Policy, Snapshot, SnapshotContact, Tier
from gateway.model.quota import Month, month_at
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import NewEvent, Record, SignalKind, SourceCredentials, UnitOfWork
from gateway.services.acknowledge import resolve_within
from gateway.services.quota import effective_tier, note_event_marks, time_zone
from gateway.wording.templates import used_by

log = structlog.get_logger(__name__)

RATE_WINDOW = timedelta(seconds=60)


class AlertAction(StrEnum):
    """What a post asks for."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One post, its form checked. ``payload`` is the JSON text of an object, as it came."""

    title: str = ""
    body: str = ""
    severity: Severity | None = None
    dedup_key: str | None = None
    payload: str = "{}"
    action: AlertAction = AlertAction.TRIGGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of a post.

    ``event_id`` is ``None`` only for a ``resolve`` of a key under which nothing is known.
    ``retry_after`` is the time until the license's rate admits another event.
    """

    event_id: int | None
    status: EventStatus
    deduplicated: bool = False
    reason: ThrottleReason | None = None
    retry_after: timedelta | None = None


class InvalidTokenError(Exception):
    """No enabled source has the token. The source's ``Copy curl``, or a rotated token, mends it."""


class LicenseInactiveError(Exception):
    """The source's license is not active. ``tocsin license set ID --active`` activates it."""


def authenticate(record: Record, token_hash: bytes, at: datetime) -> SourceCredentials:
    """Return the source that a token's hash belongs to at that time.

    Raises ``InvalidTokenError``, ``LicenseInactiveError``, ``RecordUnavailableError``.
    """
    with record.read() as work:
        return _authenticate(work, token_hash, at)


def accept(
    record: Record,
    *,
    config: Config,
    token_hash: bytes,
    alert: Alert,
    now: datetime,
    sender: SourceCredentials | None = None,
) -> Accepted:
    """Decide on an alert and record the decision, in one transaction.

    ``sender`` is whom ``authenticate`` found a moment ago, if it was asked: that saves finding them before the lock.
    When this returns the decision is durable. Where the event opened or was resolved the
    engine has a signal to find; the caller wakes it. Raises as ``authenticate`` does.
    """
    with record.write() as work:
        # Other intakes of the license wait here, so what is counted and looked up below stays true until the commit.
        work.licenses.lock((sender or _authenticate(work, token_hash, now)).license.id)
        sender = _authenticate(work, token_hash, now)
        if alert.action is AlertAction.RESOLVE:
            accepted = _resolve(work, sender, alert, config, now)
        else:
            accepted = _trigger(work, sender, alert, config, now)
        work.commit()
    log_taken(accepted, alert.action, source_id=sender.source.id, license_id=sender.license.id)
    return accepted


def log_taken(accepted: Accepted, action: AlertAction, *, source_id: int, license_id: int) -> None:
    """Write the log's line about a post that was taken."""
    log.info(
        "alert_taken",
        event_id=accepted.event_id,
        source_id=source_id,
        license_id=license_id,
        action=action.value,
        status=accepted.status.value,
        deduplicated=accepted.deduplicated,
        reason=accepted.reason.value if accepted.reason else None,
    )


def default_dedup_key(source_id: int, alert: Alert) -> str:
    """Return the key of an alert that came without one: equal for posts that say the same.

    The SHA-1 of a JSON list of source id, title, body and payload, with sorted keys and no spaces.
    """
    payload = json.loads(alert.payload, parse_int=_integer, parse_float=_fraction)
    canonical = json.dumps([source_id, alert.title, alert.body, payload], sort_keys=True, separators=(",", ":"))
    return hashlib.sha1(canonical.encode("ascii"), usedforsecurity=False).hexdigest()


def _authenticate(work: UnitOfWork, token_hash: bytes, at: datetime) -> SourceCredentials:
    sender = work.sources.by_token_hash(token_hash, at)
    if sender is None or not sender.source.enabled:
        raise InvalidTokenError
    if not sender.license.active:
        raise LicenseInactiveError
    return sender


def _trigger(work: UnitOfWork, sender: SourceCredentials, alert: Alert, config: Config, now: datetime) -> Accepted:
    license_ = sender.license
    policy = policy_of(config, license_)
    tier = effective_tier(config.tiers, license_)
    key = alert.dedup_key if alert.dedup_key is not None else default_dedup_key(sender.source.id, alert)
    earlier = _earlier(work, sender.source.id, key, now - policy.dedup_window)
    if earlier is not None and earlier.status is not EventStatus.THROTTLED:
        return _repeat(work, earlier, now)
    reason = _throttle(work, license_, policy, tier, now)
    retry_after = _retry_after(work, license_, policy, now) if reason is ThrottleReason.RATE_LIMIT else None
    # A throttled event told nobody, and its sender is asked to come back: that is a repeat only while there is no room.
    if earlier is not None and reason is not None:
        return replace(_repeat(work, earlier, now), reason=reason, retry_after=retry_after)
    event_id = work.events.add(
        NewEvent(
            license_id=license_.id,
            source_id=sender.source.id,
            title=alert.title,
            body=alert.body,
            severity=alert.severity or sender.source.severity,
            dedup_key=key,
            payload=alert.payload,
            status=EventStatus.THROTTLED if reason else EventStatus.OPEN,
            created_at=now,
            snapshot=None if reason else snapshot_of(license_, policy, tier, work.contacts.of_license(license_.id)),
            throttle_reason=reason,
        )
    )
    if reason is not ThrottleReason.RATE_LIMIT:
        note_event_marks(work, license_, tier, _month(license_, now), now)
    if reason is not None:
        _note(work, event_id, TimelineType.THROTTLED, now, {"source": sender.source.name, "reason": reason.value})
        return Accepted(event_id=event_id, status=EventStatus.THROTTLED, reason=reason, retry_after=retry_after)
    _note(work, event_id, TimelineType.ACCEPTED, now, {"source": sender.source.name})
    work.signals.add(SignalKind.EVENT_OPENED, event_id)
    return Accepted(event_id=event_id, status=EventStatus.OPEN)


def _repeat(work: UnitOfWork, earlier: Event, now: datetime) -> Accepted:
    work.events.count_repeat(earlier.id)
    _note(work, earlier.id, TimelineType.REPEATED, now, {"repeat_count": earlier.repeat_count + 1})
    return Accepted(event_id=earlier.id, status=earlier.status, deduplicated=True)


def _resolve(work: UnitOfWork, sender: SourceCredentials, alert: Alert, config: Config, now: datetime) -> Accepted:
    """Withdraw the open event of the key; where it is over already, note that the source is through with it."""
    key = alert.dedup_key or ""
    by = sender.source.name
    open_event = work.events.find_open(sender.source.id, key)
    if open_event is not None and resolve_within(work, event_id=open_event.id, at=now, by=by):
        return Accepted(event_id=open_event.id, status=EventStatus.RESOLVED)
    window = policy_of(config, sender.license).dedup_window
    closed = _earlier(work, sender.source.id, key, now - window)
    if closed is None:
        return Accepted(event_id=None, status=EventStatus.RESOLVED)
    _note(work, closed.id, TimelineType.RESOLVED, now, {"by": by, "status": closed.status.value})
    return Accepted(event_id=closed.id, status=closed.status)


def _earlier(work: UnitOfWork, source_id: int, key: str, since: datetime) -> Event | None:
    """Return the event that a post of this key repeats.

    An event that was over before its source withdrew it keeps its status, so who took it stays
    visible; its timeline tells that it was withdrawn, and a new post of the key is a new alert.
    """
    event = work.events.find_duplicate(source_id, key, since)
    if event is None or event.status is EventStatus.OPEN:
        return event
    withdrawn = any(entry.type is TimelineType.RESOLVED for entry in work.timeline.of_event(event.id))
    return None if withdrawn else event


def _throttle(work: UnitOfWork, license_: License, policy: Policy, tier: Tier, now: datetime) -> ThrottleReason | None:
    # The cap goes first: whoever has reached it should not be told to come back within the minute.
    cap = tier.events_per_month
    if cap is not None and work.events.count_accepted(license_.id, _month(license_, now).starts_at) >= cap:
        return ThrottleReason.MONTHLY_CAP
    if work.events.count_accepted(license_.id, now - RATE_WINDOW) >= policy.events_per_minute:
        return ThrottleReason.RATE_LIMIT
    return None


def _retry_after(work: UnitOfWork, license_: License, policy: Policy, now: datetime) -> timedelta:
    """Return the whole seconds until enough accepted events have left the window."""

    def has_room(seconds: int) -> bool:
        since = now - RATE_WINDOW + timedelta(seconds=seconds)
        return work.events.count_accepted(license_.id, since) < policy.events_per_minute

    longest = int(RATE_WINDOW.total_seconds())
    return timedelta(seconds=1 + bisect.bisect_left(range(1, longest), True, key=has_room))


def _month(license_: License, now: datetime) -> Month:
    return month_at(now, time_zone(license_))


def policy_of(config: Config, license_: License) -> Policy:
    """Return the license's policy; the configured one where its overrides have become unreadable."""
    try:
        return _effective_policy(config.policy, json.dumps(license_.policy))
    except ConfigError as error:
        log.error("license_policy_unreadable", license_id=license_.id, error=str(error))  # noqa: TRY400 - the text names the key
        return config.policy.policy()


# Each alert asks for its license's policy, which hardly ever changes. An unreadable one is not kept, and is told of
# each time.
@lru_cache(maxsize=256)
def _effective_policy(base: PolicyConfig, overrides: str) -> Policy:
    return effective_policy(base, json.loads(overrides))


def snapshot_of(license_: License, policy: Policy, tier: Tier, contacts: Iterable[Contact]) -> Snapshot:
    """Return what an event keeps of its license, whose contacts are given in their order."""
    enabled = tuple(
        SnapshotContact(
            id=contact.id,
            name=contact.name,
            phone=contact.phone,
            whatsapp=contact.whatsapp,
            language=contact.language,
        )
        for contact in contacts
        if contact.enabled
    )
    return Snapshot(
        license_name=license_.name,
        tier_name=license_.tier,
        tier=tier,
        policy=policy,
        contacts=enabled,
        language=license_.language,
        time_zone=license_.time_zone,
        owner_telegram=license_.owner_telegram,
        handoff_number=license_.handoff_number,
        templates=used_by(license_.templates, [license_.language, *(contact.language for contact in enabled)]),
    )


def _note(work: UnitOfWork, event_id: int, kind: TimelineType, at: datetime, detail: dict[str, object]) -> None:
    work.timeline.append(
        TimelineEntry(event_id=event_id, at=at, type=kind, contact_id=None, channel=None, detail=detail)
    )


def _integer(text: str) -> int | str:
    # Python refuses to convert integers of thousands of digits, which JSON allows.
    try:
        return int(text)
    except ValueError:
        return text


def _fraction(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text
