"""The ladder, by example and by properties."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.ladder import (
    Call,
    Exhaust,
    Finished,
    GiveUp,
    Send,
    Skip,
    Step,
    TellOwner,
    WaitUntil,
    backoff,
    first_seen,
    next_step,
    without_future,
)
from gateway.model.policy import Policy, Snapshot, SnapshotContact, Tier

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def snapshot(contacts: int = 2, *, tier: Tier | None = None, policy: Policy | None = None) -> Snapshot:
    people = tuple(
        SnapshotContact(id=i, name=f"P{i}", phone=f"+1555010{i}", whatsapp=f"+1555010{i}", language="en")
        for i in range(1, contacts + 1)
    )
    return Snapshot(
        license_name="Acme",
        tier_name="pro",
        tier=tier or Tier(),
        policy=policy or Policy(),
        contacts=people,
        language="en",
        time_zone="UTC",
        owner_telegram="1",
        handoff_number=None,
    )


class History:
    """An event's attempts as they grow."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def add(
        self, level: Level, state: AttemptState, *, contact: int | None = 1, at: datetime = T0, number: int = 1
    ) -> "History":
        pending = state is AttemptState.PENDING
        deadline = at + 15 * SECOND if pending and level is not Level.CALL else None
        self.attempts.append(
            Attempt(
                id=len(self.attempts) + 1,
                event_id=1,
                contact_id=contact,
                level=level,
                number=number,
                state=state,
                began_at=at,
                deadline_at=deadline,
                ended_at=None if pending else at,
            )
        )
        return self

    def step(self, now: datetime, shot: Snapshot | None = None, status: EventStatus = EventStatus.OPEN) -> Step:
        return next_step(shot or snapshot(), status, self.attempts, now)


def test_the_first_step_is_a_text_to_the_first_contact() -> None:
    assert History().step(T0) == Send(1, Level.TEXT)


def test_a_sent_text_is_waited_for_thirty_seconds_and_then_followed_by_a_voice_note() -> None:
    history = History().add(Level.TEXT, AttemptState.SENT)
    assert history.step(T0) == WaitUntil(T0 + 30 * SECOND)
    assert history.step(T0 + 30 * SECOND) == Send(1, Level.VOICE_NOTE)


@pytest.mark.parametrize("state", [AttemptState.FAILED, AttemptState.SKIPPED, AttemptState.UNAVAILABLE])
def test_a_text_that_did_not_leave_is_not_waited_for(state: AttemptState) -> None:
    assert History().add(Level.TEXT, state).step(T0) == Send(1, Level.VOICE_NOTE)


def test_a_pending_text_is_given_up_at_its_deadline_and_then_waited_for_as_if_sent() -> None:
    history = History().add(Level.TEXT, AttemptState.PENDING)
    assert history.step(T0) == WaitUntil(T0 + 15 * SECOND)
    assert history.step(T0 + 15 * SECOND) == GiveUp(1)
    unknown = History().add(Level.TEXT, AttemptState.UNKNOWN)
    assert unknown.step(T0) == WaitUntil(T0 + 30 * SECOND)


def test_a_tier_without_voice_notes_skips_them_with_the_reason() -> None:
    basic = snapshot(tier=Tier(voice_note=False))
    history = History().add(Level.TEXT, AttemptState.SENT)
    assert history.step(T0 + 30 * SECOND, basic) == Skip(1, Level.VOICE_NOTE, "not_in_tier")


def test_a_policy_without_calls_places_none() -> None:
    quiet = snapshot(policy=Policy(call_attempts=0))
    history = History().add(Level.TEXT, AttemptState.SENT).add(Level.VOICE_NOTE, AttemptState.SKIPPED)
    assert history.step(T0 + 30 * SECOND, quiet) == Skip(1, Level.CALL, "not_in_policy")
    history.add(Level.CALL, AttemptState.SKIPPED)
    assert history.step(T0 + 30 * SECOND, quiet) == Send(2, Level.TEXT)


