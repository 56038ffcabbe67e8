"""Messages whose result is unknown: what became of them is looked up once, and they are never sent again."""

from dataclasses import replace
from datetime import datetime

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.policy import Policy
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.messages import Delivery
from gateway.ports.record import Record, UnitOfWork
from gateway.services.advance import Begun

_FOUND = "found_at_provider"
_NOT_CONFIRMED = "not_confirmed_by_provider"


def recall(record: Record, *, attempt: Attempt, policy: Policy) -> Begun | None:
    """Return an attempt of unknown result as it was begun, with the link that it carried.

    ``None`` where a report has told meanwhile what became of it.
    """
    with record.write() as work:
        known = work.attempts.get(attempt.id)
        if known is None or known.state is not AttemptState.UNKNOWN:
            return None
        link_id = None
        if known.level is Level.TEXT:
            expires_at = known.began_at + policy.link_lifetime
            link_id = work.acknowledgements.add_link(known.event_id, known.contact_id, expires_at).id
        work.commit()
    return Begun(attempt=known, link_id=link_id)


def settle(record: Record, *, attempt_id: int, found: Delivery | None, at: datetime) -> AttemptState | None:
    """Record what the look-up of an unknown result brought; return the attempt's state from then on.

    A message that was sent keeps the time at which it may have left, so that the wait for its answer is not
    prolonged. What the provider calls another attempt's message is not this one's.
    """
    with record.write() as work:
        attempt = work.attempts.get(attempt_id)
        if attempt is None or attempt.state is not AttemptState.UNKNOWN:
            return None if attempt is None else attempt.state
        if found is not None and _is_anothers(work, attempt, found):
            found = None
        if found is not None:
            failed = found.state is AttemptState.FAILED
            if found.provider_id is not None:
                work.attempts.set_provider_id(attempt.id, found.provider, found.provider_id)
            attempt = replace(
                attempt,
                state=found.state,
                ended_at=at if failed else attempt.ended_at,
                reason=found.reason if failed else _FOUND,
            )
            work.attempts.update(attempt)
        detail: dict[str, object] = {"attempt_id": attempt.id, "result": attempt.state.value}
        detail["reason"] = _NOT_CONFIRMED if found is None else attempt.reason
        if found is not None:
            detail |= {"provider": found.provider, "provider_id": found.provider_id}
        work.timeline.append(
            TimelineEntry(
                event_id=attempt.event_id,
                at=at,
                type=TimelineType.ATTEMPT_RESULT,
                contact_id=attempt.contact_id,
                channel=attempt.level.value,
                detail=detail,
            )
        )
        work.commit()
    return attempt.state


def _is_anothers(work: UnitOfWork, attempt: Attempt, found: Delivery) -> bool:
    if found.provider_id is None:
        return False
    owner = work.attempts.by_provider_id(found.provider, found.provider_id)
    return owner is not None and owner.id != attempt.id
