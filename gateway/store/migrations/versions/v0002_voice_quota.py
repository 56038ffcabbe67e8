"""Caps of licenses, the ledger of voice seconds, and the notices to owners."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Give licenses their own caps, and make the tables of what was used and of who was told."""
    op.add_column("licenses", sa.Column("caps", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("licenses", sa.Column("overdraft", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "voice_uses",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("license_id", KEY, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("reserved_seconds", sa.Integer(), nullable=False),
        sa.Column("used_seconds", sa.Integer(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.CheckConstraint("kind IN ('call', 'voice_note')", name=op.f("ck_voice_uses_kind")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_voice_uses_license_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_uses")),
        sa.UniqueConstraint("kind", "reference", name=op.f("uq_voice_uses_kind_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_voice_uses_license_id_month", "voice_uses", ["license_id", "month"], unique=False)
    op.create_table(
        "quota_notices",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("license_id", KEY, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('voice_80', 'voice_100', 'events_80', 'events_100')", name=op.f("ck_quota_notices_kind")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'failed', 'skipped')", name=op.f("ck_quota_notices_state")
        ),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_quota_notices_license_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_notices")),
        sa.UniqueConstraint("license_id", "month", "kind", name=op.f("uq_quota_notices_license_id_month_kind")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_quota_notices_pending",
        "quota_notices",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
