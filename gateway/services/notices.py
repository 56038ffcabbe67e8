"""Telling owners, once a month each, that most or all of a cap is used. Blocks: it runs beside the actors."""

import threading
from collections.abc import Sequence
from datetime import datetime

import structlog

from gateway.model.attempt import AttemptState, Level
from gateway.model.ladder import backoff
from gateway.model.license import License
from gateway.model.policy import Policy
from gateway.model.quota import NoticeState
from gateway.ports.clock import Clock
from gateway.ports.messages import Delivery, Message, NotificationChannel
from gateway.ports.owners import OwnerChannel
from gateway.ports.quota import QuotaNotice
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services.exceptions import UnknownLicenseError
from gateway.services.owner_moves import follow_move
from gateway.wording import phrases

log = structlog.get_logger(__name__)


class NoticeSender:
    """Sends the notices that are due through the owners' channel; ``None`` where this installation has none.

    A notice is claimed on record before it is sent, and sent at most once: one of which nobody can say whether it left
    is not repeated. One that certainly did not leave is tried again, with a growing pause, for ``owner_retry_for``.
    """

    def __init__(self, *, record: Record, clock: Clock, channel: NotificationChannel | None, policy: Policy) -> None:
        self._record = record
        self._clock = clock
        self._channel = channel
        self._policy = policy
        self._sending = threading.Lock()

    def send_due(self) -> None:
        """Send all notices that are due and whose chat's turn it is. Never raises; not two at a time."""
        if not self._sending.acquire(blocking=False):
            return
        try:
            for notice in pending_notices(self._record, self._clock.now()):
                if self._is_turn_of(notice):
                    self._send(notice)
        except RecordUnavailableError as error:
            log.warning("notices_not_looked_up", error=str(error))
        except Exception:
            # Nobody waits for this work: what it raises would be lost.
            log.exception("notice_sender_failed")
        finally:
            self._sending.release()

    def _is_turn_of(self, notice: QuotaNotice) -> bool:
        """Tell whether the owner may be sent a message now; where not, the notice stays due."""
        if not isinstance(self._channel, OwnerChannel):
            return True
        with self._record.read() as work:
            license_ = work.licenses.get(notice.license_id)
        chat = license_.owner_telegram if license_ is not None else None
        return not chat or not self._channel.turn(chat)

    def _send(self, notice: QuotaNotice) -> None:
        license_ = begin_notice(self._record, notice.id, license_id=notice.license_id, at=self._clock.now())
        if license_ is None:
            return
        delivery = self._delivered(notice, license_)
        now = self._clock.now()
        retry_at = now + backoff(self._policy, notice.tries + 1)
        again = delivery.state is AttemptState.UNAVAILABLE and retry_at <= notice.at + self._policy.owner_retry_for
        notice_sent(self._record, notice.id, delivery=delivery, at=now, retry_at=retry_at if again else None)
        bound = log.bind(license_id=notice.license_id, month=notice.month, mark=notice.kind.value)
        if delivery.state is AttemptState.SENT:
            bound.info("quota_notice_sent")
        else:
            bound.warning("quota_notice_not_sent", reason=delivery.reason, retry_at=retry_at if again else None)

    def _delivered(self, notice: QuotaNotice, license_: License) -> Delivery:
        if self._channel is None:
            return Delivery(state=AttemptState.SKIPPED, provider="quota", reason="channel_off")
        if not license_.owner_telegram:
            return Delivery(state=AttemptState.SKIPPED, provider="quota", reason="no_owner_chat")
        text = phrases.quota_notice(
            license_.language,
            kind=notice.kind,
            license_name=license_.name,
            month=notice.month,
            used=notice.used,
            cap=notice.cap,
        )
        delivery = self._channel.send(Message(level=Level.OWNER, to=license_.owner_telegram, text=text))
        if delivery.chat is not None:
            follow_move(self._record, license_.owner_telegram, delivery.chat)
        return delivery


def pending_notices(record: Record, at: datetime) -> Sequence[QuotaNotice]:
    """Return the notices that are to be sent by now, oldest first."""
    with record.read() as work:
        return work.quota.due_notices(at)


def begin_notice(record: Record, notice_id: int, *, license_id: int, at: datetime) -> License | None:
    """Record that a notice is about to be sent, and return whose it is; ``None`` where another sender has taken it."""
    with record.write() as work:
        claimed = work.quota.claim_notice(notice_id, at)
        license_ = work.licenses.get(license_id)
        work.commit()
    if license_ is None:
        raise UnknownLicenseError(license_id)
    return license_ if claimed else None


def notice_sent(
    record: Record, notice_id: int, *, delivery: Delivery, at: datetime, retry_at: datetime | None = None
) -> None:
    """Record what became of a notice; with ``retry_at`` it is pending again until then."""
    sent = delivery.state is AttemptState.SENT
    if retry_at is not None:
        state = NoticeState.PENDING
    elif sent:
        state = NoticeState.SENT
    else:
        state = NoticeState.SKIPPED if delivery.state is AttemptState.SKIPPED else NoticeState.FAILED
    with record.write() as work:
        work.quota.update_notice(
            notice_id, state=state, due_at=retry_at, sent_at=at if sent else None, reason=delivery.reason
        )
        work.commit()
