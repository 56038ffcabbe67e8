"""Posts that were refused, kept so that somebody who looks for a lost alert finds why."""

from datetime import datetime, timedelta

from gateway.model.license import AlertSource
from gateway.ports.record import Record
from gateway.ports.sources import RefusedPosts

# A sender that repeats its mistake makes one entry with a count, not a thousand.
_JOINED = timedelta(hours=1)
KEPT = 100  # of each source
_LONGEST_MESSAGE = 500


def note_refused_post(
    record: Record, source: AlertSource, *, error: str, message: str, address: str | None, at: datetime
) -> None:
    """Record that a post of the source was refused. Raises ``RecordUnavailableError``."""
    refused = RefusedPosts(
        license_id=source.license_id,
        source_id=source.id,
        error=error,
        message=message[:_LONGEST_MESSAGE],
        address=address,
        first_at=at,
        last_at=at,
    )
    with record.write() as work:
        work.refused_posts.add(refused, join_after=at - _JOINED)
        work.refused_posts.prune(source.id, keep=KEPT)
        work.commit()
