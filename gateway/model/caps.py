"""How often one person and one number may be called, so that carriers do not take the calls for spam.

A carrier that blocks our caller id blocks every alert: a call too many is worse than a call less, because the
ladder has somebody else to turn to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from gateway.model.call import Call, CallOutcome

HOUR = timedelta(hours=1)
NUMBER_SPAN = timedelta(hours=3)

# The second call breaks through a phone's do-not-disturb, so two may follow each other at once.
_AT_ONCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCaps:
    """The caps of this installation.

    ``per_contact_gap`` is the pace at which new alerts make one person's phone ring, ``per_contact_hour`` the most
    calls to one person within an hour, ``per_number_3h`` the most calls to one number within three hours, over all
    licenses and caller ids.
    """

    per_contact_gap: timedelta = timedelta(minutes=1)
    per_contact_hour: int = 7
    per_number_3h: int = 15


@dataclass(frozen=True, slots=True)
class Dialled:
    """A leg that was really dialled: when, and whether it repeated an alert that had rung there before."""

    at: datetime
    repeats: bool


def was_dialled(call: Call) -> bool:
    """Tell whether a leg made, or may have made, the callee's phone ring.

    Trunk trouble never got that far. A cancelled leg without any cause of the network's was dropped before it was
    dialled. A leg without an end counts: it is in progress, or nobody knows.
    """
    if call.outcome is CallOutcome.TRUNK_TROUBLE:
        return False
    causes = (call.sip_cause, call.hangup_cause, call.answered_at)
    return call.outcome is not CallOutcome.CANCELLED or any(cause is not None for cause in causes)


def over_cap(
    caps: CallCaps,
    *,
    contact: Sequence[Dialled],
    number: Sequence[datetime],
    repeats: bool,
    now: datetime,
) -> str | None:
    """Return which cap forbids a call now, or ``None`` where it may be dialled.

    ``contact`` are the legs dialled to the person and ``number`` the times of those dialled to the number, each in
    any order. ``repeats`` tells whether an alert that this call announces has rung at this person before: then it is
    the ladder's own second or third try.

    The rule, first match:

    1. ``call_cap_number_3h``: ``per_number_3h`` legs or more were dialled to the number in the last three hours.
    2. ``call_cap_contact_hour``: ``per_contact_hour`` legs or more were dialled to the person in the last hour.
    3. ``call_cap_contact_minute``: the call announces nothing but alerts that are new to the person, and new alerts
       have used up their pace. It is a bucket of two: every leg that announced new alerts alone took one out,
       and one comes back per ``per_contact_gap``. So the first call and one more may follow each other at once, then
       one a minute.

    A ladder's own tries neither need nor take anything from the bucket: no ladder of a single event is ever held
    up by its pace, however short its gaps are. Legs dated later than ``now`` do not count: they were written before
    the machine's clock was set back, and must not keep an alert from anybody.
    """
    if _count(number, now, NUMBER_SPAN) >= caps.per_number_3h:
        return "call_cap_number_3h"
    if _count([leg.at for leg in contact], now, HOUR) >= caps.per_contact_hour:
        return "call_cap_contact_hour"
    if not repeats and _left([leg.at for leg in contact if not leg.repeats], caps.per_contact_gap, now) < 1:
        return "call_cap_contact_minute"
    return None


def _count(times: Sequence[datetime], now: datetime, span: timedelta) -> int:
    return sum(now - span < at <= now for at in times)


def _left(opened: Sequence[datetime], gap: timedelta, now: datetime) -> float:
    """Return what is left in the bucket."""
    times = sorted(at for at in opened if at <= now)
    left = _AT_ONCE
    for at, until in pairwise([*times, now]):
        left = max(left - 1, 0.0)
        left = min(left + (until - at) / gap, _AT_ONCE)
    return left
