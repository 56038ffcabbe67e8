"""Refused posts in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from gateway.ports.sources import RefusedPosts
from gateway.store.tables import refused_posts

_NEWEST_FIRST = (refused_posts.c.last_at.desc(), refused_posts.c.id.desc())


class SqlRefusedPosts:
    """``RefusedPostRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, refused: RefusedPosts, *, join_after: datetime) -> None:
        """See the port."""
        newest = (
            self._connection.execute(
                select(refused_posts)
                .where(refused_posts.c.source_id == refused.source_id)
                .order_by(*_NEWEST_FIRST)
                .limit(1)
            )
            .mappings()
            .one_or_none()
        )
        if newest is not None and newest["last_at"] >= join_after and _alike(newest, refused):
            self._connection.execute(
                update(refused_posts)
                .where(refused_posts.c.id == newest["id"])
                .values(last_at=max(refused.last_at, newest["last_at"]), count=refused_posts.c.count + refused.count)
            )
            return
        values = {
            "license_id": refused.license_id,
            "source_id": refused.source_id,
            "error": refused.error,
            "message": refused.message,
            "address": refused.address,
            "first_at": refused.first_at,
            "last_at": refused.last_at,
            "count": refused.count,
        }
        self._connection.execute(insert(refused_posts), values)

    def of_licenses(self, license_ids: Collection[int] | None, *, limit: int) -> Sequence[RefusedPosts]:
        """See the port."""
        query = select(refused_posts).order_by(*_NEWEST_FIRST).limit(limit)
        if license_ids is not None:
            query = query.where(refused_posts.c.license_id.in_(sorted(license_ids)))
        return [_refused(row) for row in self._connection.execute(query).mappings()]

    def of_source(self, source_id: int, *, limit: int) -> Sequence[RefusedPosts]:
        """See the port."""
        query = (
            select(refused_posts).where(refused_posts.c.source_id == source_id).order_by(*_NEWEST_FIRST).limit(limit)
        )
        return [_refused(row) for row in self._connection.execute(query).mappings()]

    def prune(self, source_id: int, *, keep: int) -> None:
        """See the port."""
        theirs = refused_posts.c.source_id == source_id
        kept = select(refused_posts.c.id).where(theirs).order_by(*_NEWEST_FIRST).limit(keep)
        self._connection.execute(delete(refused_posts).where(theirs, refused_posts.c.id.not_in(kept)))


def _alike(row: RowMapping, refused: RefusedPosts) -> bool:
    return bool(
        row["error"] == refused.error and row["message"] == refused.message and row["address"] == refused.address
    )


def _refused(row: RowMapping) -> RefusedPosts:
    return RefusedPosts(
        license_id=row["license_id"],
        source_id=row["source_id"],
        error=row["error"],
        message=row["message"],
        address=row["address"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        count=row["count"],
    )
