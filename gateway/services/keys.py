"""What a callee presses: acknowledgement, with a PIN where the contact has one, and hand-off to a human.

A PIN that was entered is kept nowhere here: a key's place in ``Call.digits`` shows ``1`` where it was right or none was
wanted, and ``PIN_REFUSED_MARK`` where it was not. Those marks count the tries, so that a restart in between gives none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from werkzeug.security import check_password_hash

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import Attempt, AttemptState
from gateway.model.call import Call
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, UnitOfWork
from gateway.services.acknowledge import AckResult, acknowledge_within
from gateway.services.steps import note_step, settle

ACKNOWLEDGE_DIGIT = "1"
HANDOFF_DIGIT = "2"
PIN_REFUSED_MARK = "p"
MOST_PINS = 3
WRONG_PIN = "wrong_pin"

MayConnect = Callable[[str], bool]
"""Tells whether a number may be called for a handoff."""


class PinResult(StrEnum):
    """What became of a 1 that takes a PIN."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LAST_REFUSED = "last_refused"  # one try too many: the call ends as a missed one


@dataclass(frozen=True, slots=True, kw_only=True)
class PressedKey:
    """What a key did. ``acknowledged`` is empty unless it was the acknowledging one.

    ``pin`` is ``None`` for keys that take no PIN, and for a 1 of a contact who has none.
    """

    event_ids: tuple[int, ...]
    acknowledged: tuple[AckResult, ...] = ()
    handed_off: bool = False
    pin: PinResult | None = None

    @property
    def is_refused(self) -> bool:
        """Whether a wrong PIN kept the key from counting."""
        return self.pin in {PinResult.REFUSED, PinResult.LAST_REFUSED}


def press_key(
    record: Record,
    *,
    call_id: str,
    digit: str,
    sequence: int,
    at: datetime,
    pin: str | None = None,
    may_connect: MayConnect = lambda _number: True,
) -> PressedKey:
    """Record a key and do what it says; a press that is reported twice changes nothing the second time.

    1 acknowledges the events that this call announced, for a contact with a PIN only with that
    behind it; 2 hands the callee over to a human where the license has one whom the installation may
    call, and the ladder goes on.
    The contact's PIN is the one of now: whoever got one since the call began is asked for it. To check it
    takes about a tenth of a second on purpose, and is not done within the transaction, which others wait for.
    """
    checked: str | None = None
    is_right = False
    while True:
        with record.write() as work:
            call = work.calls.get(call_id)
            if call is None:
                return PressedKey(event_ids=())
            pin_hash = work.contacts.pin_hash(call.contact_id) if digit == ACKNOWLEDGE_DIGIT else None
            is_new = sequence > len(call.digits)
            if not is_new or pin_hash is None or not pin or pin_hash == checked:
                key = _Key(call, digit, sequence, at, may_connect)
                pressed = _press(work, key, has_pin=pin_hash is not None, is_right=is_right)
                work.commit()
                return pressed
        checked, is_right = pin_hash, check_password_hash(pin_hash, pin)


@dataclass(frozen=True, slots=True)
class _Key:
    call: Call
    digit: str
    sequence: int
    at: datetime
    may_connect: MayConnect


def _press(work: UnitOfWork, key: _Key, *, has_pin: bool, is_right: bool) -> PressedKey:
    call, at = key.call, key.at
    attempts = work.attempts.of_call(call.id)
    pressed = PressedKey(event_ids=tuple(attempt.event_id for attempt in attempts))
    digits = call.digits
    if key.sequence > len(digits):
        tries = digits.count(PIN_REFUSED_MARK)
        refused = has_pin and not (is_right and tries < MOST_PINS)
        digits += PIN_REFUSED_MARK if refused else key.digit
        work.calls.update(
            replace(call, digits=digits, digit_times=(*call.digit_times, at), answered_at=call.answered_at or at)
        )
        for attempt in attempts:
            if tries == 0 or not has_pin:
                # After a wrong PIN it is asked for again at once: nobody presses 1 once more.
                note_step(work, attempt, TimelineType.KEY_PRESSED, at, {"call_id": call.id, "digit": key.digit})
            if has_pin:
                kind = TimelineType.PIN_REFUSED if refused else TimelineType.PIN_ACCEPTED
                note_step(work, attempt, kind, at, {"call_id": call.id, "try": tries + 1})
        mark = digits[-1]
    else:
        mark = digits[key.sequence - 1]
    if mark == PIN_REFUSED_MARK:
        is_last = digits.count(PIN_REFUSED_MARK) >= MOST_PINS
        return replace(pressed, pin=PinResult.LAST_REFUSED if is_last else PinResult.REFUSED)
    if key.digit == ACKNOWLEDGE_DIGIT:
        results = acknowledge_within(
            work,
            event_ids=pressed.event_ids,
            contact_id=call.contact_id,
            by=None,
            via=AcknowledgedVia.DTMF,
            at=at,
        )
        return replace(pressed, acknowledged=results, pin=PinResult.ACCEPTED if has_pin else None)
    if key.digit == HANDOFF_DIGIT:
        return replace(pressed, handed_off=_hand_off(work, attempts, key))
    return pressed


def _hand_off(work: UnitOfWork, attempts: Sequence[Attempt], key: _Key) -> bool:
    handed = False
    for attempt in attempts:
        escalation = work.events.escalation(attempt.event_id)
        number = None if escalation is None else escalation.snapshot.handoff_number
        if number is None or not key.may_connect(number):
            continue
        handed = True
        if attempt.state is AttemptState.PENDING:
            settle(work, attempt, AttemptState.HANDED_OFF, "handed_off", key.at)
    return handed
