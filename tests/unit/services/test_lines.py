"""Who gets the next line, on which trunk, and when."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.model.call import CallOutcome
from gateway.model.call_safety import LineRules
from gateway.model.urgency import Urgency
from gateway.services.lines import ALL_IN_TROUBLE, NO_PHONE_SYSTEM, Line, LineRequest, Lines, TrunkLimits
from gateway.services.trunk_health import TrunkHealth

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CRITICAL, WARN, INFO = 0, 1, 2


@dataclass
class Exchange:
    """Lines with a clock that the test moves, and trunks that it takes away."""

    limits: tuple[TrunkLimits, ...]
    usable: list[str] = field(default_factory=list)
    at: float = 1000.0

    def __post_init__(self) -> None:
        self.usable = [each.name for each in self.limits]
        self.health = TrunkHealth(
            rules=LineRules(breaker_failures=3, breaker_pause=timedelta(seconds=10)),
            now=self.now,
            monotonic=lambda: self.at,
        )
        self.lines = Lines(
            limits=self.limits, usable=lambda: self.usable, health=self.health, monotonic=lambda: self.at
        )

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.at)

    def ask(self, contact_id: int, rank: int = INFO, age: float = 0, avoid: str = "") -> None:
        urgency = Urgency(rank, BEGIN - timedelta(seconds=age))
        self.lines.ask(LineRequest(contact_id=contact_id, urgency=urgency, avoid=frozenset(avoid.split())))

    def granted(self, after: float = 0.0) -> list[tuple[int, str]]:
        self.at += after
        granted, refused = self.lines.decide()
        assert not refused
        return [(line.contact_id, line.trunk) for line in granted]

    def line(self, after: float = 0.0) -> Line:
        self.at += after
        (line,), refused = self.lines.decide()
        assert not refused
        return line

    def refused(self, after: float = 0.0) -> list[tuple[int, str]]:
        self.at += after
        granted, refused = self.lines.decide()
        assert not granted
        return [(each.contact_id, each.reason) for each in refused]

    def end(self, line: Line, outcome: CallOutcome = CallOutcome.NO_ANSWER) -> None:
        self.lines.end(
            line.call_id, outcome=outcome, at=self.now(), answered=False, post_dial_delay=None, network_said=True
        )

    def trouble(self, trunk: str, times: int = 3) -> None:
        """Have calls on a trunk fail, one after the other."""
        for contact_id in range(900, 900 + times):
            self.ask(contact_id, avoid=" ".join(set(self.usable) - {trunk}))
            self.end(self.line(after=1.0), CallOutcome.TRUNK_TROUBLE)


def exchange(*trunks: TrunkLimits) -> Exchange:
    return Exchange(trunks or (TrunkLimits(name="a", max_calls=2, calls_per_second=10),))


TWO = (
    TrunkLimits(name="a", max_calls=2, calls_per_second=10),
    TrunkLimits(name="b", max_calls=2, calls_per_second=10),
)
WITH_TWILIO = (*TWO, TrunkLimits(name="twilio", last_resort=True))


def test_a_critical_alert_goes_ahead_of_lesser_ones_and_the_oldest_of_equals_goes_first() -> None:
    desk = exchange()
    desk.ask(1, INFO, age=500)
    desk.ask(2, WARN, age=10)
    desk.ask(3, WARN, age=90)
    desk.ask(4, CRITICAL)
    order = []
    for _ in range(4):
        line = desk.line(after=1.0)
        order.append(line.contact_id)
        desk.end(line)
    assert order == [4, 3, 2, 1]


def test_among_equals_who_asked_first_is_served_first_and_asking_again_loses_no_turn() -> None:
    desk = exchange()
    for contact_id in (1, 2, 3):
        desk.ask(contact_id)
    desk.ask(1)
    assert [desk.granted(after=1.0) for _ in range(2)] == [[(1, "a")], [(2, "a")]]


def test_a_request_is_raised_by_what_joins_it() -> None:
    desk = exchange()
    desk.ask(1, WARN)
    desk.ask(2, INFO)
    desk.ask(2, CRITICAL)
    assert desk.granted() == [(2, "a")]
    assert desk.lines.waiting == 1


def test_no_trunk_has_more_calls_than_it_bears_and_waiting_is_no_failure() -> None:
    desk = exchange()
    for contact_id in (1, 2, 3):
        desk.ask(contact_id)
    first = desk.line()
    assert desk.granted(after=1.0) == [(2, "a")]
    assert desk.granted(after=100.0) == []
    desk.end(first)
    assert desk.granted() == [(3, "a")]


def test_calls_to_one_trunk_are_spaced_by_its_rate() -> None:
    desk = exchange(TrunkLimits(name="a", max_calls=100, calls_per_second=10))
    for contact_id in range(3):
        desk.ask(contact_id)
    assert desk.granted() == [(0, "a")]
    assert desk.lines.seconds_to_look() is not None
    assert abs((desk.lines.seconds_to_look() or 0) - 0.1) < 0.001
    assert desk.granted(after=0.05) == []
    assert desk.granted(after=0.051) == [(1, "a")]


def test_a_grant_that_came_a_little_late_does_not_move_those_that_follow() -> None:
    desk = exchange(TrunkLimits(name="a", max_calls=100, calls_per_second=10))
    for contact_id in range(9):
        desk.ask(contact_id)
    granted = [desk.granted(after=0.16) for _ in range(4)]
    assert [len(each) for each in granted] == [1, 1, 2, 1]
    assert len(desk.granted(after=5.0)) == 1, "what was not used for long is not made up for"


def test_the_next_trunk_takes_what_the_first_has_no_room_for() -> None:
    desk = exchange(*TWO)
    for contact_id in range(3):
        desk.ask(contact_id)
    assert desk.granted() == [(0, "a"), (1, "b")]
    assert desk.granted(after=0.2) == [(2, "a")]


def test_a_trunk_that_was_in_trouble_for_the_attempt_is_not_tried_again() -> None:
    desk = exchange(*TWO)
    desk.ask(1, avoid="a")
    assert desk.granted() == [(1, "b")]
    desk.ask(2, avoid="a b")
    assert desk.refused() == [(2, ALL_IN_TROUBLE)]


def test_whoever_can_use_another_trunk_is_not_held_up_by_the_one_in_front() -> None:
    desk = exchange(
        TrunkLimits(name="a", max_calls=1, calls_per_second=10), TrunkLimits(name="b", max_calls=1, calls_per_second=10)
    )
    desk.ask(1)
    assert desk.granted() == [(1, "a")]
    desk.ask(2, CRITICAL, avoid="b")
    desk.ask(3, INFO)
    assert desk.granted(after=1) == [(3, "b")]


def test_a_phone_system_out_of_reach_is_waited_for_a_moment_and_no_longer() -> None:
    desk = exchange()
    desk.usable = []
    desk.ask(1)
    assert desk.refused() == []
    assert desk.refused(after=7.9) == []
    assert desk.refused(after=0.2) == [(1, NO_PHONE_SYSTEM)]
    desk.ask(2)
    assert desk.refused() == [(2, NO_PHONE_SYSTEM)], "an outage is not waited for"
    desk.usable = ["a"]
    desk.ask(3)
    assert desk.granted() == [(3, "a")]


def test_the_last_resort_is_for_trouble_and_not_for_a_rush() -> None:
    desk = exchange(*WITH_TWILIO)
    for contact_id in range(4):
        desk.ask(contact_id)
    for _ in range(2):
        desk.granted(after=1.0)
    desk.ask(5, CRITICAL)
    assert desk.granted(after=60.0) == [], "all lines are full: it waits"
    desk.ask(6, avoid="a b")
    assert desk.granted() == [(6, "twilio")]
    desk.ask(7, avoid="a b twilio")
    assert desk.refused() == [(7, ALL_IN_TROUBLE)]


def test_a_node_that_is_connecting_is_waited_for_before_the_last_resort() -> None:
    desk = exchange(*WITH_TWILIO)
    desk.usable = ["twilio"]
    desk.ask(1)
    assert desk.granted() == []
    assert desk.granted(after=8.0) == [(1, "twilio")]


def test_the_last_resort_takes_over_at_once_from_trunks_that_do_not_answer() -> None:
    desk = exchange(*WITH_TWILIO)
    desk.health.mark_reachable("a", reachable=False)
    desk.ask(1)
    assert desk.granted() == [(1, "b")]
    desk.health.mark_reachable("b", reachable=False)
    desk.ask(2)
    assert desk.granted() == [(2, "twilio")]


def test_a_trunk_that_fails_again_and_again_is_left_alone_then_probed_with_one_call() -> None:
    desk = exchange(*(TrunkLimits(name=name, max_calls=9, calls_per_second=10) for name in "ab"))
    desk.trouble("a")
    desk.ask(1)
    assert desk.granted(after=1.0) == [(1, "b")]
    desk.ask(2)
    probe = desk.line(after=10.0)
    assert probe.trunk == "a"
    desk.ask(3)
    assert desk.granted(after=0.5) == [(3, "b")], "one probe at a time"
    desk.end(probe, CallOutcome.TRUNK_TROUBLE)
    desk.ask(4)
    assert desk.line(after=9.0).trunk == "b", "the pause begins again"
    desk.ask(5)
    probe = desk.line(after=2.0)
    assert probe.trunk == "a"
    desk.lines.prove(probe.call_id)
    desk.ask(6)
    assert desk.granted(after=0.5) == [(6, "a")], "a phone that rings is proof enough"


def test_a_critical_alert_does_not_find_out_how_a_trunk_is_where_another_is_well() -> None:
    desk = exchange(*TWO)
    desk.trouble("a")
    desk.ask(1, CRITICAL)
    assert desk.granted(after=20.0) == [(1, "b")]


def test_a_probe_that_says_nothing_leaves_the_turn_to_the_next_call() -> None:
    desk = exchange()
    desk.trouble("a")
    desk.ask(1)
    probe = desk.line(after=10.0)
    desk.ask(2)
    assert desk.refused() == [(2, ALL_IN_TROUBLE)]
    desk.end(probe, CallOutcome.CANCELLED)
    desk.ask(3)
    assert desk.granted(after=1.0) == [(3, "a")]


def test_without_another_trunk_nobody_is_called_while_the_only_one_is_left_alone() -> None:
    desk = exchange()
    desk.trouble("a")
    desk.ask(1)
    desk.ask(2)
    assert desk.refused() == [(1, ALL_IN_TROUBLE), (2, ALL_IN_TROUBLE)]


def test_trouble_of_a_connection_that_was_lost_says_nothing_of_the_trunk() -> None:
    desk = exchange()
    for contact_id in range(5):
        desk.ask(contact_id)
        line = desk.line(after=1.0)
        desk.usable = []
        desk.lines.end(
            line.call_id,
            outcome=CallOutcome.TRUNK_TROUBLE,
            at=desk.now(),
            answered=False,
            post_dial_delay=None,
            network_said=False,
        )
        desk.usable = ["a"]
    desk.ask(9)
    assert desk.granted(after=1.0) == [(9, "a")]


def test_a_long_conversation_that_ends_well_does_not_hide_the_trouble_of_new_calls() -> None:
    desk = exchange(TrunkLimits(name="a", max_calls=10, calls_per_second=10))
    desk.ask(1)
    conversation = desk.line()
    desk.trouble("a", times=2)
    desk.end(conversation, CallOutcome.ACKNOWLEDGED)
    desk.trouble("a", times=1)
    desk.ask(2)
    assert desk.refused() == [(2, ALL_IN_TROUBLE)]


def test_a_leg_found_in_progress_counts() -> None:
    desk = exchange()
    for number in range(2):
        desk.lines.occupy(Line(call_id=str(number), trunk="a", contact_id=number), since=0.0)
    desk.ask(7)
    assert desk.granted() == []
    desk.lines.free("0")
    assert desk.lines.free("0") is None, "twice is once"
    assert desk.granted() == [(7, "a")]


def test_whoever_withdraws_is_not_called() -> None:
    desk = exchange()
    desk.ask(1)
    desk.lines.withdraw(1)
    desk.lines.withdraw(1)
    assert desk.granted() == []
    assert desk.lines.seconds_to_look() is None


def test_a_trunk_that_does_far_worse_than_its_peer_is_tried_after_it() -> None:
    desk = exchange(
        TrunkLimits(name="a", max_calls=99, calls_per_second=10),
        TrunkLimits(name="b", max_calls=99, calls_per_second=10),
    )
    for trunk, outcome in (("a", CallOutcome.NO_ANSWER), ("b", CallOutcome.NO_KEY)):
        for number in range(20):
            desk.health.end(
                trunk,
                str(number),
                outcome=outcome,
                at=desk.now(),
                answered=outcome is CallOutcome.NO_KEY,
                post_dial_delay=None,
                began=desk.at,
            )
    desk.ask(1)
    assert desk.granted(after=1.0) == [(1, "b")]
    (first, _) = desk.health.report(["a", "b"])
    assert (first.demoted, first.quality.answer_seizure_ratio) == (True, 0.0)


def test_a_trunk_that_has_lost_its_registration_is_tried_after_the_others() -> None:
    desk = exchange(*TWO)
    desk.health.mark_registered("a", registered=False)
    desk.ask(1)
    assert desk.granted() == [(1, "b")]
