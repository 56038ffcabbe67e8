"""WhatsApp's rules on record: windows, refusals that come back later, people who must not be written to, crashes."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.channels.twilio.outcomes import read_report
from gateway.channels.twilio.whatsapp import WhatsAppChannel
from gateway.config.twilio import TwilioConfig
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.contact import Contact
from gateway.model.event import EventStatus
from gateway.model.reply_words import OptChoice
from gateway.model.timeline import TimelineType
from gateway.ports.messages import Delivery
from gateway.ports.record import EscalationRecord, Record
from gateway.services.advance import Advanced, Begun, advance
from gateway.services.buttons import button_payload
from gateway.services.escalate import MessageResult, delivery_report, finish_messages
from gateway.services.replies import Reply, WrittenMessage, take_reply
from gateway.store import open_record
from tests.records import NOW, Tenant, add_event, add_tenant

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
CHANNEL = WhatsAppChannel(
    TwilioConfig.model_validate(
        {
            "account_sid": "AC" + "a" * 32,
            "auth_token": "secret",
            "whatsapp_from": "+14155238886",
            "content_sid": "HX" + "b" * 32,
        }
    )
)
_sids = itertools.count(1)


@dataclass
class Story:
    """A tenant's escalations, step by step, with what the provider reports and people write."""

    record: Record
    tenant: Tenant = field(init=False)
    at: datetime = NOW
    keys: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.tenant = add_tenant(self.record)

    @property
    def ana(self) -> Contact:
        with self.record.read() as work:
            found = work.contacts.get(self.tenant.contacts[0].id)
        assert found is not None
        return found

    def alert(self, tenant: Tenant | None = None) -> int:
        return add_event(self.record, (tenant or self.tenant).new_event(f"key-{next(self.keys)}", created_at=self.at))

    def look(self, event_id: int, record: Record | None = None) -> Advanced:
        (advanced,) = advance(record or self.record, {event_id: {}}, refusal=refuse, now=lambda: self.at)
        return advanced

    def begun(self, event_id: int) -> Begun:
        (begun,) = self.look(event_id).begun
        return begun

    def sent(self, begun: Begun) -> str:
        """Let the provider accept a message; return its id."""
        sid = f"SM{next(_sids):032x}"
        delivery = Delivery(state=AttemptState.SENT, provider="twilio", provider_id=sid, to=self.ana.whatsapp)
        result = MessageResult(
            event_id=begun.attempt.event_id, attempt_id=begun.attempt.id, delivery=delivery, at=self.at
        )
        finish_messages(self.record, [result])
        return sid

    def report(self, sid: str, status: str, code: int | None = None, *, by_template: bool = False) -> bool:
        form = {"MessageSid": sid, "MessageStatus": status, "To": f"whatsapp:{self.ana.whatsapp}"}
        form |= {} if code is None else {"ErrorCode": str(code)}
        report = read_report(form, by_template=by_template)
        assert report is not None
        return delivery_report(self.record, report, at=self.at)

    def write(self, text: str, *, number: str | None = None, **more: object) -> Reply:
        message = WrittenMessage(
            number=number or self.ana.whatsapp,
            text=text,
            provider="twilio",
            provider_id=f"SM{next(_sids):032x}",
        )
        return take_reply(self.record, replace(message, **more), at=self.at)  # type: ignore[arg-type]

    def attempts(self, event_id: int) -> Sequence[Attempt]:
        with self.record.read() as work:
            return work.attempts.of_event(event_id)

    def told(self, event_id: int) -> list[tuple[Level, int, AttemptState, str | None]]:
        return [(a.level, a.number, a.state, a.reason) for a in self.attempts(event_id)]

    def status(self, event_id: int) -> EventStatus:
        with self.record.read() as work:
            event = work.events.get(event_id)
        assert event is not None
        return event.status

    def entries(self, event_id: int) -> list[TimelineType]:
        with self.record.read() as work:
            return [entry.type for entry in work.timeline.of_event(event_id)]


def refuse(level: Level, window_open: bool, _: EscalationRecord) -> str | None:
    return None if level in {Level.CALL, Level.OWNER} else CHANNEL.refuse(level, window_open=window_open)


@pytest.fixture
def story(record: Record) -> Story:
    return Story(record)


# --- refused outside the window ---------------------------------------------------------------------------------------


def refused_text(story: Story) -> tuple[int, str]:
    """Let a free text go out in what was taken for an open window, and be refused later."""
    with story.record.write() as work:
        work.contacts.open_window(story.ana.id, story.at + HOUR)
        work.commit()
    event_id = story.alert()
    begun = story.begun(event_id)
    assert begun.window_open
    sid = story.sent(begun)
    story.at += SECOND
    assert story.report(sid, "undelivered", 63016)
    return event_id, sid


