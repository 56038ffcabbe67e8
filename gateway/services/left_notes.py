"""Voice notes whose settlement was lost with the engine that sent them, or while the database was away."""

from datetime import datetime, timedelta

import structlog

from gateway.model.attempt import AttemptState
from gateway.model.quota import VoiceUseKind
from gateway.ports.quota import VoiceUse
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)

# What was begun so long ago nobody is sending any more.
_LEFT_FOR = timedelta(minutes=15)
_NEVER_LEFT = frozenset(
    {AttemptState.FAILED, AttemptState.UNAVAILABLE, AttemptState.SKIPPED, AttemptState.CANCELLED, AttemptState.PENDING}
)


def settle_left_notes(record: Record, quota: VoiceQuota, at: datetime) -> None:
    """Settle them by what became of the notes: what may have been sent counts as it was reserved. Never raises."""
    try:
        with record.read() as work:
            left = work.quota.open_notes(before=at - _LEFT_FOR)
        for use in left:
            _settle(record, quota, use, at)
    except RecordUnavailableError as error:
        log.warning("voice_notes_not_settled", error=str(error))
    except Exception:
        # Nobody waits for this work: what it raises would be lost.
        log.exception("voice_notes_not_settled")


def _settle(record: Record, quota: VoiceQuota, use: VoiceUse, at: datetime) -> None:
    with record.write() as work:
        quota.hold(work, use.kind, use.reference)
        attempt = work.attempts.get(int(use.reference))
        seconds = 0 if attempt is None or attempt.state in _NEVER_LEFT else use.reserved_seconds
        quota.settle(work, kind=VoiceUseKind.VOICE_NOTE, reference=use.reference, used_seconds=seconds, at=at)
        work.commit()
    log.info("voice_note_settled", attempt_id=use.reference, license_id=use.license_id, seconds=seconds)
