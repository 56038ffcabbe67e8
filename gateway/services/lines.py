"""The lines of every trunk: who gets the next one, and on which trunk.

A carrier refuses what goes beyond the channels and the calls per second that were bought, and a phone system that is
given hundreds of calls at once loses all of them. So nobody dials without a line. Whoever has somebody to call asks for
one; the gravest alert gets the next line, then the oldest; and what falls due for a person who waits joins their call.
Nothing here is lost by a crash: whoever has a call due on record asks again, and lines in use are on record as legs.
"""

import itertools
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from gateway.model.call import CallOutcome
from gateway.model.urgency import Urgency
from gateway.ports.heartbeats import LinesState, TrunkState
from gateway.ports.phone import TWILIO
from gateway.services.trunk_health import Fitness, TrunkHealth

# A connection that is being made, after a start or a short loss, is waited for; an outage is not.
PATIENCE = timedelta(seconds=8)
# So often one looks whether a phone system is in reach again.
_LOOK_AGAIN = timedelta(milliseconds=250)
# So much time that was lost is made up for in the pace of a trunk. The phone system sees to the exact distance.
LATENESS = timedelta(milliseconds=200)
_ANY = ""  # no trunk's name: that of no trunk being in reach

NO_PHONE_SYSTEM = "phone_system_out_of_reach"
ALL_IN_TROUBLE = "every_trunk_in_trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkLimits:
    """What a trunk bears. One that is a ``last_resort`` is used where no other can carry the call at all."""

    name: str
    max_calls: int = 30
    calls_per_second: float = 5
    last_resort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """Somebody is to be called. ``avoid`` are the trunks that were in trouble for one of these attempts."""

    contact_id: int
    urgency: Urgency
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a trunk, for one call to one contact, under that call's id."""

    call_id: str
    trunk: str
    contact_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRefusal:
    """No trunk can carry the call, now or in a moment. The reason goes on the timeline."""

    contact_id: int
    reason: str


@dataclass(slots=True, order=True)
class _Waiting:
    urgency: Urgency
    serial: int
    request: LineRequest = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Ways:
    """The trunks that could carry a call, best first, and those of them that are well; none: it waits or is refused."""

    trunks: tuple[str, ...] = ()
    well: tuple[str, ...] = ()
    refusal: str | None = None

    def trunks_for(self, urgency: Urgency) -> tuple[str, ...]:
        """Return them for one call: no critical alert finds out how a trunk is that another one can do without."""
        return self.well if self.well and urgency.rank == 0 else self.trunks


@dataclass(slots=True)
class _Held:
    line: Line
    since: float


@dataclass(slots=True)
class _Trunk:
    limits: TrunkLimits
    in_use: int = 0
    next_at: float = float("-inf")


