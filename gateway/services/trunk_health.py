"""How each trunk is: what its last calls say, what its carrier answers to the phone system, and how it compares."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

import structlog
from pybreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker, CircuitBreakerError

from gateway.model.call import CallOutcome
from gateway.model.call_safety import LineRules
from gateway.model.trunk_quality import MOST_SAMPLES, CallSample, TrunkQuality, demoted, quality

log = structlog.get_logger(__name__)

# These say nothing of the trunk: we hung up ourselves, or nobody knows how the call ended.
_NO_VERDICT = frozenset({CallOutcome.CANCELLED, CallOutcome.LOST})


class Fitness(Enum):
    """Whether a trunk can be given a call."""

    WELL = auto()
    PROBE = auto()  # its pause is over: one call finds out
    UNFIT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkReport:
    """How a trunk is, for people. ``breaker`` is ``closed`` (in use), ``open`` (left alone) or ``half-open``.

    ``again_at`` is when a trunk that is left alone is tried again, if there is a call then.
    """

    trunk: str
    breaker: str
    reachable: bool
    registered: bool
    demoted: bool
    quality: TrunkQuality
    again_at: datetime | None = None


class _TroubleError(Exception):
    """What the breaker is told of a call that failed for the trunk's sake."""


def _fail() -> None:
    raise _TroubleError


@dataclass(slots=True)
class _Trunk:
    """``opened`` is when the breaker opened, by the monotonic clock; ``probe`` the call that finds out.

    ``failed`` is when the newest call began that failed for the trunk's sake.
    """

    breaker: CircuitBreaker
    samples: deque[CallSample] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))
    opened: float = 0.0
    failed: float = float("-inf")
    probe: str | None = None
    reachable: bool = True
    registered: bool = True


