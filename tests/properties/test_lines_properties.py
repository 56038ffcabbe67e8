"""Lines under random interleavings of everything that can happen to them."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from gateway.model.call import CallOutcome
from gateway.model.call_safety import LineRules
from gateway.model.urgency import Urgency
from gateway.services.lines import LATENESS, Line, LineRequest, Lines, TrunkLimits
from gateway.services.trunk_health import TrunkHealth

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
LIMITS = (
    TrunkLimits(name="a", max_calls=1, calls_per_second=2),
    TrunkLimits(name="b", max_calls=3, calls_per_second=10),
    TrunkLimits(name="twilio", max_calls=2, calls_per_second=1, last_resort=True),
)
OWN = {"a", "b"}
CONTACTS = st.integers(1, 8)
RANKS = st.integers(0, 2)
AVOIDED = st.sets(st.sampled_from(["a", "b", "twilio"])).map(frozenset)
OUTCOMES = st.sampled_from(list(CallOutcome))


class LinesMachine(RuleBasedStateMachine):
    """Contacts ask, withdraw, call and hang up; trunks come, go and fail; time passes."""

    lines_in_use = Bundle("lines_in_use")

    @initialize()
    def begin(self) -> None:
        self.at = 100.0
        self.usable = [each.name for each in LIMITS]
        self.asked: dict[int, tuple[Urgency, int, frozenset[str]]] = {}
        self.turns = 0
        self.held: dict[str, str] = {}
        self.grants: dict[str, list[float]] = defaultdict(list)
        self.health = TrunkHealth(
            rules=LineRules(breaker_failures=2, breaker_pause=timedelta(seconds=5)),
            now=lambda: BEGIN + timedelta(seconds=self.at),
            monotonic=lambda: self.at,
        )
        self.lines = Lines(limits=LIMITS, usable=lambda: self.usable, health=self.health, monotonic=lambda: self.at)

    @rule(contact_id=CONTACTS, rank=RANKS, age=st.integers(0, 3), avoid=AVOIDED)
    def somebody_asks(self, contact_id: int, rank: int, age: int, avoid: frozenset[str]) -> None:
        urgency = Urgency(rank, BEGIN - timedelta(seconds=age))
        self.turns += 1
        turn = self.asked[contact_id][1] if contact_id in self.asked else self.turns
        self.asked[contact_id] = (urgency, turn, avoid)
        self.lines.ask(LineRequest(contact_id=contact_id, urgency=urgency, avoid=avoid))

    @rule(contact_id=CONTACTS)
    def somebody_withdraws(self, contact_id: int) -> None:
        self.asked.pop(contact_id, None)
        self.lines.withdraw(contact_id)

    @rule(seconds=st.sampled_from([0.0, 0.04, 0.1, 0.3, 1.0, 6.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds

    @rule(trunk=st.sampled_from(["a", "b", "twilio"]))
    def a_trunk_comes_or_goes(self, trunk: str) -> None:
        here = set(self.usable) ^ {trunk}
        self.usable = [each.name for each in LIMITS if each.name in here]

    @rule(trunk=st.sampled_from(["a", "b"]), reachable=st.booleans())
    def a_carrier_stops_or_begins_to_answer(self, trunk: str, *, reachable: bool) -> None:
        self.health.mark_reachable(trunk, reachable=reachable)

    @rule(target=lines_in_use)
    def a_line_is_decided(self) -> object:
        fit = {name for name in OWN & set(self.usable) if self.health.fitness(name).name != "UNFIT"}
        granted, refused = self.lines.decide()
        served = [self.asked.pop(line.contact_id) for line in granted]
        for request, line in zip(served, granted, strict=True):
            assert line.trunk not in request[2], "a trunk is not tried twice in an attempt"
            assert line.trunk in self.usable
            if line.trunk == "twilio" and self.health.fitness("a").name == self.health.fitness("b").name == "WELL":
                assert not (OWN & set(self.usable)) - request[2], "the last resort carries what no other trunk could"
            self._count(line)
        # Whoever waits and could have had the trunk that somebody else got is behind them.
        for line, (urgency, turn, _) in zip(granted, served, strict=True):
            for other_urgency, other_turn, avoid in self.asked.values():
                if line.trunk not in avoid and line.trunk != "twilio" and fit == OWN:
                    waits_for_another = other_urgency.rank == 0  # a critical one does not probe
                    assert waits_for_another or (urgency, turn) < (other_urgency, other_turn)
        for refusal in refused:
            _, _, avoid = self.asked.pop(refusal.contact_id)
            well = {name for name in set(self.usable) - avoid if self.health.fitness(name).name == "WELL"}
            assert not well, "who could be served is not refused"
        return [line.call_id for line in granted]

    @rule(lines=consumes(lines_in_use), outcome=OUTCOMES, answered=st.booleans(), said=st.booleans())
    def calls_end(self, lines: list[str], outcome: CallOutcome, *, answered: bool, said: bool) -> None:
        for call_id in lines:
            self.held.pop(call_id)
            self.lines.end(
                call_id,
                outcome=outcome,
                at=BEGIN + timedelta(seconds=self.at),
                answered=answered,
                post_dial_delay=None,
                network_said=said,
            )
            assert self.lines.free(call_id) is None

    @rule(lines=lines_in_use)
    def phones_ring(self, lines: list[str]) -> None:
        for call_id in lines:
            self.lines.prove(call_id)

    @precondition(lambda self: self.asked)
    @rule()
    def in_the_end_everybody_is_answered(self) -> None:
        """No request is lost: with time, reachable trunks and calls that end, the queue empties."""
        self.usable = [each.name for each in LIMITS]
        for trunk in OWN:
            self.health.mark_reachable(trunk, reachable=True)
        for _ in range(200):
            if not self.asked:
                break
            self.at += 1.0
            granted, refused = self.lines.decide()
            for each in (*granted, *refused):
                del self.asked[each.contact_id]
            for line in granted:
                self._count(line)
                self.calls_end([line.call_id], CallOutcome.NO_ANSWER, answered=False, said=True)
            for call_id in [*self.held][:1]:
                self.lines.free(call_id)
                # Its bundle still names it: freeing twice changes nothing, and its place is given up here.
                self.held.pop(call_id)
                self.held[call_id] = ""
        assert not self.asked

    @invariant()
    def no_trunk_bears_more_than_it_can(self) -> None:
        in_use = self.lines.in_use() if hasattr(self, "lines") else {}
        for each in LIMITS if in_use else ():
            assert in_use[each.name] == sum(trunk == each.name for trunk in self.held.values())
            assert in_use[each.name] <= each.max_calls

    @invariant()
    def who_waits_is_who_asked(self) -> None:
        if hasattr(self, "lines"):
            assert self.lines.waiting == len(self.asked)

    def _count(self, line: Line) -> None:
        limits = next(each for each in LIMITS if each.name == line.trunk)
        times = self.grants[line.trunk]
        times.append(self.at)
        for calls, since in enumerate(reversed(times[-40:])):
            permitted = (self.at - since + LATENESS.total_seconds()) * limits.calls_per_second
            assert calls <= permitted + 1e-6, "the rate is kept"
        self.held[line.call_id] = line.trunk


TestLines = LinesMachine.TestCase
