"""Owners are told of their caps once, whatever happens on the way."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.model.attempt import AttemptState, Level
from gateway.model.policy import Policy
from gateway.model.quota import NoticeState
from gateway.ports.messages import Delivery, Message
from gateway.ports.quota import QuotaNotice
from gateway.ports.record import Record
from gateway.services.notices import NoticeSender, pending_notices
from tests.integration.quota_rig import NOW, QuotaRig
from tests.integration.test_store_races import at_once


@dataclass
class FakeOwnerChannel:
    """Keeps what it is given, and answers as told, with ``SENT`` in the end."""

    answers: list[AttemptState] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        raise NotImplementedError

    def send(self, message: Message) -> Delivery:
        self.sent.append(message)
        state = self.answers.pop(0) if self.answers else AttemptState.SENT
        return Delivery(state=state, provider="fake", reason=None if state is AttemptState.SENT else "it says so")


class MovableClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Notices:
    """A license at a mark, and a sender."""

    def __init__(self, record: Record, *answers: AttemptState, used: int = 480, **license_values: object) -> None:
        self.record = record
        self.rig = QuotaRig(record, **license_values)
        self.rig.use(used)
        self.channel = FakeOwnerChannel(list(answers))
        self.clock = MovableClock()
        self.policy = Policy(retry_backoff=timedelta(seconds=5), owner_retry_for=timedelta(hours=1))
        self.sender = NoticeSender(record=record, clock=self.clock, channel=self.channel, policy=self.policy)

    def stored(self) -> QuotaNotice:
        with self.record.read() as work:
            return work.quota.notices(self.rig.license_id, "2026-11")[0]


def test_the_owner_is_told_once_at_each_mark(record: Record) -> None:
    notices = Notices(record, language="de")
    for _ in range(3):
        notices.sender.send_due()
    assert [(message.level, message.to) for message in notices.channel.sent] == [(Level.OWNER, "1001")]
    words = "Acme hat 80\u00a0% der Sprachminuten für November 2026 verbraucht: 8 Min. von 10 Min."
    assert words in notices.channel.sent[0].text
    assert (notices.stored().state, notices.stored().sent_at) == (NoticeState.SENT, NOW)
    notices.rig.use(120)
    notices.rig.change(voice_minutes="20")
    notices.rig.use(600)
    for _ in range(3):
        notices.sender.send_due()
    assert len(notices.channel.sent) == 2, "a raised cap brings no mark back"
    assert "10 Min. von 10 Min." in notices.channel.sent[1].text


def test_of_ten_senders_at_once_one_sends(record: Record) -> None:
    notices = Notices(record)
    at_once(10, lambda _: notices.sender.send_due())
    assert len(notices.channel.sent) == 1


def test_what_did_not_leave_is_tried_again_after_a_growing_pause(record: Record) -> None:
    notices = Notices(record, AttemptState.UNAVAILABLE, AttemptState.UNAVAILABLE)
    for pause, sent in ((0, 1), (4, 1), (1, 2), (9, 2), (1, 3)):
        notices.clock.at += timedelta(seconds=pause)
        notices.sender.send_due()
        assert len(notices.channel.sent) == sent
    assert (notices.stored().state, notices.stored().tries) == (NoticeState.SENT, 3)


def test_an_owner_who_cannot_be_reached_for_long_is_given_up(record: Record) -> None:
    notices = Notices(record, *[AttemptState.UNAVAILABLE] * 100)
    while pending_notices(record, NOW + timedelta(days=1)):
        notices.sender.send_due()
        notices.clock.at += timedelta(minutes=5)
    assert (notices.stored().state, notices.stored().reason) == (NoticeState.FAILED, "it says so")
    assert notices.clock.at - NOW <= timedelta(hours=1, minutes=5)


def test_what_may_have_left_and_what_was_refused_is_not_sent_again(record: Record) -> None:
    notices = Notices(record, AttemptState.UNKNOWN, AttemptState.FAILED, used=600)
    for _ in range(3):
        notices.sender.send_due()
        notices.clock.at += timedelta(hours=1)
    assert len(notices.channel.sent) == 2
    assert notices.stored().state is NoticeState.FAILED


def test_one_whose_sender_died_is_not_sent_again(record: Record) -> None:
    notices = Notices(record)
    with record.write() as work:
        assert work.quota.claim_notice(notices.stored().id, NOW)
        work.commit()
    notices.sender.send_due()
    assert notices.channel.sent == []
    assert notices.stored().state is NoticeState.SENDING


def test_without_a_chat_the_notice_is_marked_as_skipped(record: Record) -> None:
    notices = Notices(record, owner_telegram=None)
    notices.sender.send_due()
    assert notices.channel.sent == []
    assert (notices.stored().state, notices.stored().reason) == (NoticeState.SKIPPED, "no_owner_chat")


def test_without_a_channel_the_notice_is_marked_as_skipped(record: Record) -> None:
    notices = Notices(record)
    NoticeSender(record=record, clock=notices.clock, channel=None, policy=notices.policy).send_due()
    assert (notices.stored().state, notices.stored().reason) == (NoticeState.SKIPPED, "channel_off")