def test_a_text_refused_outside_the_window_is_repeated_by_template_once(story: Story) -> None:
    event_id, sid = refused_text(story)
    again = story.begun(event_id)
    assert (again.attempt.level, again.attempt.number, again.window_open) == (Level.TEXT, 2, False)
    assert again.link_id is not None
    # The same report once more, and another look: nothing comes of them.
    entries = story.entries(event_id)
    assert story.report(sid, "undelivered", 63016)
    assert story.look(event_id).begun == ()
    assert story.entries(event_id) == entries
    story.report(story.sent(again), "undelivered", 63016, by_template=True)
    story.look(event_id)
    assert [(level, number) for level, number, *_ in story.told(event_id)] == [
        (Level.TEXT, 1),
        (Level.TEXT, 2),
        (Level.VOICE_NOTE, 1),
        (Level.CALL, 1),
    ]
    assert "not approved" in (story.attempts(event_id)[1].reason or "")


def test_the_window_is_closed_for_everybody_with_the_number_until_they_write(story: Story) -> None:
    other = add_tenant(story.record, "Airport")
    same_phone = replace(other.contacts[0], whatsapp=story.ana.whatsapp)
    other = replace(other, contacts=(same_phone, other.contacts[1]))
    with story.record.write() as work:
        work.contacts.update(same_phone)
        work.commit()
    refused_text(story)
    assert not story.begun(story.alert(other)).window_open
    story.write("hello")
    assert story.begun(story.alert(other)).window_open


def test_a_report_that_comes_after_the_person_wrote_closes_nothing(story: Story) -> None:
    event_id = story.alert()
    sid = story.sent(story.begun(event_id))
    story.at += SECOND
    story.write("who is this?")
    story.at += SECOND
    story.report(sid, "undelivered", 63016)
    assert story.begun(event_id).window_open


def test_killed_after_the_report_the_next_engine_repeats_it(story: Story, database_url: str) -> None:
    event_id, _ = refused_text(story)
    other = open_record(database_url)
    (begun,) = story.look(event_id, other).begun
    other.close()
    assert (begun.attempt.level, begun.attempt.number) == (Level.TEXT, 2)


def test_killed_while_it_repeated_nobody_repeats_it_again(story: Story) -> None:
    event_id, _ = refused_text(story)
    story.begun(event_id)
    story.at += HOUR
    story.look(event_id)
    texts = [(number, state) for level, number, state, _ in story.told(event_id) if level is Level.TEXT]
    assert texts == [(1, AttemptState.FAILED), (2, AttemptState.UNKNOWN)]


def test_what_somebody_acknowledged_meanwhile_is_not_repeated(story: Story) -> None:
    event_id, _ = refused_text(story)
    attempt = story.attempts(event_id)[0]
    assert story.write("", payload=button_payload(attempt.id)).result is not None
    assert story.look(event_id).begun == ()
    assert story.status(event_id) is EventStatus.ACKNOWLEDGED


def test_a_failed_repeat_without_a_template_is_skipped(story: Story) -> None:
    event_id, _ = refused_text(story)
    again = story.begun(event_id)
    delivery = Delivery(state=AttemptState.SKIPPED, provider="twilio", reason="no_template")
    finish_messages(
        story.record,
        [MessageResult(event_id=event_id, attempt_id=again.attempt.id, delivery=delivery, at=story.at)],
    )
    story.look(event_id)
    assert story.told(event_id)[1:3] == [
        (Level.TEXT, 2, AttemptState.SKIPPED, "no_template"),
        (Level.VOICE_NOTE, 1, AttemptState.SKIPPED, "window_closed"),
    ]


# --- the window -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "is_open"), [(HOUR, True), (40 * SECOND, False), (-SECOND, False), (None, False)])
def test_a_window_that_closes_before_the_message_leaves_is_not_open(
    story: Story, left: timedelta | None, is_open: bool
) -> None:
    if left is not None:
        with story.record.write() as work:
            work.contacts.open_window(story.ana.id, story.at + left)
            work.commit()
    event_id = story.alert()
    assert story.begun(event_id).window_open is is_open