class TrunkHealth:
    """The health of all trunks. Used by one thread at a time.

    pybreaker keeps each breaker's state and counts; a call's result comes long after its beginning, so when the pause
    is over, and which call is the probe, is decided here, by the monotonic clock.
    """

    def __init__(self, *, rules: LineRules, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._rules = rules
        self._now = now
        self._monotonic = monotonic
        self._trunks: dict[str, _Trunk] = {}
        self._demoted: frozenset[str] = frozenset()
        self._compared = float("-inf")

    def fitness(self, trunk: str) -> Fitness:
        """Return whether the trunk can be given a call now."""
        one = self._trunk(trunk)
        if not one.reachable:
            return Fitness.UNFIT
        state = one.breaker.current_state
        if state == STATE_OPEN and self._monotonic() >= one.opened + self._rules.breaker_pause.total_seconds():
            one.breaker.half_open()
            one.probe = None
            state = STATE_HALF_OPEN
        if state == STATE_HALF_OPEN:
            return Fitness.PROBE if one.probe is None else Fitness.UNFIT
        return Fitness.WELL if state == STATE_CLOSED else Fitness.UNFIT

    def begin(self, trunk: str, call_id: str) -> None:
        """Take note that a call is given to the trunk. Where one is to find out how the trunk is, it is this one."""
        one = self._trunk(trunk)
        if one.breaker.current_state == STATE_HALF_OPEN and one.probe is None:
            one.probe = call_id
            log.info("trunk_probed", trunk=trunk, call_id=call_id)

    def drop(self, trunk: str, call_id: str) -> None:
        """Take note that a call said nothing of the trunk."""
        one = self._trunk(trunk)
        if one.probe == call_id:
            one.probe = None

    def end(
        self,
        trunk: str,
        call_id: str,
        *,
        outcome: CallOutcome,
        at: datetime,
        answered: bool,
        post_dial_delay: timedelta | None,
        began: float,
    ) -> None:
        """Take note of how a call ended. ``began`` is when it was given to the trunk, by the monotonic clock."""
        if outcome in _NO_VERDICT and not answered:
            self.drop(trunk, call_id)
            return
        one = self._trunk(trunk)
        one.samples.append(CallSample(at, answered, post_dial_delay))
        trouble = outcome is CallOutcome.TRUNK_TROUBLE
        state = one.breaker.current_state
        if state == STATE_OPEN or (state == STATE_HALF_OPEN and one.probe != call_id):
            # It began before the breaker opened: what it tells is old.
            return
        if trouble:
            one.failed = max(one.failed, began)
            with suppress(_TroubleError, CircuitBreakerError):
                one.breaker.call(_fail)
        elif state == STATE_HALF_OPEN or began >= one.failed:
            # A long conversation that began before the trouble and ends well in the midst of it tells nothing.
            one.breaker.call(lambda: None)
        one.probe = None
        if one.breaker.current_state == STATE_OPEN:
            # What is read from the record after a restart is of some time ago.
            one.opened = self._monotonic() - max((self._now() - at).total_seconds(), 0.0)
            log.warning("trunk_left_alone", trunk=trunk, seconds=self._rules.breaker_pause.total_seconds())
        elif state == STATE_HALF_OPEN:
            log.info("trunk_well_again", trunk=trunk)

    def prove(self, trunk: str, call_id: str, *, began: float) -> None:
        """Take note that a call rings or is answered: the trunk works, whatever becomes of the call."""
        one = self._trunk(trunk)
        state = one.breaker.current_state
        if one.probe == call_id or (state == STATE_CLOSED and began >= one.failed):
            one.breaker.call(lambda: None)
            one.probe = None
            if state == STATE_HALF_OPEN:
                log.info("trunk_well_again", trunk=trunk)

    def mark_reachable(self, trunk: str, *, reachable: bool) -> None:
        """Take note of whether the carrier answers the phone system's OPTIONS (RFC 3261, 11)."""
        one = self._trunk(trunk)
        if one.reachable is not reachable:
            one.reachable = reachable
            (log.info if reachable else log.warning)("trunk_reachability", trunk=trunk, reachable=reachable)

    def mark_registered(self, trunk: str, *, registered: bool) -> None:
        """Take note of whether the carrier knows where we are; a trunk that has lost that is tried after the others."""
        one = self._trunk(trunk)
        if one.registered is not registered:
            one.registered = registered
            (log.info if registered else log.warning)("trunk_registration", trunk=trunk, registered=registered)

    def ranked(self, trunks: Sequence[str]) -> list[str]:
        """Return the trunks in the order in which they are tried: as configured, those that do badly at the end."""
        last = self._last()
        return sorted(trunks, key=lambda trunk: trunk in last or not self._trunk(trunk).registered)

    def report(self, trunks: Collection[str]) -> list[TrunkReport]:
        """Return how these trunks are."""
        last = self._last()
        return [
            TrunkReport(
                trunk=trunk,
                breaker=self._trunk(trunk).breaker.current_state,
                reachable=self._trunk(trunk).reachable,
                registered=self._trunk(trunk).registered,
                demoted=trunk in last,
                quality=quality(tuple(self._trunk(trunk).samples), self._now()),
                again_at=self._again_at(self._trunk(trunk)),
            )
            for trunk in trunks
        ]

    def _again_at(self, one: _Trunk) -> datetime | None:
        if one.breaker.current_state != STATE_OPEN:
            return None
        return self._now() + timedelta(seconds=one.opened - self._monotonic()) + self._rules.breaker_pause

    def _last(self) -> frozenset[str]:
        """Return the trunks that are far worse than their peers, looked at once a second."""
        if self._monotonic() - self._compared >= 1.0:
            self._compared = self._monotonic()
            now = self._now()
            found = demoted({name: quality(tuple(one.samples), now) for name, one in self._trunks.items()})
            for trunk in found ^ self._demoted:
                log.warning("trunk_demoted" if trunk in found else "trunk_restored", trunk=trunk)
            self._demoted = found
        return self._demoted

    def _trunk(self, trunk: str) -> _Trunk:
        if trunk not in self._trunks:
            breaker = CircuitBreaker(
                fail_max=self._rules.breaker_failures,
                reset_timeout=self._rules.breaker_pause.total_seconds(),
                name=trunk,
            )
            self._trunks[trunk] = _Trunk(breaker)
        return self._trunks[trunk]
