"""Messages that came in: which of them were taken already, and what they did."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import BigKey, UtcDateTime

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "inbound_messages",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event_id", BigKey, nullable=True),
        sa.Column("contact_id", BigKey, nullable=True),
        sa.Column("acknowledges", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_inbound_messages_event_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_inbound_messages_contact_id")),
        sa.PrimaryKeyConstraint("provider", "provider_id", name=op.f("pk_inbound_messages")),
    )
    op.create_index("ix_inbound_messages_at", "inbound_messages", ["at"])
