"""What a leg's end means: from the network's causes to the words of the ladder. Pure."""

from dataclasses import dataclass

from gateway.model.call import CallOutcome

_INVALID_NUMBER_SIP = frozenset({404, 410, 484, 604})
_BUSY_SIP = frozenset({486, 600})
_DECLINED_SIP = frozenset({603, 607})
_NO_ANSWER_SIP = frozenset({480, 487})
_REQUEST_TIMEOUT = 408
_FIRST_FINAL_FAILURE, _LAST_FINAL_FAILURE = 300, 699

_INVALID_NUMBER_Q850 = frozenset({1, 22, 28})
_BUSY_Q850 = frozenset({17})
_DECLINED_Q850 = frozenset({21})
# 16 normal clearing before the answer, 20 subscriber absent (the phone is off), 26 answered elsewhere, 31 normal.
_NO_ANSWER_Q850 = frozenset({16, 20, 26, 31})
# 18 no user responding, 19 no answer though alerting, 102 a timer ran out: set whether the phone rang or not.
_TIMED_OUT_Q850 = frozenset({18, 19, 102})


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnd:
    """How a leg ended, as far as it is known.

    ``sip_cause`` is the network's final status (RFC 3261), ``hangup_cause`` the ITU-T Q.850
    cause. ``rang`` tells whether the callee's phone was heard to ring, ``None`` where
    nobody listened. ``cancelled``: we hung up before the answer.
    """

    sip_cause: int | None = None
    hangup_cause: int | None = None
    answered: bool = False
    cancelled: bool = False
    rang: bool | None = None


def outcome_of(end: LegEnd) -> CallOutcome:
    """Return what the end means for the ladder. The SIP status counts before the Q.850 cause, which is derived from it.

    Trunk trouble is everything that says nothing about the callee, so that another trunk may do better: the trunk is
    silent (408, or no answer in time, where nothing rang), overloaded or broken (5xx), without a route, incompatible
    (488, 606), or it refuses *us*: 401, 403 and 407 are answers to our credentials, balance or caller id, and
    3xx points to a place that this trunk does not go to.

    Where it is not known whether the phone rang, a time-out counts as not answered: a person whose
    phone did ring is not rung again by the next trunk.
    """
    if end.answered:
        return CallOutcome.NO_KEY
    if end.cancelled:
        return CallOutcome.CANCELLED
    if end.sip_cause is not None and _FIRST_FINAL_FAILURE <= end.sip_cause <= _LAST_FINAL_FAILURE:
        return _of_sip(end.sip_cause, rang=end.rang)
    return _of_q850(end.hangup_cause, rang=end.rang)


def _of_sip(cause: int, *, rang: bool | None) -> CallOutcome:
    if cause in _INVALID_NUMBER_SIP:
        return CallOutcome.INVALID_NUMBER
    if cause in _BUSY_SIP:
        return CallOutcome.BUSY
    if cause in _DECLINED_SIP:
        return CallOutcome.DECLINED
    if cause in _NO_ANSWER_SIP:
        return CallOutcome.NO_ANSWER
    if cause == _REQUEST_TIMEOUT:
        return _timed_out(rang=rang)
    return CallOutcome.TRUNK_TROUBLE


def _of_q850(cause: int | None, *, rang: bool | None) -> CallOutcome:
    if cause in _INVALID_NUMBER_Q850:
        return CallOutcome.INVALID_NUMBER
    if cause in _BUSY_Q850:
        return CallOutcome.BUSY
    if cause in _DECLINED_Q850:
        return CallOutcome.DECLINED
    if cause in _NO_ANSWER_Q850:
        return CallOutcome.NO_ANSWER
    if cause in _TIMED_OUT_Q850:
        return _timed_out(rang=rang)
    # Congestion, no route, protocol errors, and causes that Q.850 leaves open. A phone that rang has been rung.
    return CallOutcome.NO_ANSWER if rang and not cause else CallOutcome.TRUNK_TROUBLE


def _timed_out(*, rang: bool | None) -> CallOutcome:
    return CallOutcome.TRUNK_TROUBLE if rang is False else CallOutcome.NO_ANSWER
