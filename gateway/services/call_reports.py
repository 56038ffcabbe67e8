"""What a phone reports of a leg beside its progress: machines that answer, missing sounds, and the operator of key 2.

The same may be reported more than once, as after a restart; it is recorded once.
"""

from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.phone import MachineDetected, OperatorReported, SoundsMissing
from gateway.ports.record import Record


def note(record: Record, report: MachineDetected | SoundsMissing) -> None:
    """Put on the timelines of the leg's events what its phone system reports of it."""
    if isinstance(report, MachineDetected):
        note_machine(record, report)
    else:
        note_sounds(record, report)


def note_machine(record: Record, report: MachineDetected) -> None:
    """Put on the timelines of the leg's events that a machine seems to have answered, or that it has the message."""
    detail: dict[str, object] = {"call_id": report.call_id, "reason": report.reason}
    if report.keys:
        detail["keys_ignored"] = report.keys
    _note(record, TimelineType.MACHINE_DETECTED, report, detail)


def note_sounds(record: Record, report: SoundsMissing) -> None:
    """Put on the timelines of the leg's events that its sounds were missing where they are played."""
    detail: dict[str, object] = {"call_id": report.call_id, "node": report.node, "reason": report.reason}
    _note(record, TimelineType.SOUNDS_MISSING, report, detail)


def note_operator(record: Record, report: OperatorReported) -> None:
    """Put on the timelines of the leg's events how it stands with the operator."""
    detail: dict[str, object] = {"call_id": report.call_id, "state": report.state.value, "trunk": report.trunk}
    if report.talked:
        detail["talked_seconds"] = round(report.talked.total_seconds(), 1)
    _note(record, TimelineType.OPERATOR_REPORTED, report, detail)


def _note(
    record: Record,
    kind: TimelineType,
    report: MachineDetected | OperatorReported | SoundsMissing,
    detail: dict[str, object],
) -> None:
    with record.write() as work:
        for attempt in work.attempts.of_call(report.call_id):
            entry = TimelineEntry(
                event_id=attempt.event_id,
                at=report.at,
                type=kind,
                contact_id=attempt.contact_id,
                channel=attempt.level.value,
                detail=detail,
            )
            known = work.timeline.of_event(attempt.event_id)
            if not any((each.type, each.at, each.detail) == (kind, report.at, detail) for each in known):
                work.timeline.append(entry)
        work.commit()
