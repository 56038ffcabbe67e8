"""People: who administers, what they changed, whom WhatsApp reaches, and what the owners' messages show."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import BigKey, UtcDateTime

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns and the tables."""
    op.add_column("licenses", sa.Column("templates", sa.Text(), server_default="{}", nullable=False))
    op.add_column("contacts", sa.Column("whatsapp_blocked", sa.Text(), nullable=True))
    op.add_column("contacts", sa.Column("whatsapp_blocked_at", UtcDateTime(), nullable=True))
    op.add_column("alert_sources", sa.Column("former_token_hash", sa.LargeBinary(), nullable=True))
    op.add_column("alert_sources", sa.Column("former_token_until", UtcDateTime(), nullable=True))
    op.create_index("ix_alert_sources_former_token_hash", "alert_sources", ["former_token_hash"])
    op.create_index("ix_events_created_at", "events", ["created_at", "license_id", "status"])
    _owner_messages()
    _users()
    _refused_posts()


def _owner_messages() -> None:
    op.create_table(
        "owner_messages",
        sa.Column("attempt_id", BigKey, autoincrement=False, nullable=False),
        sa.Column("event_id", BigKey, nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("shown", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_owner_messages_attempt_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_owner_messages_event_id")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_owner_messages")),
    )
    op.create_index("ix_owner_messages_event_id", "owner_messages", ["event_id"])
    op.create_index("ix_owner_messages_message_id", "owner_messages", ["message_id"])
    op.create_index(
        "ix_owner_messages_due",
        "owner_messages",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("session_key", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_sign_in_at", UtcDateTime(), nullable=True),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('superadmin', 'admin', 'viewer')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "user_licenses",
        sa.Column("user_id", BigKey, nullable=False),
        sa.Column("license_id", BigKey, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_licenses_user_id")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_user_licenses_license_id")),
        sa.PrimaryKeyConstraint("user_id", "license_id", name=op.f("pk_user_licenses")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("user_id", BigKey, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("license_id", BigKey, nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audit_log_user_id")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_audit_log_license_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_log_license_id_id", "audit_log", ["license_id", "id"])


def _refused_posts() -> None:
    op.create_table(
        "refused_posts",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("license_id", BigKey, nullable=False),
        sa.Column("source_id", BigKey, nullable=False),
        sa.Column("error", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_refused_posts_license_id")),
        sa.ForeignKeyConstraint(["source_id"], ["alert_sources.id"], name=op.f("fk_refused_posts_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_posts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_refused_posts_source_id_last_at", "refused_posts", ["source_id", "last_at"])
