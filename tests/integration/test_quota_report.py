"""Who used the voice minutes of a month, on the record."""

from datetime import timedelta

import pytest

from gateway.model.quota import VoiceSeconds, VoiceUseKind
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError
from gateway.services.quota_report import quota_report
from gateway.store import SqlRecord
from tests.integration.quota_rig import NOW, QuotaRig


def test_minutes_are_told_by_contact_and_kind(record: SqlRecord) -> None:
    rig = QuotaRig(record, contacts=2)
    call = rig.dial(rig.due_call(contact=0))
    assert call
    rig.hang_up(call, 45)
    event = rig.alert().event_id
    note = rig.due_call(event, contact=1)
    assert rig.reserve_note(note.id, timedelta(seconds=20))
    rig.use(7)
    report = quota_report(rig.record, rig.config.tiers, license_id=rig.license_id, at=NOW)
    assert [(one.name, one.kind, one.uses, one.seconds) for one in report.shares] == [
        ("P0", VoiceUseKind.CALL, 1, VoiceSeconds(used=45)),
        ("P1", VoiceUseKind.VOICE_NOTE, 1, VoiceSeconds(reserved=20)),
        (None, VoiceUseKind.CALL, 1, VoiceSeconds(used=7)),
    ]


def test_what_is_no_license_or_no_month_is_refused(record: SqlRecord) -> None:
    rig = QuotaRig(record)
    with pytest.raises(UnknownLicenseError):
        quota_report(rig.record, rig.config.tiers, license_id=999, at=NOW)
    with pytest.raises(InvalidValueError):
        quota_report(rig.record, rig.config.tiers, license_id=rig.license_id, at=NOW, month="2026-1")