def _told(contact: int = 1, at: datetime = T0) -> History:
    history = History().add(Level.TEXT, AttemptState.SENT, contact=contact, at=at)
    return history.add(Level.VOICE_NOTE, AttemptState.SENT, contact=contact, at=at)


def test_two_minutes_after_the_voice_note_the_phone_rings() -> None:
    assert _told().step(T0 + timedelta(minutes=2)) == Call(1, 1)


def test_three_missed_calls_lead_to_the_next_contact() -> None:
    history = _told()
    now = T0 + timedelta(minutes=2)
    for number in (1, 2, 3):
        assert history.step(now) == Call(1, number)
        history.add(Level.CALL, AttemptState.MISSED, at=now, number=number)
        if number < 3:
            assert history.step(now) == WaitUntil(now + 20 * SECOND)
            now += 20 * SECOND
    assert history.step(now) == Send(2, Level.TEXT)


@pytest.mark.parametrize("state", [AttemptState.INVALID_NUMBER, AttemptState.HANDED_OFF, AttemptState.SKIPPED])
def test_after_an_invalid_number_or_a_handoff_the_next_contact_follows_at_once(state: AttemptState) -> None:
    assert _told().add(Level.CALL, state).step(T0) == Send(2, Level.TEXT)


def test_a_call_that_nobody_can_carry_lets_the_ladder_go_on_and_is_tried_again() -> None:
    history = _told().add(Level.CALL, AttemptState.UNAVAILABLE)
    assert history.step(T0) == Send(2, Level.TEXT)
    history.add(Level.TEXT, AttemptState.SENT, contact=2)
    assert history.step(T0) == WaitUntil(T0 + 5 * SECOND)
    assert history.step(T0 + 5 * SECOND) == Call(1, 2)
    history.add(Level.CALL, AttemptState.PENDING, at=T0 + 5 * SECOND, number=2)
    # The call in progress does not hold up the second contact's track.
    assert history.step(T0 + 30 * SECOND) == Send(2, Level.VOICE_NOTE)


def test_when_everyone_failed_the_owner_is_told_and_the_event_is_exhausted() -> None:
    only = snapshot(1)
    history = _told().add(Level.CALL, AttemptState.INVALID_NUMBER)
    assert history.step(T0, only) == TellOwner(1)
    history.add(Level.OWNER, AttemptState.PENDING, contact=None)
    assert history.step(T0, only) == WaitUntil(T0 + 15 * SECOND)
    told = _told().add(Level.CALL, AttemptState.INVALID_NUMBER).add(Level.OWNER, AttemptState.SENT, contact=None)
    assert told.step(T0, only) == Exhaust()


def test_an_owner_who_cannot_be_reached_is_tried_again_for_a_day() -> None:
    only = snapshot(1)
    history = _told().add(Level.CALL, AttemptState.INVALID_NUMBER)
    history.add(Level.OWNER, AttemptState.UNAVAILABLE, contact=None)
    assert history.step(T0, only) == WaitUntil(T0 + 5 * SECOND)
    assert history.step(T0 + 5 * SECOND, only) == TellOwner(2)
    history.add(Level.OWNER, AttemptState.UNAVAILABLE, contact=None, at=T0 + timedelta(hours=24), number=2)
    assert history.step(T0 + timedelta(hours=24), only) == Exhaust()


def test_a_license_without_contacts_goes_straight_to_its_owner() -> None:
    assert History().step(T0, snapshot(0)) == TellOwner(1)


def test_after_an_acknowledgement_those_who_were_told_are_stood_down_but_not_the_one_who_took_it() -> None:
    history = _told(1)
    history.add(Level.TEXT, AttemptState.ACKNOWLEDGED, contact=2)
    assert history.step(T0, status=EventStatus.ACKNOWLEDGED) == Send(1, Level.STAND_DOWN)
    history.add(Level.STAND_DOWN, AttemptState.SENT)
    assert history.step(T0, status=EventStatus.ACKNOWLEDGED) == Finished()


