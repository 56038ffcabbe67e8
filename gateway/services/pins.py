"""The PIN that a contact acknowledges with, entered on the phone."""

from dataclasses import replace
from datetime import datetime

from werkzeug.security import check_password_hash

from gateway.model.timeline import TimelineType
from gateway.ports.record import Record
from gateway.services.steps import note_step


def is_right(record: Record, call_id: str, entered: str) -> bool:
    """Tell whether somebody entered their PIN; a contact without one needs none. False for an unknown leg.

    The hash is slow to check on purpose: not within a transaction that others wait for.
    """
    with record.read() as work:
        call = work.calls.get(call_id)
        if call is None:
            return False
        pin_hash = work.contacts.pin_hash(call.contact_id)
    return pin_hash is None or check_password_hash(pin_hash, entered)


def note_wrong(record: Record, *, call_id: str, digit: str, sequence: int, at: datetime) -> None:
    """Record that a key did not count for want of the PIN, once; the digits that were entered are not kept."""
    with record.write() as work:
        call = work.calls.get(call_id)
        if call is None or sequence <= len(call.digits):
            return
        answered_at = call.answered_at or at
        work.calls.update(
            replace(call, digits=call.digits + digit, digit_times=(*call.digit_times, at), answered_at=answered_at)
        )
        for attempt in work.attempts.of_call(call_id):
            detail: dict[str, object] = {"call_id": call_id, "digit": digit, "pin": "wrong"}
            note_step(work, attempt, TimelineType.KEY_PRESSED, at, detail)
        work.commit()
