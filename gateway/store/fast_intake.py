"""What the fast intake of both databases has in common."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.fast_intake import Declined, PlainEvent, SeenSource
from gateway.ports.record import CommitObserver
from gateway.store.repositories.contacts import SqlContacts
from gateway.store.repositories.sources import SqlSources

# A former token is never looked for by this.
_AT_ANY_TIME = datetime(9999, 1, 1, tzinfo=UTC)


def see(connection: Connection, mark_query: str, token_hash: bytes) -> SeenSource | None:
    """Return the source of a token, all of it as it is in the connection's transaction.

    ``mark_query`` gives the mark of the source with the id ``:source_id``.
    """
    sender = SqlSources(connection).by_token_hash(token_hash, _AT_ANY_TIME)
    if sender is None:
        return None
    mark: str = connection.execute(text(mark_query), {"source_id": sender.source.id}).scalar_one()
    contacts = tuple(SqlContacts(connection).of_license(sender.license.id))
    return SeenSource(mark=mark, sender=sender, contacts=contacts)


def tell(
    observer: CommitObserver | None, events: Sequence[PlainEvent], outcomes: Sequence[int | Declined], seconds: float
) -> None:
    """Tell the observer what was committed."""
    if observer is None:
        return
    opened = [
        accepted(outcome, event)
        for event, outcome in zip(events, outcomes, strict=True)
        if not isinstance(outcome, Declined)
    ]
    observer.committed(opened, (), seconds)


def accepted(event_id: int, event: PlainEvent) -> TimelineEntry:
    """Return the entry with which an event's timeline begins."""
    return TimelineEntry(
        event_id=event_id,
        at=event.created_at,
        type=TimelineType.ACCEPTED,
        contact_id=None,
        channel=None,
        detail=dict(event.detail),
    )
