"""Recording what became of messages, with patience: what is not recorded would be taken for unknown."""

from collections.abc import Sequence

import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from gateway.model.attempt import Attempt, AttemptState
from gateway.ports.clock import Clock
from gateway.ports.messages import Delivery
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services import escalate
from gateway.services.grouped import GroupedWriter

log = structlog.get_logger(__name__)

_RECORD_RETRY_SECONDS = 10


class Results:
    """Records deliveries; those that come at the same time share a transaction."""

    def __init__(self, *, record: Record, clock: Clock) -> None:
        self._clock = clock
        self._writer = GroupedWriter[Sequence[escalate.MessageResult]](
            lambda groups: escalate.finish_messages(record, [result for group in groups for result in group])
        )

    def put(self, attempts: Sequence[Attempt], delivery: Delivery) -> None:
        """Return when it is recorded, for all together, what became of the message that these attempts made.

        Raises ``RecordUnavailableError`` where that was not possible for long.
        """
        for attempt in attempts:
            bound = log.bind(event_id=attempt.event_id, attempt_id=attempt.id, level=attempt.level.value)
            if delivery.state in {AttemptState.SENT, AttemptState.SKIPPED}:
                bound.info("message_handed_over", state=delivery.state.value, provider_id=delivery.provider_id)
            else:
                bound.warning("message_not_sent", state=delivery.state.value, reason=delivery.reason)
        # A result that could not be written would be taken for unknown after its deadline: worth some patience.
        for trial in Retrying(
            retry=retry_if_exception_type(RecordUnavailableError),
            stop=stop_after_delay(_RECORD_RETRY_SECONDS),
            wait=wait_exponential(multiplier=0.1, max=2),
            reraise=True,
        ):
            with trial:
                at = self._clock.now()
                self._writer.put(
                    [
                        escalate.MessageResult(
                            event_id=attempt.event_id, attempt_id=attempt.id, delivery=delivery, at=at
                        )
                        for attempt in attempts
                    ]
                )
