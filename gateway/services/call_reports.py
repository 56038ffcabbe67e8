"""What a phone reports of a leg beside its progress: machines that answer, and the operator whom key 2 asks for.

The same may be reported more than once, as after a restart; it is recorded once.
"""

from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.phone import MachineDetected, OperatorReported
from gateway.ports.record import Record


def note_machine(record: Record, report: MachineDetected) -> None:
    """Put on the timelines of the leg's events that a machine seems to have answered, or that it has the message."""
    detail: dict[str, object] = {"call_id": report.call_id, "reason": report.reason}
    if report.keys:
        detail["keys_ignored"] = report.keys
    _note(record, TimelineType.MACHINE_DETECTED, report, detail)


def note_operator(record: Record, report: OperatorReported) -> None:
    """Put on the timelines of the leg's events how it stands with the operator."""
    detail: dict[str, object] = {"call_id": report.call_id, "state": report.state.value, "trunk": report.trunk}
    if report.talked:
        detail["talked_seconds"] = round(report.talked.total_seconds(), 1)
    _note(record, TimelineType.OPERATOR_REPORTED, report, detail)


def _note(
    record: Record, kind: TimelineType, report: MachineDetected | OperatorReported, detail: dict[str, object]
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
