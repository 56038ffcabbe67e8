"""Messages in a license's own words, as they are used; what could not be used is noted on the event's timeline."""

import structlog

from gateway.model.attempt import Level
from gateway.model.policy import Snapshot
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.clock import Clock
from gateway.ports.record import Record, RecordUnavailableError
from gateway.wording.templates import Facts, TemplateName
from gateway.wording.worded import Worded, worded

log = structlog.get_logger(__name__)


class OwnWords:
    """Words messages by the templates of their event's snapshot."""

    def __init__(self, *, record: Record, clock: Clock) -> None:
        self._record = record
        self._clock = clock

    def of(
        self,
        name: TemplateName,
        language: str,
        facts: Facts,
        *,
        snapshot: Snapshot,
        event_id: int,
        level: Level,
        contact_id: int | None = None,
    ) -> str:
        """Return a message about an event; where the license's template for it fails, in the built-in words."""
        made = worded(snapshot.templates, name, language, facts)
        if made.problem is not None:
            self._note(made, language, event_id=event_id, level=level, contact_id=contact_id)
        return made.text

    def _note(self, made: Worded, language: str, *, event_id: int, level: Level, contact_id: int | None) -> None:
        entry = TimelineEntry(
            event_id=event_id,
            at=self._clock.now(),
            type=TimelineType.TEMPLATE_FAILED,
            contact_id=contact_id,
            channel=level.value,
            detail={"template": made.name.value, "language": language, "problem": made.problem},
        )
        try:
            with self._record.write() as work:
                # A message may be composed more than once, as when its sending is tried again.
                known = work.timeline.of_event(event_id)
                if not any(_same(entry, other) for other in known):
                    work.timeline.append(entry)
                    work.commit()
        except RecordUnavailableError as error:
            # The message matters more than the note; the log has it in any case.
            log.warning("template_failure_not_recorded", event_id=event_id, error=str(error))


def _same(one: TimelineEntry, other: TimelineEntry) -> bool:
    return (one.type, one.contact_id, one.channel, one.detail) == (
        other.type,
        other.contact_id,
        other.channel,
        other.detail,
    )
