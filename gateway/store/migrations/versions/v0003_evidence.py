"""The hash chain of each license's timeline, and more of what is known of a call."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from gateway.model.chain import ChainHead, canonical_text, extend, genesis, microseconds
from gateway.store.json_text import load_object

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_ROWS_AT_ONCE = 1000
_REFUSED_ON_SQLITE = ("UPDATE", "DELETE")


def upgrade() -> None:
    """Chain the entries that are there, and see to it that each new one is chained."""
    op.create_table(
        "chain_heads",
        sa.Column("license_id", KEY, autoincrement=False, nullable=False),
        sa.Column("last_index", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["license_id"], ["licenses.id"], name=op.f("fk_chain_heads_license_id")),
        sa.PrimaryKeyConstraint("license_id", name=op.f("pk_chain_heads")),
    )
    op.add_column("calls", sa.Column("ringing_at", TIME, nullable=True))
    op.add_column("calls", sa.Column("sip_call_id", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("audio_sha256", sa.String(length=64), nullable=True))
    op.add_column("calls", sa.Column("digit_times", sa.Text(), nullable=True))
    op.add_column("timeline", sa.Column("license_id", KEY, nullable=True))
    op.add_column("timeline", sa.Column("chain_index", sa.BigInteger(), nullable=True))
    op.add_column("timeline", sa.Column("entry_hash", sa.LargeBinary(), nullable=True))
    _permit_changes()
    _chain()
    with op.batch_alter_table("timeline", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.alter_column("license_id", existing_type=KEY, nullable=False)
        table.alter_column("chain_index", existing_type=sa.BigInteger(), nullable=False)
        table.alter_column("entry_hash", existing_type=sa.LargeBinary(), nullable=False)
        table.create_unique_constraint(op.f("uq_timeline_license_id_chain_index"), ["license_id", "chain_index"])
    _refuse_changes()
    _move_heads_along()


def _chain() -> None:
    connection = op.get_bind()
    heads: dict[int, ChainHead] = {}
    fill = sa.text(
        "UPDATE timeline SET license_id = :license_id, chain_index = :index, entry_hash = :hash WHERE id = :id"
    )
    for rows in _batches(connection):
        places = []
        for row in rows:
            canonical = canonical_text(
                event_id=row.event_id,
                at=microseconds(row.at) if isinstance(row.at, datetime) else row.at,
                kind=row.type,
                contact_id=row.contact_id,
                channel=row.channel,
                detail=load_object(row.detail),
            )
            head = heads[row.license_id] = extend(heads.get(row.license_id) or genesis(row.license_id), canonical)
            places.append({"id": row.id, "license_id": head.license_id, "index": head.index, "hash": head.hash})
        connection.execute(fill, places)
    for head in heads.values():
        connection.execute(
            sa.text("INSERT INTO chain_heads (license_id, last_index, last_hash) VALUES (:license_id, :index, :hash)"),
            {"license_id": head.license_id, "index": head.index, "hash": head.hash},
        )


def _batches(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    query = sa.text(
        "SELECT timeline.id, event_id, at, type, contact_id, channel, detail, events.license_id"
        " FROM timeline JOIN events ON events.id = timeline.event_id"
        " WHERE timeline.id > :last ORDER BY timeline.id LIMIT :at_most"
    )
    last = 0
    while rows := connection.execute(query, {"last": last, "at_most": _ROWS_AT_ONCE}).all():
        yield rows
        last = rows[-1].id


def _permit_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in _REFUSED_ON_SQLITE:
            op.execute(f"DROP TRIGGER timeline_refuses_{verb.lower()}")
    else:
        op.execute("DROP TRIGGER timeline_refuses_changes ON timeline")


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in _REFUSED_ON_SQLITE:
            op.execute(
                f"CREATE TRIGGER timeline_refuses_{verb.lower()} BEFORE {verb} ON timeline"
                " BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER timeline_refuses_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON timeline"
            " FOR EACH STATEMENT EXECUTE FUNCTION timeline_is_append_only()"
        )


def _move_heads_along() -> None:
    """Have the database itself note each entry as the newest of its chain, and refuse one that is not the next."""
    move = (
        "UPDATE chain_heads SET last_index = NEW.chain_index, last_hash = NEW.entry_hash"
        " WHERE license_id = NEW.license_id AND last_index = NEW.chain_index - 1;"
    )
    refusal = "the entry is not the next one of its chain"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER timeline_moves_chain_head AFTER INSERT ON timeline BEGIN {move}"
            f" SELECT RAISE(ABORT, '{refusal}') WHERE changes() = 0; END"
        )
        return
    op.execute(
        "CREATE FUNCTION timeline_moves_chain_head() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {move} IF NOT FOUND THEN RAISE EXCEPTION '{refusal}'"
        " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER timeline_moves_chain_head AFTER INSERT ON timeline"
        " FOR EACH ROW EXECUTE FUNCTION timeline_moves_chain_head()"
    )
