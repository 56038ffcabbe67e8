"""The tables. ``migrations/`` makes them; the two are held equal by a test.

An index with ``sqlite_where`` and ``postgresql_where`` is partial on both databases. A query uses it only where
the same condition stands in it literally, so those queries write the condition with ``UNFINISHED_EVENT`` and its like.
Words of an enumeration are ``String``, everything else is ``Text``: only one of the databases holds lengths.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.model.event import EventStatus, Severity, ThrottleReason
from gateway.model.license import SourceKind
from gateway.model.quota import NoticeKind, NoticeState, VoiceUseKind
from gateway.model.trial import TrialKind, TrialOutcome, TrialState
from gateway.model.user import Role
from gateway.ports.record import SignalKind
from gateway.store.columns import BigKey, UtcDateTime, one_of

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)

UNFINISHED_EVENT = "finished_at IS NULL"
OPEN_EVENT = "status = 'open'"
ACCEPTED_EVENT = "status <> 'throttled'"
PENDING_CALL = "state = 'pending' AND level = 'phone'"
REPORTABLE_ATTEMPT = "provider_id IS NOT NULL"
UNFINISHED_CALL = "ended_at IS NULL"
FIRST_ACKNOWLEDGEMENT = "is_first"
OWNER_LINK = "contact_id IS NULL"
PENDING_NOTICE = "state = 'pending'"
OWNER_MESSAGE_DUE = "due_at IS NOT NULL"
OPEN_TRIAL = "state <> 'over'"
REPORTABLE_TRIAL = "provider_id IS NOT NULL"


def _key() -> Column[int]:
    return Column("id", BigKey, primary_key=True, autoincrement=True)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


licenses = Table(
    "licenses",
    metadata,
    _key(),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("tier", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("owner_telegram", Text),
    Column("handoff_number", Text),
    Column("policy", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("caps", Text, nullable=False, server_default="{}"),
    Column("overdraft", Boolean, nullable=False, server_default=false()),
    Column("templates", Text, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

contacts = Table(
    "contacts",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("whatsapp", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("pin_hash", Text),
    Column("whatsapp_window_until", UtcDateTime),
    Column("phone_invalid_at", UtcDateTime),
    Column("whatsapp_blocked", Text),
    Column("whatsapp_blocked_at", UtcDateTime),
    Index("ix_contacts_license_id_position", "license_id", "position"),
    Index("ix_contacts_whatsapp", "whatsapp"),
    sqlite_autoincrement=True,
)

alert_sources = Table(
    "alert_sources",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("token_encrypted", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("former_token_hash", LargeBinary),
    Column("former_token_until", UtcDateTime),
    UniqueConstraint("token_hash"),
    one_of("kind", SourceKind),
    one_of("severity", Severity),
    Index("ix_alert_sources_license_id", "license_id"),
    Index("ix_alert_sources_former_token_hash", "former_token_hash"),
    sqlite_autoincrement=True,
)

# Two open events of one source and key may exist: the second came after the deduplication window. So no unique
# index keeps duplicates out; intake does, holding the license's lock.
events = Table(
    "events",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("source_id", BigKey, ForeignKey("alert_sources.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("repeat_count", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("throttle_reason", String(20)),
    Column("snapshot", Text),
    Column("acknowledged_at", UtcDateTime),
    Column("acknowledged_by", Text),
    Column("acknowledged_via", String(20)),
    Column("closed_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    one_of("severity", Severity),
    one_of("status", EventStatus),
    one_of("throttle_reason", ThrottleReason),
    one_of("acknowledged_via", AcknowledgedVia),
    CheckConstraint("status <> 'open' OR finished_at IS NULL", name="open_is_unfinished"),
    _partial("ix_events_unfinished", "id", where=UNFINISHED_EVENT),
    _partial("ix_events_open", "source_id", "dedup_key", "created_at", where=OPEN_EVENT),
    _partial("ix_events_accepted", "license_id", "created_at", where=ACCEPTED_EVENT),
    Index("ix_events_license_id_id", "license_id", "id"),
    Index("ix_events_source_id_dedup_key_created_at", "source_id", "dedup_key", "created_at"),
    Index("ix_events_status_id", "status", "id"),
    Index("ix_events_created_at", "created_at", "license_id", "status"),
    sqlite_autoincrement=True,
)

# Legs are told in the order in which they were recorded, which neither their random ids nor a clock gives.
calls = Table(
    "calls",
    metadata,
    Column("sequence", BigKey, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("contact_id", BigKey, ForeignKey("contacts.id"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("node", Text),
    Column("trunk", Text),
    Column("to_number", Text, nullable=False),
    Column("caller_id", Text),
    Column("started_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("sip_cause", Integer),
    Column("hangup_cause", Integer),
    Column("digits", Text, nullable=False),
    Column("outcome", String(20)),
    Column("billed_seconds", Integer, nullable=False),
    Column("ringing_at", UtcDateTime),
    Column("sip_call_id", Text),
    Column("audio_sha256", String(64)),
    Column("digit_times", Text),
    Column("provider_call_id", Text),
    Column("post_dial_delay_ms", Integer),
    Column("quality", Text),
    UniqueConstraint("id"),
    one_of("outcome", CallOutcome),
    _partial("ix_calls_unfinished", "sequence", where=UNFINISHED_CALL),
    Index("ix_calls_license_id_started_at", "license_id", "started_at"),
    Index("ix_calls_contact_id_started_at", "contact_id", "started_at"),
    Index("ix_calls_to_number_started_at", "to_number", "started_at"),
    Index("ix_calls_trunk_started_at", "trunk", "started_at"),
    Index("ix_calls_started_at", "started_at"),
    Index("ix_calls_provider_call_id", "provider_call_id"),
    sqlite_autoincrement=True,
)

# ``call_id`` is the latest leg; it may be written before that leg within one transaction, hence deferred.
attempts = Table(
    "attempts",
    metadata,
    _key(),
    Column("event_id", BigKey, ForeignKey("events.id"), nullable=False),
    Column("contact_id", BigKey, ForeignKey("contacts.id")),
    Column("level", String(20), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("deadline_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("call_id", String(32), ForeignKey("calls.id", deferrable=True, initially="DEFERRED")),
    Column("reason", Text),
    Column("provider", Text),
    Column("provider_id", Text),
    one_of("level", Level),
    one_of("state", AttemptState),
    Index("ix_attempts_event_id_id", "event_id", "id"),
    _partial("ix_attempts_pending_calls", "contact_id", where=PENDING_CALL),
    _partial("ix_attempts_provider_id", "provider_id", "provider", where=REPORTABLE_ATTEMPT),
    sqlite_autoincrement=True,
)

# One call makes several attempts when it announces several events; one attempt has several legs when trunks fail.
call_attempts = Table(
    "call_attempts",
    metadata,
    Column("call_id", String(32), ForeignKey("calls.id"), primary_key=True),
    Column("attempt_id", BigKey, ForeignKey("attempts.id"), primary_key=True),
    Index("ix_call_attempts_attempt_id", "attempt_id"),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    _key(),
    Column("event_id", BigKey, ForeignKey("events.id"), nullable=False),
    Column("contact_id", BigKey, ForeignKey("contacts.id")),
    Column("acknowledged_by", Text, nullable=False),
    Column("via", String(20), nullable=False),
    Column("acknowledged_at", UtcDateTime, nullable=False),
    Column("is_first", Boolean, nullable=False),
    one_of("via", AcknowledgedVia),
    Index("ix_acknowledgements_event_id_contact_id", "event_id", "contact_id"),
    _partial("uq_acknowledgements_first", "event_id", where=FIRST_ACKNOWLEDGEMENT, unique=True),
    sqlite_autoincrement=True,
)

# A link without contact is the owner's. Several NULLs do not collide in a unique constraint, hence the index.
ack_links = Table(
    "ack_links",
    metadata,
    _key(),
    Column("event_id", BigKey, ForeignKey("events.id"), nullable=False),
    Column("contact_id", BigKey, ForeignKey("contacts.id")),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    UniqueConstraint("event_id", "contact_id"),
    _partial("uq_ack_links_owner", "event_id", where=OWNER_LINK, unique=True),
    sqlite_autoincrement=True,
)

# Triggers refuse UPDATE and DELETE, and an entry that is not the next one of its license's chain. The types are not
# constrained: each new feature brings some, and SQLite can change a constraint only by copying the table, which is the
# longest of all.
timeline = Table(
    "timeline",
    metadata,
    _key(),
    Column("event_id", BigKey, ForeignKey("events.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("type", String(40), nullable=False),
    Column("contact_id", BigKey, ForeignKey("contacts.id")),
    Column("channel", Text),
    Column("detail", Text, nullable=False),
    Column("license_id", BigKey, nullable=False),
    Column("chain_index", BigInteger, nullable=False),
    Column("entry_hash", LargeBinary, nullable=False),
    UniqueConstraint("license_id", "chain_index"),
    Index("ix_timeline_event_id_id", "event_id", "id"),
    sqlite_autoincrement=True,
)

# The newest entry of each license's chain, moved along by a trigger. Whoever appends locks it, after everything else.
chain_heads = Table(
    "chain_heads",
    metadata,
    Column("license_id", BigKey, ForeignKey("licenses.id"), primary_key=True, autoincrement=False),
    Column("last_index", BigInteger, nullable=False),
    Column("last_hash", LargeBinary, nullable=False),
)

signals = Table(
    "signals",
    metadata,
    _key(),
    Column("kind", String(20), nullable=False),
    Column("event_id", BigKey, ForeignKey("events.id"), nullable=False),
    Column("call_id", String(32), ForeignKey("calls.id")),
    one_of("kind", SignalKind),
    sqlite_autoincrement=True,
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("parts", Text, nullable=False),
)

# ``reference`` is the call's or the attempt's id. A use whose ``used_seconds`` are not known yet counts as reserved.
voice_uses = Table(
    "voice_uses",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("month", String(7), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("reference", Text, nullable=False),
    Column("reserved_seconds", Integer, nullable=False),
    Column("used_seconds", Integer),
    Column("at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    one_of("kind", VoiceUseKind),
    UniqueConstraint("kind", "reference"),
    Index("ix_voice_uses_license_id_month", "license_id", "month"),
    sqlite_autoincrement=True,
)

quota_notices = Table(
    "quota_notices",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("month", String(7), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("used", Integer, nullable=False),
    Column("cap", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("reason", Text),
    one_of("kind", NoticeKind),
    one_of("state", NoticeState),
    UniqueConstraint("license_id", "month", "kind"),
    _partial("ix_quota_notices_pending", "due_at", where=PENDING_NOTICE),
    sqlite_autoincrement=True,
)

# What an owner's message shows of its event (its status), and when it is to be brought up to date: not at all where
# ``due_at`` is empty.
owner_messages = Table(
    "owner_messages",
    metadata,
    Column("attempt_id", BigKey, ForeignKey("attempts.id"), primary_key=True, autoincrement=False),
    Column("event_id", BigKey, ForeignKey("events.id"), nullable=False),
    Column("chat", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("shown", String(20), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("reason", Text),
    Index("ix_owner_messages_event_id", "event_id"),
    Index("ix_owner_messages_message_id", "message_id"),
    _partial("ix_owner_messages_due", "due_at", where=OWNER_MESSAGE_DUE),
)

# How far an outside list has been read (Telegram's updates), so that nothing in it is taken twice.
cursors = Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# Messages of people that were taken, so that one of which a provider tells twice does nothing twice.
inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event_id", BigKey, ForeignKey("events.id")),
    Column("contact_id", BigKey, ForeignKey("contacts.id")),
    Column("acknowledges", Boolean, nullable=False),
    Index("ix_inbound_messages_at", "at"),
)

# A sign-in is bound to ``session_key``, which a new password replaces: earlier sign-ins end with it.
users = Table(
    "users",
    metadata,
    _key(),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("language", Text),
    Column("password_hash", Text, nullable=False),
    Column("session_key", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_sign_in_at", UtcDateTime),
    Column("failed_sign_ins", Integer, nullable=False),
    Column("locked_until", UtcDateTime),
    UniqueConstraint("email"),
    one_of("role", Role),
    sqlite_autoincrement=True,
)

user_licenses = Table(
    "user_licenses",
    metadata,
    Column("user_id", BigKey, ForeignKey("users.id"), primary_key=True),
    Column("license_id", BigKey, ForeignKey("licenses.id"), primary_key=True),
)

audit_log = Table(
    "audit_log",
    metadata,
    _key(),
    Column("at", UtcDateTime, nullable=False),
    Column("user_id", BigKey, ForeignKey("users.id")),
    Column("actor", Text, nullable=False),
    Column("license_id", BigKey, ForeignKey("licenses.id")),
    Column("action", String(60), nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("address", Text),
    Index("ix_audit_log_license_id_id", "license_id", "id"),
    sqlite_autoincrement=True,
)

# Posts with a good token that were refused. Equal ones in a row are one row with a count.
refused_posts = Table(
    "refused_posts",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("source_id", BigKey, ForeignKey("alert_sources.id"), nullable=False),
    Column("error", String(40), nullable=False),
    Column("message", Text, nullable=False),
    Column("address", Text),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("count", Integer, nullable=False),
    Index("ix_refused_posts_source_id_last_at", "source_id", "last_at"),
    sqlite_autoincrement=True,
)

# Test calls and test messages to contacts. ``steps`` is JSON. Of one contact at most one is not over.
trials = Table(
    "trials",
    metadata,
    _key(),
    Column("license_id", BigKey, ForeignKey("licenses.id"), nullable=False),
    Column("contact_id", BigKey, ForeignKey("contacts.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("outcome", String(20)),
    Column("reason", Text),
    Column("finished_at", UtcDateTime),
    Column("steps", Text, nullable=False),
    Column("call_id", String(32), ForeignKey("calls.id")),
    Column("provider", Text),
    Column("provider_id", Text),
    one_of("kind", TrialKind),
    one_of("state", TrialState),
    one_of("outcome", TrialOutcome),
    Index("ix_trials_contact_id_id", "contact_id", "id"),
    _partial("uq_trials_open", "contact_id", where=OPEN_TRIAL, unique=True),
    _partial("ix_trials_provider_id", "provider_id", "provider", where=REPORTABLE_TRIAL),
    sqlite_autoincrement=True,
)