def test_without_stand_down_nothing_is_sent_after_an_acknowledgement() -> None:
    quiet = snapshot(policy=Policy(stand_down=False))
    assert _told().step(T0, quiet, EventStatus.ACKNOWLEDGED) == Finished()


def test_a_closed_event_waits_for_its_pending_call_to_be_hung_up() -> None:
    history = _told().add(Level.CALL, AttemptState.PENDING)
    history.add(Level.STAND_DOWN, AttemptState.SENT)
    assert history.step(T0, status=EventStatus.ACKNOWLEDGED) == WaitUntil(None)


def test_a_closed_event_waits_for_what_is_being_sent_and_stands_down_whoever_may_have_got_it() -> None:
    history = History().add(Level.TEXT, AttemptState.PENDING)
    over = EventStatus.ACKNOWLEDGED
    assert history.step(T0, status=over) == WaitUntil(T0 + 15 * SECOND)
    assert history.step(T0 + 15 * SECOND, status=over) == GiveUp(1)
    unknown = History().add(Level.TEXT, AttemptState.UNKNOWN)
    assert unknown.step(T0 + 15 * SECOND, status=over) == Send(1, Level.STAND_DOWN)
    unknown.add(Level.STAND_DOWN, AttemptState.PENDING)
    assert unknown.step(T0, status=over) == WaitUntil(T0 + 15 * SECOND)
    assert unknown.step(T0 + 15 * SECOND, status=over) == GiveUp(2)


def test_backoff_doubles_up_to_its_bound() -> None:
    policy = Policy()
    assert [backoff(policy, n).total_seconds() for n in (1, 2, 3)] == [5, 10, 20]
    assert backoff(policy, 500) == policy.retry_backoff_max


# What may become of an attempt, by its level.
MESSAGE_RESULTS = [
    AttemptState.SENT,
    AttemptState.DELIVERED,
    AttemptState.FAILED,
    AttemptState.SKIPPED,
    AttemptState.UNKNOWN,
    AttemptState.UNAVAILABLE,
]
CALL_RESULTS = [
    AttemptState.MISSED,
    AttemptState.INVALID_NUMBER,
    AttemptState.HANDED_OFF,
    AttemptState.UNAVAILABLE,
    AttemptState.SKIPPED,
]


@settings(max_examples=300, deadline=None)
@given(data=st.data(), contacts=st.integers(0, 4), voice_note=st.booleans(), call=st.booleans())
def test_every_escalation_ends_exhausted_with_the_owner_told_and_never_repeats_an_attempt(
    data: st.DataObject, contacts: int, voice_note: bool, call: bool
) -> None:
    policy = Policy(call_retry_for=timedelta(minutes=3), owner_retry_for=timedelta(minutes=10))
    shot = snapshot(contacts, tier=Tier(voice_note=voice_note, call=call), policy=policy)
    history, now, seen = History(), T0, set()
    for _ in range(2000):
        step = history.step(now, shot)
        if isinstance(step, Exhaust):
            break
        if isinstance(step, WaitUntil):
            pending = [a for a in history.attempts if a.state is AttemptState.PENDING]
            assert pending or (step.at is not None and step.at > now), "an escalation that waits for nothing"
            if pending and (step.at is None or data.draw(st.booleans())):
                settled = data.draw(st.sampled_from(pending))
                results = CALL_RESULTS if settled.level is Level.CALL else MESSAGE_RESULTS
                result = data.draw(st.sampled_from(results))
                history.attempts[settled.id - 1] = replace(settled, state=result, ended_at=now)
            elif step.at is not None:
                now = max(now, step.at)
            continue
        if isinstance(step, GiveUp):
            given_up = history.attempts[step.attempt_id - 1]
            assert given_up.state is AttemptState.PENDING
            history.attempts[step.attempt_id - 1] = replace(given_up, state=AttemptState.UNKNOWN, ended_at=now)
            continue
        key = (type(step).__name__, step)
        assert key not in seen, f"{step} twice"
        seen.add(key)
        match step:
            case Send(contact, level):
                history.add(level, AttemptState.PENDING, contact=contact, at=now)
            case Skip(contact, level):
                history.add(level, AttemptState.SKIPPED, contact=contact, at=now)
            case Call(contact, number):
                assert not any(
                    a.contact_id == contact and a.level is Level.CALL and a.state is AttemptState.PENDING
                    for a in history.attempts
                ), "two calls to one contact"
                history.add(Level.CALL, AttemptState.PENDING, contact=contact, at=now, number=number)
            case TellOwner(number):
                history.add(Level.OWNER, AttemptState.PENDING, contact=None, at=now, number=number)
    else:
        raise AssertionError("the escalation does not end")
    assert any(a.level is Level.OWNER for a in history.attempts)
    for contact in shot.contacts:
        missed = [a for a in history.attempts if a.contact_id == contact.id and a.state is AttemptState.MISSED]
        assert len(missed) <= policy.call_attempts


