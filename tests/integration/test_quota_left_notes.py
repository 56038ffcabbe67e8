"""Voice notes whose settlement was lost do not hold their seconds for the rest of the month."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.quota import NoticeKind, VoiceSeconds
from gateway.ports.record import Record
from gateway.services.left_notes import settle_left_notes
from tests.integration.quota_rig import MINUTE, NOW, QuotaRig

LATER = NOW + timedelta(minutes=16)


def a_note(rig: QuotaRig, state: AttemptState) -> int:
    """Record a voice note that an engine reserved a minute for before it died; return its attempt's id."""
    event_id = rig.alert().event_id
    assert event_id is not None
    with rig.record.write() as work:
        note = work.attempts.add(
            Attempt(
                id=0,
                event_id=event_id,
                contact_id=rig.contacts[0].id,
                level=Level.VOICE_NOTE,
                number=1,
                state=AttemptState.PENDING,
                began_at=NOW,
            )
        )
        work.commit()
    assert rig.reserve_note(note.id)
    with rig.record.write() as work:
        work.attempts.update(replace(note, state=state))
        work.commit()
    return note.id


@pytest.mark.parametrize(
    ("state", "used"),
    [
        (AttemptState.UNKNOWN, 60),
        (AttemptState.SENT, 60),
        (AttemptState.ACKNOWLEDGED, 60),
        (AttemptState.FAILED, 0),
        (AttemptState.PENDING, 0),
    ],
)
def test_what_may_have_been_sent_counts_as_it_was_reserved(record: Record, state: AttemptState, used: int) -> None:
    rig = QuotaRig(record)
    a_note(rig, state)
    settle_left_notes(record, rig.quota, NOW)
    assert rig.status().voice == VoiceSeconds(reserved=60), "it may still be on its way"
    settle_left_notes(record, rig.quota, LATER)
    settle_left_notes(record, rig.quota, LATER + MINUTE)
    assert rig.status().voice == VoiceSeconds(used=used)


def test_a_call_in_progress_keeps_what_is_reserved_for_it(record: Record) -> None:
    rig = QuotaRig(record)
    assert rig.dial(rig.due_call()) is not None
    settle_left_notes(record, rig.quota, LATER)
    assert rig.status().voice == VoiceSeconds(reserved=60)


def test_a_settled_note_is_worth_its_notice(record: Record) -> None:
    rig = QuotaRig(record)
    rig.use(500)
    a_note(rig, AttemptState.UNKNOWN)
    assert rig.status().notices == (NoticeKind.VOICE_80,)
    rig.change(voice_minutes="9")
    settle_left_notes(record, rig.quota, LATER)
    assert rig.status().notices == (NoticeKind.VOICE_80, NoticeKind.VOICE_100)