@pytest.fixture
def sqlite_record(sqlite_url: str) -> Iterator[Record]:
    opened = open_record(sqlite_url)
    yield opened
    opened.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["write", "alert", "refuse"]), st.integers(0, 30 * 3600)), min_size=2, max_size=8
    )
)
def test_whatever_happens_free_text_and_notes_leave_in_the_window_only(
    sqlite_record: Record, moves: list[tuple[str, int]]
) -> None:
    story = Story(sqlite_record)
    last_written: datetime | None = None
    latest = story.tenant.contacts[0]
    for move, seconds in moves:
        story.at += timedelta(seconds=seconds)
        if move == "write":
            story.write("hm", number=latest.whatsapp)
            last_written = story.at
            continue
        event_id = story.alert()
        begun = story.begun(event_id)
        leaves_by = begun.attempt.deadline_at
        assert leaves_by is not None
        if begun.window_open:
            assert last_written is not None
            assert leaves_by < last_written + timedelta(hours=24)
        sid = story.sent(begun)
        if move == "refuse":
            story.at += SECOND
            story.report(sid, "undelivered", 63016)
            last_written = None
        story.at += HOUR
        for begun in story.look(event_id).begun:
            if begun.attempt.level is Level.VOICE_NOTE:
                assert last_written is not None
                assert (begun.attempt.deadline_at or story.at) < last_written + timedelta(hours=24)


# --- people who are not reached ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [63024, 21614])
def test_whom_whatsapp_does_not_reach_is_called_at_once_the_next_time(story: Story, code: int) -> None:
    event_id = story.alert()
    story.report(story.sent(story.begun(event_id)), "undelivered", code)
    assert (story.ana.whatsapp_blocked or "").startswith(f"{code}: ")
    assert story.ana.whatsapp_blocked_at == story.at
    following = story.alert()
    story.look(following)
    told = story.told(following)
    assert [(level, state) for level, _, state, _ in told] == [
        (Level.TEXT, AttemptState.SKIPPED),
        (Level.VOICE_NOTE, AttemptState.SKIPPED),
        (Level.CALL, AttemptState.PENDING),
    ]
    assert told[0][3] == story.ana.whatsapp_blocked
    story.at += SECOND
    story.write("I am here")
    assert story.ana.whatsapp_blocked is None
    assert story.begun(story.alert()).attempt.level is Level.TEXT


def test_what_is_not_the_persons_fault_does_not_mark_them(story: Story) -> None:
    for code in (63013, 63015, 63018, 63032, 63019, 63049, 63051, 99999):
        event_id = story.alert()
        story.report(story.sent(story.begun(event_id)), "failed", code)
        assert (story.ana.whatsapp_blocked, story.ana.whatsapp_window_until) == (None, None), code
        story.look(event_id)
        assert [level for level, *_ in story.told(event_id)] == [Level.TEXT, Level.VOICE_NOTE, Level.CALL], code


def test_stop_ends_whatsapp_for_the_number_and_calls_go_on_until_start(story: Story) -> None:
    event_id = story.alert()
    story.sent(story.begun(event_id))
    reply = story.write("Stop")
    assert (reply.opted, reply.result) == (OptChoice.OUT, None)
    assert story.ana.whatsapp_blocked == "opted_out"
    story.at += HOUR
    story.look(event_id)
    assert story.told(event_id)[1:] == [
        (Level.VOICE_NOTE, 1, AttemptState.SKIPPED, "opted_out"),
        (Level.CALL, 1, AttemptState.PENDING, None),
    ]
    assert story.write("1").result is not None, "an acknowledgement counts all the same"
    assert story.ana.whatsapp_blocked == "opted_out"
    assert story.write("START").opted is OptChoice.IN
    assert story.ana.whatsapp_blocked is None


def test_an_opt_out_that_twilio_keeps_is_learnt_from_its_refusal(story: Story) -> None:
    event_id = story.alert()
    begun = story.begun(event_id)
    channel_says = read_report({"MessageSid": "SMx", "MessageStatus": "failed", "ErrorCode": "21610"})
    assert channel_says is not None
    delivery = replace(channel_says, provider_id=None, to=story.ana.whatsapp)
    finish_messages(
        story.record,
        [MessageResult(event_id=event_id, attempt_id=begun.attempt.id, delivery=delivery, at=story.at)],
    )
    assert story.ana.whatsapp_blocked == "opted_out"


# --- reports ----------------------------------------------------------------------------------------------------------


def test_reports_out_of_order_and_twice_end_the_same(story: Story) -> None:
    for order in itertools.permutations(["sent", "delivered", "read"]):
        event_id = story.alert()
        sid = story.sent(story.begun(event_id))
        for status in (*order, *order):
            assert story.report(sid, status)
        assert story.attempts(event_id)[0].state is AttemptState.READ, order


