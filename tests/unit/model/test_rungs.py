"""An escalation drawn as a ladder, by example and by properties."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.ladder import Call, GiveUp, Send, Skip, TellOwner, WaitUntil, next_step
from gateway.model.policy import Policy, Snapshot, SnapshotContact, Tier
from gateway.model.rungs import Rung, RungState, Track, tracks_of
from gateway.model.timeline import TimelineEntry, TimelineType

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OPEN = EventStatus.OPEN
_RESULTS = {
    Level.TEXT: ("pending", "sent", "delivered", "failed", "skipped", "unknown"),
    Level.VOICE_NOTE: ("pending", "sent", "read", "failed", "skipped"),
    Level.CALL: ("pending", "missed", "unavailable", "invalid_number", "handed_off"),
    Level.OWNER: ("pending", "sent", "unavailable", "skipped"),
}


def snapshot(contacts: int = 2, *, tier: Tier | None = None, policy: Policy | None = None) -> Snapshot:
    return Snapshot(
        license_name="Acme",
        tier_name="pro",
        tier=tier or Tier(),
        policy=policy or Policy(),
        contacts=tuple(
            SnapshotContact(id=i, name=f"P{i}", phone=f"+1555010{i}", whatsapp=f"+1555010{i}", language="en")
            for i in range(1, contacts + 1)
        ),
        language="en",
        time_zone="UTC",
        owner_telegram="1",
        handoff_number=None,
    )


def attempt(
    number: int,
    level: Level,
    state: AttemptState,
    at: datetime = T0,
    *,
    contact: int | None = 1,
    call: str | None = None,
) -> Attempt:
    return Attempt(
        id=number,
        event_id=1,
        contact_id=contact,
        level=level,
        number=1,
        state=state,
        began_at=at,
        deadline_at=at + 15 * SECOND if state is AttemptState.PENDING and level is not Level.CALL else None,
        ended_at=None if state is AttemptState.PENDING else at,
        call_id=call,
        reason="no_whatsapp" if state is AttemptState.SKIPPED else None,
    )


def rungs(tracks: Sequence[Track]) -> list[Rung]:
    return [rung for track in tracks for rung in track.rungs]


def drawn(tracks: Sequence[Track]) -> list[list[str]]:
    return [[f"{one.level.value} {one.number} {one.state.value}" for one in track.rungs] for track in tracks]


def test_before_the_first_step_everything_is_coming_and_the_first_text_is_counted_down_to() -> None:
    tracks = tracks_of(snapshot(1), OPEN, [], [], T0)
    assert [track.contact and track.contact.name for track in tracks] == ["P1", None]
    assert drawn(tracks) == [
        ["whatsapp_text 1 coming", "whatsapp_voice 1 coming", *(f"phone {i} coming" for i in (1, 2, 3))],
        ["telegram 1 coming"],
    ]
    assert [rung.until for rung in rungs(tracks)] == [T0, None, None, None, None, None]
    offsets = [(rung.at - T0).total_seconds() for rung in rungs(tracks) if rung.at]
    assert offsets == [0, 30, 150, 200, 250, 280], "30 s, 2 min, then rings of 30 s with pauses of 20 s between"


def test_the_rung_whose_answer_is_waited_for_is_now_with_the_end_of_its_wait() -> None:
    sent = attempt(1, Level.TEXT, AttemptState.SENT)
    first, second, *_ = rungs(tracks_of(snapshot(1), OPEN, [sent], [], T0 + 10 * SECOND))
    assert (first.state, first.until, first.attempt) == (RungState.NOW, T0 + 30 * SECOND, sent)
    assert (second.state, second.at, second.until) == (RungState.COMING, T0 + 30 * SECOND, None)


def test_a_call_under_way_is_now_and_tells_how_far_it_is() -> None:
    made = [
        attempt(1, Level.TEXT, AttemptState.SKIPPED),
        attempt(2, Level.VOICE_NOTE, AttemptState.FAILED),
        attempt(3, Level.CALL, AttemptState.PENDING, call="a" * 32),
    ]
    entries = [
        TimelineEntry(event_id=1, at=T0, type=kind, contact_id=1, channel="phone", detail={"call_id": call}, id=place)
        for place, (kind, call) in enumerate(
            [
                (TimelineType.CALL_DIALLED, "a" * 32),
                (TimelineType.CALL_RINGING, "a" * 32),
                (TimelineType.CALL_ANSWERED, "b" * 32),
            ]
        )
    ]
    text, note, call, *rest = rungs(tracks_of(snapshot(1), OPEN, made, entries, T0))
    assert (text.state, text.reason) == (RungState.SKIPPED, "no_whatsapp")
    assert note.state is RungState.DONE
    assert (call.state, call.until, call.progress) == (RungState.NOW, None, TimelineType.CALL_RINGING)
    assert [one.level for one in rest] == [Level.CALL, Level.CALL, Level.OWNER]


def test_a_call_that_nobody_could_carry_is_tried_again_beside_the_next_contact() -> None:
    made = [
        attempt(1, Level.TEXT, AttemptState.SENT, T0 - 300 * SECOND),
        attempt(2, Level.VOICE_NOTE, AttemptState.SENT, T0 - 200 * SECOND),
        attempt(3, Level.CALL, AttemptState.UNAVAILABLE, T0 - 10 * SECOND),
        replace(attempt(4, Level.CALL, AttemptState.PENDING, T0), number=2),
        attempt(5, Level.TEXT, AttemptState.PENDING, T0, contact=2),
    ]
    ana, ben, _owner = tracks_of(snapshot(2), OPEN, made, [], T0)
    assert [one.state for one in ana.rungs[:4]] == [*[RungState.DONE] * 3, RungState.BESIDE]
    assert ben.rungs[0].state is RungState.NOW
    assert sum(one.state is RungState.COMING for one in ana.rungs) == 2, "three missed calls in all, as the policy says"


def test_what_the_tier_does_not_have_is_left_out_ahead_with_its_reason() -> None:
    tracks = tracks_of(snapshot(1, tier=Tier(voice_note=False, call=False)), OPEN, [], [], T0)
    assert drawn(tracks) == [
        ["whatsapp_text 1 coming", "whatsapp_voice 1 skipped", "phone 1 skipped"],
        ["telegram 1 coming"],
    ]
    assert [one.reason for one in rungs(tracks)] == [None, "not_in_tier", "not_in_tier", None]


def test_of_an_event_that_was_taken_the_rest_is_not_needed() -> None:
    made = [
        attempt(1, Level.TEXT, AttemptState.ACKNOWLEDGED),
        attempt(2, Level.STAND_DOWN, AttemptState.SENT, contact=2),
    ]
    ana, ben, owner = tracks_of(snapshot(2), EventStatus.ACKNOWLEDGED, made, [], T0 + 900 * SECOND, closed_at=T0)
    assert [one.state for one in ana.rungs] == [RungState.DONE, *[RungState.NOT_NEEDED] * 4]
    assert (ben.rungs[0].level, ben.rungs[0].state) == (Level.STAND_DOWN, RungState.DONE)
    assert (ana.is_begun, ben.is_begun, owner.is_begun) == (True, True, False)
    assert {one.state for one in owner.rungs} == {RungState.NOT_NEEDED}


def test_where_everyone_failed_nothing_is_left() -> None:
    made = [attempt(1, Level.TEXT, AttemptState.SKIPPED), attempt(2, Level.OWNER, AttemptState.SENT, contact=None)]
    tracks = tracks_of(snapshot(1), EventStatus.EXHAUSTED, made, [], T0)
    assert drawn(tracks) == [["whatsapp_text 1 skipped"], ["telegram 1 done"]]


@st.composite
def escalations(draw: st.DrawFn) -> tuple[Snapshot, list[Attempt], datetime]:
    """Return an escalation somewhere on its way, as the ladder itself led it with results that came as they pleased."""
    tier = Tier(voice_note=draw(st.booleans()), call=draw(st.booleans()))
    shot = snapshot(draw(st.integers(0, 3)), tier=tier, policy=Policy(call_attempts=draw(st.integers(0, 3))))
    history: list[Attempt] = []
    now = T0
    for _ in range(draw(st.integers(0, 25))):
        step = next_step(shot, OPEN, history, now)
        match step:
            case WaitUntil():
                waiting = [one for one in history if one.state is AttemptState.PENDING]
                if waiting and (step.at is None or draw(st.booleans())):
                    now += draw(st.integers(0, 40)) * SECOND
                    history = [_ended(draw, one, now) if one is waiting[0] else one for one in history]
                elif step.at is not None:
                    now = max(now, step.at)
            case GiveUp(attempt_id=given_up):
                history = [
                    replace(one, state=AttemptState.UNKNOWN, ended_at=now) if one.id == given_up else one
                    for one in history
                ]
            case Send() | Skip() | Call() | TellOwner():
                level, contact = _of(step)
                begun = attempt(len(history) + 1, level, AttemptState.PENDING, now, contact=contact)
                number = 1 + sum((one.level, one.contact_id) == (level, contact) for one in history)
                begun = replace(begun, number=number)
                if isinstance(step, Skip):
                    begun = replace(begun, state=AttemptState.SKIPPED, ended_at=now, reason=step.reason)
                history.append(_ended(draw, begun, now) if begun.state is AttemptState.PENDING else begun)
            case _:
                break
    return shot, history, now


def _of(step: Send | Skip | Call | TellOwner) -> tuple[Level, int | None]:
    match step:
        case Call():
            return Level.CALL, step.contact_id
        case TellOwner():
            return Level.OWNER, None
        case _:
            return step.level, step.contact_id


def _ended(draw: st.DrawFn, one: Attempt, now: datetime) -> Attempt:
    state = AttemptState(draw(st.sampled_from(_RESULTS[one.level])))
    return one if state is AttemptState.PENDING else replace(one, state=state, ended_at=now)


@given(escalations(), st.sampled_from(EventStatus))
def test_every_attempt_makes_one_rung_in_order_and_one_rung_at_most_is_now(
    given_: tuple[Snapshot, list[Attempt], datetime], status: EventStatus
) -> None:
    shot, history, now = given_
    tracks = tracks_of(shot, status, history, [], now)
    for track in tracks:
        whose = track.contact.id if track.contact else None
        assert [rung.attempt for rung in track.rungs if rung.attempt] == [
            one for one in history if one.contact_id == whose
        ]
        begun = [rung.attempt is not None for rung in track.rungs]
        assert begun == sorted(begun, reverse=True), "what is coming stands behind what was done"
    assert sum(len([rung for rung in track.rungs if rung.attempt]) for track in tracks) == len(history)
    shown = rungs(tracks)
    assert sum(rung.state is RungState.NOW for rung in shown) <= 1
    assert sum(rung.until is not None for rung in shown) <= 1, "one countdown at most"
    if status is not OPEN:
        assert not {RungState.NOW, RungState.COMING} & {rung.state for rung in shown if rung.attempt is None}


@given(escalations())
def test_what_is_said_to_come_is_what_the_ladder_does_if_nobody_answers(
    given_: tuple[Snapshot, list[Attempt], datetime],
) -> None:
    shot, history, now = given_
    if any(one.state is AttemptState.PENDING for one in history):
        history = [
            replace(one, state=AttemptState.MISSED if one.level is Level.CALL else AttemptState.SENT, ended_at=now)
            if one.state is AttemptState.PENDING
            else one
            for one in history
        ]
    said = [
        (track.contact.id if track.contact else None, rung.level, rung.at)
        for track in tracks_of(shot, OPEN, history, [], now)
        for rung in track.rungs
        if rung.attempt is None
    ]
    done = []
    while True:
        step = next_step(shot, OPEN, history, now)
        if isinstance(step, WaitUntil):
            assert step.at is not None
            now = step.at
            continue
        if not isinstance(step, Send | Skip | Call | TellOwner):
            break
        level, contact = _of(step)
        done.append((contact, level, now))
        state = AttemptState.MISSED if level is Level.CALL else AttemptState.SENT
        if isinstance(step, Skip):
            state = AttemptState.SKIPPED
        begun = attempt(len(history) + 1, level, state, now, contact=contact)
        if isinstance(step, Call):
            now += shot.policy.ring_timeout
        history = [*history, replace(begun, ended_at=now)]
    assert sorted(said, key=str) == sorted(done, key=str)
