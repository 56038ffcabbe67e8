"""Test calls and test messages to contacts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import BigKey, UtcDateTime

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = sa.text("state <> 'over'")
_REPORTABLE = sa.text("provider_id IS NOT NULL")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "trials",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("license_id", BigKey, nullable=False),
        sa.Column("contact_id", BigKey, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('call', 'message')", name=op.f("ck_trials_kind")),
        sa.CheckConstraint("state IN ('asked', 'begun', 'over')", name=op.f("ck_trials_state")),
        sa.CheckConstraint("outcome IN ('done', 'refused', 'expired', 'interrupted')", name=op.f("ck_trials_outcome")),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_trials_license_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_trials_contact_id")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_trials_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trials_contact_id_id", "trials", ["contact_id", "id"])
    op.create_index("uq_trials_open", "trials", ["contact_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index(
        "ix_trials_provider_id",
        "trials",
        ["provider_id", "provider"],
        sqlite_where=_REPORTABLE,
        postgresql_where=_REPORTABLE,
    )
