"""What owners are told: a message with a button, sent once the record says so and edited when its alerts are settled.

A message is about one event, or about several of one license that fell due together. What it shows of each is on
record (``OwnerMessage``) before it is sent: so whoever presses the button of a message that was sent just before the
engine was killed is understood all the same. Blocks: it runs beside the actors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from zoneinfo import ZoneInfo

import structlog

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.ladder import backoff
from gateway.ports.clock import Clock
from gateway.ports.messages import Button, Delivery, Message
from gateway.ports.owner_messages import OwnerMessage, not_sent_yet
from gateway.ports.owners import OwnerChannel
from gateway.ports.record import EscalationRecord, Record, RecordUnavailableError, UnitOfWork
from gateway.services.advance import Begun
from gateway.services.compose import Composer
from gateway.services.owner_moves import follow_move
from gateway.services.results import Results
from gateway.wording import owners

log = structlog.get_logger(__name__)

MOST_TOGETHER = 100
"""How many events one message is about at most: all of them are locked while it is prepared."""

BUTTON_PREFIX = "ack:"
_PROVIDER = "tocsin"
_AT_ONCE = 200
_TRIED_FOR = timedelta(days=1)
_SETTLED = frozenset({EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED})

Told = tuple[Begun, EscalationRecord]


class _Stand(Enum):
    """How an attempt to tell the owner stands when it is about to be made."""

    DUE = auto()
    OVER = auto()  # its event is closed
    LATE = auto()  # its time has run out
    GIVEN_UP = auto()  # likewise, and the ladder has seen it


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message that was sent is."""

    chat: str
    message_id: str


