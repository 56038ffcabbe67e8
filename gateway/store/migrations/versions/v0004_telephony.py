"""What is known of calls through cloud providers, of their quality, and notes to the engine about a call."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns, and let notes be about a call."""
    op.add_column("calls", sa.Column("provider_call_id", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("post_dial_delay_ms", sa.Integer(), nullable=True))
    op.add_column("calls", sa.Column("quality", sa.Text(), nullable=True))
    op.create_index("ix_calls_trunk_started_at", "calls", ["trunk", "started_at"])
    op.create_index("ix_calls_provider_call_id", "calls", ["provider_call_id"])
    with op.batch_alter_table("signals", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("call_id", sa.String(length=32), nullable=True))
        table.create_foreign_key(op.f("fk_signals_call_id"), "calls", ["call_id"], ["id"])
        table.drop_constraint(op.f("ck_signals_kind"), type_="check")
        table.create_check_constraint(
            op.f("ck_signals_kind"), "kind IN ('event_opened', 'event_changed', 'call_changed')"
        )