class Lines:
    """Grants lines. Used by one thread at a time; nothing here blocks.

    ``usable`` returns the trunks that could carry a call now, best first (``Phone.trunks``). A trunk without limits of
    its own has the defaults. Promises, whatever happens in whatever order:

    * a trunk has never more than ``max_calls`` lines in use, nor more grants in any time than ``calls_per_second``
      permits in that time and ``LATENESS``, and one;
    * of those who could be served now, the most urgent is; among equals, who asked first;
    * whoever asked is granted a line, refused one, or waits, until they withdraw;
    * a trunk that is a last resort is granted only where no other could carry the call, however busy those are.
    """

    def __init__(
        self,
        *,
        limits: Sequence[TrunkLimits],
        usable: Callable[[], Sequence[str]],
        health: TrunkHealth,
        monotonic: Callable[[], float],
        new_call_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self.health = health
        self._usable = usable
        self._monotonic = monotonic
        self._new_call_id = new_call_id
        self._trunks = {each.name: _Trunk(each) for each in limits}
        self._own = {each.name for each in limits if not each.last_resort}
        self._queue: list[_Waiting] = []
        self._waiting: dict[int, _Waiting] = {}
        self._avoided: Counter[frozenset[str]] = Counter()
        self._held: dict[str, _Held] = {}
        self._serial = itertools.count()
        self._away_since: Mapping[str, float] = {}

    # --- what is asked for --------------------------------------------------------------------------------------------

    def ask(self, request: LineRequest) -> None:
        """Put a request into the queue, in place of the contact's earlier one, whose turn among equals it keeps."""
        before = self._take(request.contact_id)
        serial = next(self._serial) if before is None else before.serial
        waiting = _Waiting(request.urgency, serial, request)
        self._waiting[request.contact_id] = waiting
        self._avoided[request.avoid] += 1
        insort(self._queue, waiting)

    def withdraw(self, contact_id: int) -> None:
        """Take the contact's request out of the queue, where there is one."""
        self._take(contact_id)

    # --- lines in use -------------------------------------------------------------------------------------------------

    def occupy(self, line: Line, *, since: float) -> None:
        """Count a leg that was found in progress."""
        if line.call_id not in self._held:
            self._hold(line, since)

    def free(self, call_id: str) -> Line | None:
        """Count a line no more, and return it: its call is over, or nothing was dialled."""
        held = self._held.pop(call_id, None)
        if held is None:
            return None
        self._trunk(held.line.trunk).in_use -= 1
        self.health.drop(held.line.trunk, call_id)
        return held.line

    def end(
        self,
        call_id: str,
        *,
        outcome: CallOutcome,
        at: datetime,
        answered: bool,
        post_dial_delay: timedelta | None,
        network_said: bool,
    ) -> None:
        """Take note of how a call ended, and free its line.

        ``network_said``: a cause came from the network. Trouble without one is the phone system's, not the trunk's,
        where that is out of reach.
        """
        held = self._held.get(call_id)
        if held is not None:
            trunk = held.line.trunk
            if outcome is not CallOutcome.TRUNK_TROUBLE or network_said or trunk in self._usable():
                self.health.end(
                    trunk,
                    call_id,
                    outcome=outcome,
                    at=at,
                    answered=answered,
                    post_dial_delay=post_dial_delay,
                    began=held.since,
                )
        self.free(call_id)

    def prove(self, call_id: str) -> None:
        """Take note that the network rang or answered: the trunk works, whatever becomes of the call."""
        held = self._held.get(call_id)
        if held is not None:
            self.health.prove(held.line.trunk, call_id, began=held.since)

    def held_by(self, contact_id: int) -> list[Line]:
        """Return the lines that the contact has."""
        return [held.line for held in self._held.values() if held.line.contact_id == contact_id]

    def held(self) -> Mapping[str, float]:
        """Return since when each line is in use, by call, on the monotonic clock."""
        return {call_id: held.since for call_id, held in self._held.items()}

    @property
    def waiting(self) -> int:
        """How many wait for a line."""
        return len(self._queue)

    def in_use(self) -> Mapping[str, int]:
        """Return how many lines of each trunk are in use."""
        return {name: trunk.in_use for name, trunk in self._trunks.items()}

    def state(self) -> LinesState:
        """Return how the trunks are, for people: in the order in which they are configured."""
        usable = set(self._usable())
        trunks = [
            TrunkState(
                trunk=report.trunk,
                in_use=self._trunks[report.trunk].in_use,
                max_calls=self._trunks[report.trunk].limits.max_calls,
                in_reach=report.trunk in usable,
                reachable=report.reachable,
                registered=report.registered,
                breaker=report.breaker,
                again_at=report.again_at,
                demoted=report.demoted,
                last_resort=self._trunks[report.trunk].limits.last_resort,
            )
            for report in self.health.report(tuple(self._trunks))
        ]
        return LinesState(waiting=self.waiting, trunks=tuple(trunks))

    # --- who gets one -------------------------------------------------------------------------------------------------

    def decide(self) -> tuple[list[Line], list[LineRefusal]]:
        """Return the lines that are granted now, and the requests that nobody can serve; both leave the queue."""
        granted: list[Line] = []
        refused: list[LineRefusal] = []
        usable = self._look()
        ways = {avoid: self._ways(usable, avoid) for avoid in self._avoided}
        for waiting in tuple(self._queue) if self._moves(ways) else ():
            request = waiting.request
            way = ways[request.avoid]
            if way.refusal is not None:
                self._take(request.contact_id)
                refused.append(LineRefusal(contact_id=request.contact_id, reason=way.refusal))
                continue
            trunk = next(filter(self._has_room, way.trunks_for(request.urgency)), None)
            if trunk is not None:
                self._take(request.contact_id)
                granted.append(self._grant(trunk, request.contact_id))
                # A probe is one call; whoever comes next may have no way left.
                ways = {avoid: self._ways(usable, avoid) for avoid in {**ways, **self._avoided}}
                if not self._moves(ways):
                    break
        return granted, refused

    def seconds_to_look(self) -> float | None:
        """Return after how many seconds, if nothing else happens, something may be decided; ``None``: never."""
        if not self._queue:
            return None
        now = self._monotonic()
        pauses = [trunk.next_at - now for trunk in self._trunks.values() if trunk.in_use < trunk.limits.max_calls]
        return min([*(pause for pause in pauses if pause > 0), _LOOK_AGAIN.total_seconds()])

    def _look(self) -> Sequence[str]:
        """Return the trunks that are in reach, and keep since when each of the others is not."""
        usable, now = self._usable(), self._monotonic()
        away = self._own - set(usable)
        if not usable:
            away.add(_ANY)
        self._away_since = {name: self._away_since.get(name, now) for name in away}
        return usable

    def _ways(self, usable: Sequence[str], avoid: frozenset[str]) -> "_Ways":
        """Return what is left for a call that is not to go through some trunks."""
        fitness = {name: self.health.fitness(name) for name in usable if name not in avoid}
        fit = [name for name in self.health.ranked(usable) if fitness.get(name, Fitness.UNFIT) is not Fitness.UNFIT]
        own = [name for name in fit if not self._trunk(name).limits.last_resort]
        if not own:
            patient_since = self._monotonic() - PATIENCE.total_seconds()
            if any(since > patient_since for name, since in self._away_since.items() if name not in avoid):
                return _Ways()
        trunks = tuple(own or fit)
        refusal = None if trunks else (ALL_IN_TROUBLE if usable else NO_PHONE_SYSTEM)
        return _Ways(trunks, tuple(name for name in trunks if fitness[name] is Fitness.WELL), refusal)

    def _moves(self, ways: "Mapping[frozenset[str], _Ways]") -> bool:
        """Whether anybody in the queue may be served or refused."""
        return any(
            ways[avoid].refusal is not None or any(map(self._has_room, ways[avoid].trunks)) for avoid in self._avoided
        )

    def _has_room(self, name: str) -> bool:
        trunk = self._trunk(name)
        return trunk.in_use < trunk.limits.max_calls and self._monotonic() >= trunk.next_at

    def _grant(self, trunk: str, contact_id: int) -> Line:
        one, now = self._trunk(trunk), self._monotonic()
        # A grant that came a little late does not move those that follow, or a busy machine would never reach the rate.
        due = one.next_at if now - one.next_at <= LATENESS.total_seconds() else now
        one.next_at = due + 1 / one.limits.calls_per_second
        line = Line(call_id=self._new_call_id(), trunk=trunk, contact_id=contact_id)
        self._hold(line, now)
        self.health.begin(trunk, line.call_id)
        return line

    def _hold(self, line: Line, since: float) -> None:
        self._held[line.call_id] = _Held(line, since)
        self._trunk(line.trunk).in_use += 1

    def _take(self, contact_id: int) -> _Waiting | None:
        waiting = self._waiting.pop(contact_id, None)
        if waiting is not None:
            del self._queue[bisect_left(self._queue, waiting)]
            self._avoided[waiting.request.avoid] -= 1
            if not self._avoided[waiting.request.avoid]:
                del self._avoided[waiting.request.avoid]
        return waiting

    def _trunk(self, name: str) -> _Trunk:
        if name not in self._trunks:
            self._trunks[name] = _Trunk(TrunkLimits(name=name, last_resort=name == TWILIO))
        return self._trunks[name]