ANY_STATE = st.sampled_from([AttemptState.PENDING, AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.UNAVAILABLE])
JUMPS = st.integers(min_value=-48 * 3600, max_value=48 * 3600).map(lambda seconds: seconds * SECOND)
LOOKS = st.lists(st.integers(0, 60), min_size=1, max_size=8).map(sorted)


class SteadyLook:
    """What an event's actor does: it looks again and again, by a clock that does not jump."""

    def __init__(self, shot: Snapshot, history: History) -> None:
        self.shot, self.history = shot, history
        self.seen: Mapping[datetime, datetime] = {}

    def step(self, now: datetime) -> Step:
        self.seen = first_seen(self.history.attempts, now, self.seen)
        return next_step(self.shot, EventStatus.OPEN, without_future(self.history.attempts, self.seen), now)


def longest_wait(policy: Policy) -> timedelta:
    return max(policy.l1_wait, policy.l2_wait, policy.call_gap, policy.send_timeout, policy.retry_backoff_max)


@given(level=st.sampled_from([Level.TEXT, Level.VOICE_NOTE, Level.CALL]), state=ANY_STATE, jump=JUMPS)
def test_no_wait_is_longer_than_its_policy_says_however_the_clock_was_set(
    level: Level, state: AttemptState, jump: timedelta
) -> None:
    """A restart takes the machine's time over, which may have jumped; after it the clock runs steadily."""
    shot = snapshot(1)
    look, now = SteadyLook(shot, History().add(level, state, at=T0)), T0 + jump
    step = look.step(now)
    if isinstance(step, WaitUntil) and step.at is not None:
        assert step.at - now <= longest_wait(shot.policy)
        assert not isinstance(look.step(step.at), WaitUntil), "what it waited for is due when it said"


@given(jump=JUMPS.filter(lambda jump: jump > timedelta(0)), looks=LOOKS)
def test_looking_again_during_a_wait_does_not_prolong_it_after_the_clock_was_set_back(
    jump: timedelta, looks: list[int]
) -> None:
    first = T0 + looks[0] * SECOND
    look = SteadyLook(snapshot(), History().add(Level.TEXT, AttemptState.SENT, at=first + jump))
    due = first + 30 * SECOND
    for now in (T0 + seconds * SECOND for seconds in looks):
        assert look.step(now) == (WaitUntil(due) if now < due else Send(1, Level.VOICE_NOTE))


@given(ages=st.lists(st.integers(0, 10_000), max_size=6))
def test_a_history_of_the_past_is_left_as_it_is(ages: list[int]) -> None:
    history = History()
    for age in sorted(ages, reverse=True):
        history.add(Level.CALL, AttemptState.MISSED, at=T0 - age * SECOND)
    assert without_future(history.attempts, first_seen(history.attempts, T0, {})) is history.attempts
