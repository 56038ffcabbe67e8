"""The first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the tables of licenses, their events and their escalations."""
    op.create_table(
        "licenses",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("owner_telegram", sa.Text(), nullable=True),
        sa.Column("handoff_number", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licenses")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_sources",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("license_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('webhook', 'anpr', 'parking', 'security')", name=op.f("ck_alert_sources_kind")),
        sa.CheckConstraint("severity IN ('info', 'warn', 'critical')", name=op.f("ck_alert_sources_severity")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_alert_sources_license_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_sources")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_alert_sources_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_sources_license_id", "alert_sources", ["license_id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("license_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("whatsapp", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=True),
        sa.Column("whatsapp_window_until", TIME, nullable=True),
        sa.Column("phone_invalid_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_contacts_license_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contacts_license_id_position", "contacts", ["license_id", "position"], unique=False)
    op.create_index("ix_contacts_whatsapp", "contacts", ["whatsapp"], unique=False)
    op.create_table(
        "calls",
        sa.Column("sequence", KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("license_id", KEY, nullable=False),
        sa.Column("contact_id", KEY, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("trunk", sa.Text(), nullable=True),
        sa.Column("to_number", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("answered_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("sip_cause", sa.Integer(), nullable=True),
        sa.Column("hangup_cause", sa.Integer(), nullable=True),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("billed_seconds", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('acknowledged', 'handed_off', 'no_key', 'machine', 'no_answer',"
            " 'busy', 'declined', 'invalid_number', 'trunk_trouble', 'cancelled', 'lost')",
            name=op.f("ck_calls_outcome"),
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_calls_contact_id")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_calls_license_id")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_calls")),
        sa.UniqueConstraint("id", name=op.f("uq_calls_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_calls_contact_id_started_at", "calls", ["contact_id", "started_at"], unique=False)
    op.create_index("ix_calls_license_id_started_at", "calls", ["license_id", "started_at"], unique=False)
    op.create_index("ix_calls_to_number_started_at", "calls", ["to_number", "started_at"], unique=False)
    op.create_index(
        "ix_calls_unfinished",
        "calls",
        ["sequence"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("license_id", KEY, nullable=False),
        sa.Column("source_id", KEY, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("repeat_count", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("throttle_reason", sa.String(length=20), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", TIME, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_via", sa.String(length=20), nullable=True),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.CheckConstraint(
            "acknowledged_via IN ('link', 'dtmf', 'reply', 'admin', 'api')", name=op.f("ck_events_acknowledged_via")
        ),
        sa.CheckConstraint("severity IN ('info', 'warn', 'critical')", name=op.f("ck_events_severity")),
        sa.CheckConstraint("status <> 'open' OR finished_at IS NULL", name=op.f("ck_events_open_is_unfinished")),
        sa.CheckConstraint(
            "status IN ('open', 'acknowledged', 'resolved', 'exhausted', 'throttled')", name=op.f("ck_events_status")
        ),
        sa.CheckConstraint("throttle_reason IN ('rate_limit', 'monthly_cap')", name=op.f("ck_events_throttle_reason")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_events_license_id")),
        sa.ForeignKeyConstraint(["source_id"], ["alert_sources.id"], name=op.f("fk_events_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_events_accepted",
        "events",
        ["license_id", "created_at"],
        unique=False,
        sqlite_where=sa.text("status <> 'throttled'"),
        postgresql_where=sa.text("status <> 'throttled'"),
    )
    op.create_index("ix_events_license_id_id", "events", ["license_id", "id"], unique=False)
    op.create_index(
        "ix_events_source_id_dedup_key_created_at", "events", ["source_id", "dedup_key", "created_at"], unique=False
    )
    op.create_index("ix_events_status_id", "events", ["status", "id"], unique=False)
    op.create_index(
        "ix_events_open",
        "events",
        ["source_id", "dedup_key", "created_at"],
        unique=False,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_events_unfinished",
        "events",
        ["id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "ack_links",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("contact_id", KEY, nullable=True),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_ack_links_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_ack_links_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ack_links")),
        sa.UniqueConstraint("event_id", "contact_id", name=op.f("uq_ack_links_event_id_contact_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_ack_links_owner",
        "ack_links",
        ["event_id"],
        unique=True,
        sqlite_where=sa.text("contact_id IS NULL"),
        postgresql_where=sa.text("contact_id IS NULL"),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("contact_id", KEY, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("via", sa.String(length=20), nullable=False),
        sa.Column("acknowledged_at", TIME, nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.CheckConstraint("via IN ('link', 'dtmf', 'reply', 'admin', 'api')", name=op.f("ck_acknowledgements_via")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_acknowledgements_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_acknowledgements_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgements")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_acknowledgements_event_id_contact_id", "acknowledgements", ["event_id", "contact_id"], unique=False
    )
    op.create_index(
        "uq_acknowledgements_first",
        "acknowledgements",
        ["event_id"],
        unique=True,
        sqlite_where=sa.text("is_first"),
        postgresql_where=sa.text("is_first"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("contact_id", KEY, nullable=True),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("deadline_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "level IN ('whatsapp_text', 'whatsapp_voice', 'phone', 'telegram', 'stand_down')",
            name=op.f("ck_attempts_level"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'delivered', 'read', 'missed', 'acknowledged',"
            " 'handed_off', 'invalid_number', 'failed', 'unavailable', 'unknown', 'skipped', 'cancelled')",
            name=op.f("ck_attempts_state"),
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_attempts_call_id"), initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_attempts_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_attempts_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_event_id_id", "attempts", ["event_id", "id"], unique=False)
    op.create_index(
        "ix_attempts_pending_calls",
        "attempts",
        ["contact_id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending' AND level = 'phone'"),
        postgresql_where=sa.text("state = 'pending' AND level = 'phone'"),
    )
    op.create_index(
        "ix_attempts_provider_id",
        "attempts",
        ["provider_id", "provider"],
        unique=False,
        sqlite_where=sa.text("provider_id IS NOT NULL"),
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_table(
        "signals",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.CheckConstraint("kind IN ('event_opened', 'event_changed')", name=op.f("ck_signals_kind")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_signals_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "timeline",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("contact_id", KEY, nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_timeline_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_timeline_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_timeline_event_id_id", "timeline", ["event_id", "id"], unique=False)
    op.create_table(
        "call_attempts",
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("attempt_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_call_attempts_attempt_id")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_call_attempts_call_id")),
        sa.PrimaryKeyConstraint("call_id", "attempt_id", name=op.f("pk_call_attempts")),
    )
    op.create_index("ix_call_attempts_attempt_id", "call_attempts", ["attempt_id"], unique=False)
    op.create_table(
        "heartbeats",
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("engine", name=op.f("pk_heartbeats")),
    )
    _forbid_changes_of_the_timeline()


def _forbid_changes_of_the_timeline() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER timeline_refuses_{verb.lower()} BEFORE {verb} ON timeline"
                " BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION timeline_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the timeline is append-only'"
        " USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER timeline_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON timeline"
        " FOR EACH STATEMENT EXECUTE FUNCTION timeline_is_append_only()"
    )