def test_what_was_delivered_does_not_fail_any_more(story: Story) -> None:
    event_id = story.alert()
    sid = story.sent(story.begun(event_id))
    story.report(sid, "delivered")
    story.report(sid, "undelivered", 63024)
    assert story.attempts(event_id)[0].state is AttemptState.DELIVERED
    assert story.ana.whatsapp_blocked is None


# --- what people write ------------------------------------------------------------------------------------------------


def test_a_tap_on_an_old_message_acknowledges_its_own_alert_and_no_newer_one(story: Story) -> None:
    old, new = story.alert(), story.alert()
    attempt = story.begun(old).attempt
    story.sent(story.begun(new))
    # The first one's id at the provider never got on record: the process was killed.
    reply = story.write("I take it", payload=button_payload(attempt.id), replied_to="SMunknown", kind="button")
    assert reply.event is not None
    assert reply.event.id == old
    assert (story.status(old), story.status(new)) == (EventStatus.ACKNOWLEDGED, EventStatus.OPEN)


def test_a_tap_that_nobody_knows_acknowledges_none_of_several(story: Story) -> None:
    events = [story.alert(), story.alert()]
    for event_id in events:
        story.sent(story.begun(event_id))
    for more in ({"payload": "taken"}, {"replied_to": "SMunknown"}, {"payload": button_payload(10**9)}):
        reply = story.write("1", **more)
        assert (reply.which, reply.result) == (True, None)
    assert {story.status(event_id) for event_id in events} == {EventStatus.OPEN}
    assert story.write("1").result is not None, "a plain reply is about the newest"


def test_somebody_elses_button_acknowledges_nothing(story: Story) -> None:
    event_id = story.alert()
    attempt = story.begun(event_id).attempt
    stranger = add_tenant(story.record, "Airport").contacts[0]
    story.write("1", number=stranger.whatsapp, payload=button_payload(attempt.id))
    assert story.status(event_id) is EventStatus.OPEN


def test_a_tap_from_the_number_that_the_contact_had_still_counts(story: Story) -> None:
    event_id = story.alert()
    attempt, before = story.begun(event_id).attempt, story.ana
    with story.record.write() as work:
        work.contacts.update(replace(before, whatsapp="+34600000099"))
        work.commit()
    assert story.write("1", number=before.whatsapp, payload=button_payload(attempt.id)).result is not None
    assert story.status(event_id) is EventStatus.ACKNOWLEDGED


def test_a_reply_told_twice_acknowledges_one_alert_and_is_answered_the_same(story: Story) -> None:
    first, second = story.alert(), story.alert()
    for event_id in (first, second):
        story.sent(story.begun(event_id))
    told = story.write("1", provider_id="SMtwice")
    entries = story.entries(second)
    again = story.write("1", provider_id="SMtwice")
    assert (told.result, again.repeated) == (again.result, True)
    assert (story.status(first), story.status(second)) == (EventStatus.OPEN, EventStatus.ACKNOWLEDGED)
    assert story.entries(second) == entries
    assert told.also_open is not None


def test_a_stop_told_again_after_start_stops_nothing(story: Story) -> None:
    story.write("STOP", provider_id="SMstop")
    story.write("START")
    story.write("STOP", provider_id="SMstop")
    assert story.ana.whatsapp_blocked is None


def test_a_reaction_or_a_captioned_picture_acknowledges_nothing(story: Story) -> None:
    event_id = story.alert()
    story.sent(story.begun(event_id))
    for kind, media in (("reaction", ()), ("image", ("image/jpeg",)), ("audio", ("audio/ogg",))):
        reply = story.write("1", plain=False, kind=kind, media=media)
        assert (reply.result, reply.event is not None) == (None, True)
    assert story.status(event_id) is EventStatus.OPEN
    assert story.ana.whatsapp_window_until == story.at + timedelta(hours=24)


def test_a_reply_from_the_number_as_whatsapp_shows_it_is_theirs(story: Story) -> None:
    with story.record.write() as work:
        work.contacts.update(replace(story.ana, whatsapp="+525512345678"))
        work.commit()
    event_id = story.alert()
    story.sent(story.begun(event_id))
    assert story.write("1", number="+5215512345678").result is not None
    assert story.status(event_id) is EventStatus.ACKNOWLEDGED


def test_words_of_another_language_are_not_understood(story: Story) -> None:
    event_id = story.alert()
    story.sent(story.begun(event_id))
    assert story.write("收到").result is None
    assert story.write("vale").result is not None  # the contact's language is Spanish
    assert story.status(event_id) is EventStatus.ACKNOWLEDGED