class OwnerDesk:
    """Sends owners' messages, and keeps what was sent up to date.

    ``link_url`` makes the address of an acknowledgement link from its id.
    """

    def __init__(
        self,
        *,
        record: Record,
        clock: Clock,
        channel: OwnerChannel,
        composer: Composer,
        results: Results,
        link_url: Callable[[int], str],
    ) -> None:
        self._record = record
        self._clock = clock
        self._channel = channel
        self._composer = composer
        self._results = results
        self._link_url = link_url

    def turn(self, chat: str) -> timedelta:
        """Take the chat's next turn and return nothing, or how long to wait for it. Does no I/O."""
        return self._channel.turn(chat)

    def tell(self, told: Sequence[Told]) -> None:
        """Send one message about these events, whose attempts are pending, and record what became of it."""
        attempts = [begun.attempt for begun, _ in told]
        try:
            stands = self._begin(told)
            by_stand = {stand: [a for a in attempts if stands[a.id] is stand] for stand in _Stand}
            if over := by_stand[_Stand.OVER]:
                self._results.put(over, _not_sent(AttemptState.SKIPPED, "already_over"))
            if late := by_stand[_Stand.LATE]:
                self._results.put(late, _not_sent(AttemptState.UNAVAILABLE, "not_sent_in_time"))
            if attempts := by_stand[_Stand.DUE]:
                self._results.put(attempts, self._send([one for one in told if one[0].attempt in attempts]))
        except RecordUnavailableError as error:
            # The ladder takes them for unknown after their deadline, and has the owner told again.
            log.warning("owner_not_told", events=[a.event_id for a in attempts], error=str(error))

    def put_off(self, told: Sequence[Told], reason: str) -> None:
        """Record that these could not be sent in time: the ladder tries them again."""
        try:
            self._results.put([begun.attempt for begun, _ in told], _not_sent(AttemptState.UNAVAILABLE, reason))
        except RecordUnavailableError as error:
            log.warning("owner_not_told", reason=reason, error=str(error))

    def due(self) -> Sequence[MessagePlace]:
        """Return the messages that are to be edited now."""
        now = self._clock.now()
        with self._record.read() as work:
            rows = work.owner_messages.due(now, _AT_ONCE)
        lost = [row for row in rows if not row.numbered]
        if lost:
            self._give_up_lost(lost)
        return list(dict.fromkeys(MessagePlace(row.chat, row.message_id) for row in rows if row.numbered))

    def refresh(self, place: MessagePlace) -> None:
        """Have a message show how its events stand on record. One call at a time for a message."""
        with self._record.read() as work:
            rows = work.owner_messages.of_message(place.chat, place.message_id)
            escalations = {each.event.id: each for each in work.events.escalations([row.event_id for row in rows])}
            links = work.acknowledgements.owner_links(list(escalations))
        rows = [row for row in rows if row.event_id in escalations]
        if not rows:
            return
        told = [
            (
                _begun(row, escalations[row.event_id], links[row.event_id].id if row.event_id in links else None),
                escalations[row.event_id],
            )
            for row in rows
        ]
        message = replace(self._message(told), to=place.chat)
        delivery = self._channel.edit(message, place.message_id)
        self._record_edit(rows, escalations, delivery)

    def _begin(self, told: Sequence[Told]) -> dict[int, _Stand]:
        """Record that a message is about to be sent, for the attempts that it is due for; return how each stands."""
        attempts = sorted((begun.attempt for begun, _ in told), key=lambda attempt: attempt.event_id)
        chats = {begun.attempt.id: escalation.snapshot.owner_telegram or "" for begun, escalation in told}
        with self._record.write() as work:
            stands = {attempt.id: _stand(work, attempt, self._clock.now()) for attempt in attempts}
            if due := [attempt for attempt in attempts if stands[attempt.id] is _Stand.DUE]:
                name = not_sent_yet(min(attempt.id for attempt in due))
                work.owner_messages.add(
                    [
                        OwnerMessage(
                            attempt_id=attempt.id,
                            event_id=attempt.event_id,
                            chat=chats[attempt.id],
                            message_id=name,
                            shown=EventStatus.EXHAUSTED.value,
                        )
                        for attempt in due
                    ]
                )
                work.commit()
        return stands

    def _send(self, told: Sequence[Told]) -> Delivery:
        message = self._message(told)
        delivery = self._channel.send(message)
        if delivery.state is AttemptState.SENT and delivery.chat is not None:
            follow_move(self._record, message.to, delivery.chat)
        return delivery

    def _message(self, told: Sequence[Told]) -> Message:
        """Return the message that tells how these events stand."""
        (begun, escalation), *others = told
        language = escalation.snapshot.language
        alerts = [self._alert(*one) for one in told]
        if others:
            text = owners.several(language, license_name=escalation.snapshot.license_name, alerts=alerts)
            message = Message(level=Level.OWNER, to=escalation.snapshot.owner_telegram or "", text=text)
        else:
            message = self._composer.message(begun, escalation)
            if not alerts[0].open:
                message = replace(message, text=f"{owners.settled(language, alerts[0])}\n\n{message.text}")
        left = sum(alert.open for alert in alerts)
        if not left or not self._channel.takes_presses():
            return message
        first = min(one.attempt.id for one, _ in told)
        return replace(message, button=Button(owners.button(language, left), f"{BUTTON_PREFIX}{first}"))

    def _alert(self, begun: Begun, escalation: EscalationRecord) -> owners.ToldAlert:
        event = escalation.event
        at = event.acknowledged_at or event.closed_at
        return owners.ToldAlert(
            title=event.title,
            open=event.status not in _SETTLED,
            by=event.acknowledged_by if event.status is EventStatus.ACKNOWLEDGED else None,
            at=None if at is None else at.astimezone(ZoneInfo(escalation.snapshot.time_zone)),
            link=None if begun.link_id is None else self._link_url(begun.link_id),
        )

    def _record_edit(
        self, rows: Sequence[OwnerMessage], escalations: dict[int, EscalationRecord], delivery: Delivery
    ) -> None:
        now = self._clock.now()
        due = [row for row in rows if row.due_at is not None]
        bound = log.bind(chat=rows[0].chat, message_id=rows[0].message_id, events=[row.event_id for row in due])
        again_at = None
        if delivery.state not in {AttemptState.SENT, AttemptState.FAILED} and due:
            policy = escalations[due[0].event_id].snapshot.policy
            retry_at = now + backoff(policy, max(row.tries for row in due) + 1)
            closed_at = max(escalations[row.event_id].event.closed_at or now for row in due)
            if retry_at <= closed_at + _TRIED_FOR:
                again_at = retry_at
        with self._record.write() as work:
            if again_at is not None:
                work.owner_messages.retry(due, again_at)
            else:
                edited = delivery.state is AttemptState.SENT
                for row in rows if edited else due:
                    shown = _shown(escalations[row.event_id].event.status) if edited else row.shown
                    work.owner_messages.settle(row, shown=shown, reason=None if edited else delivery.reason)
            work.commit()
        if again_at is not None:
            bound.warning("owner_message_not_edited", reason=delivery.reason, retry_at=again_at)
        elif delivery.state is AttemptState.SENT:
            bound.info("owner_message_edited")
        else:
            bound.warning("owner_message_given_up", reason=delivery.reason)

    def _give_up_lost(self, rows: Sequence[OwnerMessage]) -> None:
        """End those of whose message nobody knows the id; one that is being sent is left alone."""
        with self._record.write() as work:
            for row in rows:
                attempt = work.attempts.get(row.attempt_id)
                if attempt is None or attempt.state is not AttemptState.PENDING:
                    work.owner_messages.settle(row, shown=row.shown, reason="message id unknown")
            work.commit()


def _stand(work: UnitOfWork, attempt: Attempt, now: datetime) -> _Stand:
    """Return how an attempt stands, and hold its event: whoever closes it from now on finds the message on record."""
    if work.events.lock(attempt.event_id) is not EventStatus.OPEN:
        return _Stand.OVER
    known = work.attempts.get(attempt.id)
    if known is None or known.state is not AttemptState.PENDING:
        return _Stand.GIVEN_UP
    return _Stand.LATE if attempt.deadline_at is not None and attempt.deadline_at <= now else _Stand.DUE


def _begun(row: OwnerMessage, escalation: EscalationRecord, link_id: int | None) -> Begun:
    attempt = next(attempt for attempt in escalation.history if attempt.id == row.attempt_id)
    return Begun(attempt=attempt, link_id=link_id)


def _shown(status: EventStatus) -> str:
    return status.value if status in _SETTLED else EventStatus.EXHAUSTED.value


def _not_sent(state: AttemptState, reason: str) -> Delivery:
    return Delivery(state=state, provider=_PROVIDER, reason=reason)
