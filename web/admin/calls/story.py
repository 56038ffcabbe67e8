"""What became of a call, step by step, and how well it could be heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model.call import Call, CallQuality
from gateway.services.keys import ACKNOWLEDGE_DIGIT, HANDOFF_DIGIT, PIN_REFUSED_MARK


class Moment(StrEnum):
    """What happened at a moment of a call."""

    BEGAN = "began"
    RANG = "rang"
    ANSWERED = "answered"
    ACKNOWLEDGE = "acknowledge"
    HANDOFF = "handoff"
    WRONG_PIN = "wrong_pin"
    OTHER_KEY = "other_key"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``at`` is ``None`` for a key whose time an older version did not keep; ``key`` is what was pressed."""

    moment: Moment
    at: datetime | None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long the parts of a call took; ``None`` where a part did not happen, or is not over."""

    rang: timedelta | None
    talked: timedelta | None


class Hearing(StrEnum):
    """How well something measured lets people understand each other."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


# What is good up to the first, and poor from the second on: packets lost in per cent and jitter in milliseconds (ITU-T
# Y.1541 and G.113), the way there and back in milliseconds (twice what ITU-T G.114 says of one way).
_LIMITS = {"lost": (1.0, 5.0), "jitter": (30.0, 50.0), "round_trip": (300.0, 800.0)}
_KEYS = {ACKNOWLEDGE_DIGIT: Moment.ACKNOWLEDGE, HANDOFF_DIGIT: Moment.HANDOFF, PIN_REFUSED_MARK: Moment.WRONG_PIN}


def steps_of(call: Call) -> Sequence[Step]:
    """Return what is known of the call's course, in its order."""
    times: list[datetime | None] = [*call.digit_times]
    times += [None] * (len(call.digits) - len(times))
    keys = [Step(_KEYS.get(digit, Moment.OTHER_KEY), at, digit) for digit, at in zip(call.digits, times, strict=False)]
    found = [
        Step(Moment.BEGAN, call.started_at),
        *((Step(Moment.RANG, call.ringing_at),) if call.ringing_at else ()),
        *((Step(Moment.ANSWERED, call.answered_at),) if call.answered_at else ()),
        *keys,
    ]
    return [*found, Step(Moment.ENDED, call.ended_at)] if call.ended_at else found


def lengths_of(call: Call) -> Lengths:
    """Return how long the phone rang, and how long it was talked, in whole seconds."""
    rang_until = call.answered_at or call.ended_at
    return Lengths(rang=_between(call.ringing_at, rang_until), talked=_between(call.answered_at, call.ended_at))


def hearing(what: str, value: float | None) -> Hearing | None:
    """Return how good a measured value is: of ``lost``, ``jitter`` or ``round_trip``."""
    if value is None:
        return None
    good, poor = _LIMITS[what]
    return Hearing.GOOD if value <= good else Hearing.FAIR if value < poor else Hearing.POOR


def worst(quality: CallQuality) -> Hearing | None:
    """Return how well the two could hear each other: as well as the worst that was measured lets them."""
    found = [
        one
        for one in (
            hearing("lost", quality.lost_sent_percent),
            hearing("lost", quality.lost_received_percent),
            hearing("jitter", quality.jitter_ms),
            hearing("round_trip", quality.round_trip_ms),
        )
        if one is not None
    ]
    return max(found, key=list(Hearing).index, default=None)


def _between(begin: datetime | None, end: datetime | None) -> timedelta | None:
    if begin is None or end is None:
        return None
    # The machine's clock may have been set back meanwhile.
    return timedelta(seconds=max(round((end - begin).total_seconds()), 0))
