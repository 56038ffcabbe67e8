"""The record is away: PostgreSQL is restarted, the disk under SQLite is full. Nothing is lost, nothing is done twice.

Escalations are brought to every phase of the ladder first, so that one fault meets them all. What cannot be recorded
is not done; what people do meanwhile counts when the record is back; nobody has to help.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.services import evidence
from tests.databases import PostgresCluster
from tests.gateway import Answer
from tests.site import OPERATOR, Site
from tests.telephony.carrier import answers, rejects, rings_out
from tests.telephony.escalations import PRESSES_1, Escalation, Phase, expect_messages
from tests.telephony.full_disk import Disk, LimitedFiles, SmallDisk, empty_the_log
from tests.waiting import until

pytestmark = pytest.mark.telephony

SENT, NOTE_SENT = ("attempt_result", "whatsapp_text"), ("attempt_result", "whatsapp_voice")
RINGING, ANSWERED, MISSED = ("call_ringing", "phone"), ("call_answered", "phone"), ("attempt_result", "phone")
WAIT = timedelta(seconds=6)

UNDER_WAY = {
    "the text waits": Phase(people=[[PRESSES_1]], reached=SENT, policy={"l1_wait": "6s"}),
    "the voice note waits": Phase(people=[[PRESSES_1]], reached=NOTE_SENT, policy={"l2_wait": "6s"}, notes=True),
    "the link is tapped": Phase(
        people=[[PRESSES_1]], reached=SENT, policy={"l1_wait": "5m"}, outcomes=(), taken_by="link"
    ),
    "the second call waits": Phase(
        people=[[rejects(603), PRESSES_1]],
        reached=MISSED,
        called=1,
        policy={"call_gap": "6s"},
        outcomes=("declined", "acknowledged"),
    ),
    "the phone rings": Phase(people=[[answers(presses="1", after=0.5, ring=8, stays=1)]], reached=RINGING, called=1),
    "the phone rings for nothing": Phase(
        people=[[rejects(603, after=5), PRESSES_1]],
        reached=RINGING,
        called=1,
        outcomes=("declined", "acknowledged"),
    ),
    "the callee listens": Phase(people=[[answers(presses="1", after=8, stays=1)]], reached=ANSWERED, called=1),
}
# These begin last, so that their keys are pressed when the record is away already.
ABOUT_TO_PRESS = {
    "1 is pressed": Phase(people=[[answers(presses="1", after=3.5)]], reached=ANSWERED, called=1),
    "2 is pressed": Phase(
        people=[[answers(presses="2", after=3.5, stays=4)], [PRESSES_1]],
        reached=ANSWERED,
        called=1,
        outcomes=("handed_off", "acknowledged"),
    ),
}
POSTED_MEANWHILE = Phase(people=[[PRESSES_1]], reached=SENT)


class Escalations:
    """One escalation in each phase, before, during and after a time without a record."""

    def __init__(self, site: Site) -> None:
        self.site, self.gateway = site, site.gateway
        self.of: dict[str, Escalation] = {}
        site.carrier.behaviour(OPERATOR, rings_out())
        self.to_post = [Escalation(site, f"posted meanwhile {number}", POSTED_MEANWHILE) for number in range(3)]
        for phases in (UNDER_WAY, ABOUT_TO_PRESS):
            new = {name: Escalation(site, name, phase) for name, phase in phases.items()}
            self.of |= new
            for escalation in new.values():
                escalation.begin()
            told = [number for escalation in new.values() for number in escalation.comes_to_its_phase()]
            expect_messages(site, *told)
        self.tapped = self.of["the link is tapped"]
        self.link = self.gateway.link(self.tapped.event_id, self.tapped.contacts[0].id)

    def find_nothing_recorded(self) -> None:
        """Hold what everybody outside is told while the record is away, and that nothing is begun."""
        pressing = [self.of[name].calls[0] for name in ABOUT_TO_PRESS]
        assert not any(call.pressed for call in pressing), "the record went away too late for this test"
        answers_to_posts = [escalation.post() for escalation in self.to_post]
        refused = answers_to_posts[-1]
        assert (refused.status, refused.body["error"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert self.gateway.http("GET", "/readyz").status == 503
        assert {answer.status for answer in answers_to_posts} <= {200, 503}
        page = self.gateway.http("POST", self.link)
        assert page.status == 503
        assert int(page.headers["Retry-After"]) > 0
        assert "Not available right now" in page.body
        for call in pressing:
            call.wait_pressed(20)
        sent = len(self.site.twilio.sent)
        self.of["the phone rings for nothing"].calls[0].wait_ended()
        # Key 2 is the phone system's own affair: it connects the callee though nobody can take note of it. That takes
        # it some seconds, in which the waits of other escalations are over.
        self.site.carrier.expect_call(OPERATOR)
        self.site.carrier.expect_nothing_more()
        assert len(self.site.twilio.sent) == sent, "nothing is sent that is not recorded"

    def end_well(self, back_at: datetime, *, within: timedelta = timedelta(seconds=15)) -> None:
        """Hold that everything goes on by itself, soon, and what must be true of each escalation in the end."""
        for escalation in self.to_post:
            # Those that were taken meanwhile are posted again like all others: the answer says so.
            known = escalation.event_id
            answer = until(partial(_taken, escalation), 20, "alerts are taken again")
            assert answer is not None
            assert answer.body["deduplicated"] is bool(known)
            assert known in {0, escalation.event_id}
        taken = self.gateway.http("POST", self.link)
        assert taken.status == 200
        everyone = [*self.of.values(), *self.to_post]
        for escalation in everyone:
            escalation.is_taken()
            for contact in escalation.contacts:
                self.site.carrier.expect_calls_at_most(contact.phone, len(escalation.phase.outcomes))
        handed_off = self.of["2 is pressed"]
        # The second contact's text, and to the first that somebody took it.
        told = [handed_off.contacts[1], handed_off.contacts[0], *(e.contacts[0] for e in self.to_post)]
        expect_messages(self.site, *(contact.whatsapp for contact in told))
        self.site.finished(*(escalation.event_id for escalation in everyone))
        for escalation in everyone:
            escalation.was_done_once()
        sent_at, called_at = self.of["the text waits"].step_after("attempt_result", "call_dialled")
        assert sent_at + WAIT < back_at, "the record came back too early for this test"
        assert sent_at + WAIT <= called_at < back_at + within
        last_words = [self.gateway.spoken("en", word) for word in ("noted", "acknowledged")]
        heard = max(self.of["1 is pressed"].calls[0].hears(sound).likeness for sound in last_words)
        assert heard > 0.8, "the callee who pressed 1 is told that it counts"
        for license_id in evidence.license_ids(self.gateway.record):
            assert evidence.verify(self.gateway.record, license_id).holds


def _taken(escalation: Escalation) -> Answer | None:
    answer = escalation.post()
    return answer if answer.status == 200 else None


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory, cluster: PostgresCluster) -> Iterator[Site]:
    database_url = cluster.url(cluster.create_database())
    policy: dict[str, object] = {"ring_timeout": "15s", "send_timeout": "3s"}
    with Site(tmp_path_factory.mktemp("site"), policy=policy, database_url=database_url) as site:
        yield site


@contextmanager
def stopped(cluster: PostgresCluster, how: signal.Signals) -> Iterator[None]:
    """Have no server for a while. SIGINT is its fast shutdown, SIGQUIT the immediate one, which is a crash."""
    cluster.stop(how)
    try:
        yield
    finally:
        cluster.start()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_postgresql_is_restarted_in_every_phase_of_the_ladder(
    on_postgresql: Site, cluster: PostgresCluster, how: signal.Signals
) -> None:
    escalations = Escalations(on_postgresql)
    with stopped(cluster, how):
        escalations.find_nothing_recorded()
    escalations.end_well(datetime.now(UTC))


@dataclass
class Stream:
    """A thread that posts one alert after the other, each until it is taken."""

    waiting: list[Escalation]
    taken: list[Escalation] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream")
        self._thread.start()

    def _run(self) -> None:
        while self.waiting and not self._closing.wait(0.2):
            answer = self.waiting[0].post()
            if answer.status == 200:
                self.taken.append(self.waiting.pop(0))
            else:
                self.refused.append(answer)

    def close(self) -> None:
        self._closing.set()
        self._thread.join()


def test_every_alert_that_is_taken_while_postgresql_comes_and_goes_is_escalated_once(
    on_postgresql: Site, cluster: PostgresCluster
) -> None:
    site = on_postgresql
    alerts = [Escalation(site, f"number {number}", POSTED_MEANWHILE) for number in range(14)]
    stream = Stream(list(alerts))
    try:
        # The alerts come so close that each stop meets some of them at every step up to the key.
        for count, how in ((5, signal.SIGQUIT), (10, signal.SIGINT)):
            until(lambda count=count: len(stream.taken) >= count, 30, f"{count} alerts are taken")  # type: ignore[misc]
            already_refused = len(stream.refused)
            with stopped(cluster, how):
                until(lambda known=already_refused: len(stream.refused) > known + 4, 30, "some are refused")  # type: ignore[misc]
        until(lambda: not stream.waiting, 30, "all alerts are taken")
    finally:
        stream.close()
    assert {(answer.status, answer.body["error"]) for answer in stream.refused} == {(503, "unavailable")}
    assert len({alert.event_id for alert in alerts}) == len(alerts)
    for alert in alerts:
        alert.is_taken()
        site.carrier.expect_calls_at_most(alert.contacts[0].phone, 1)
        # A text that was about to be sent just as the server went away may be given up: it is not sent twice.
        for message in site.twilio.sent:
            if message.to == f"whatsapp:{alert.contacts[0].whatsapp}":
                site.twilio.expect_message()
    site.finished(*(alert.event_id for alert in alerts))
    for alert in alerts:
        alert.was_done_once()


# --- SQLite -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Installation:
    """A site whose files can be kept from growing in one way or two."""

    site: Site
    database: Path
    small_disk: SmallDisk | None

    def disk(self, kind: str) -> Disk:
        if kind == "limited files":
            return LimitedFiles(self.site.gateway)
        if self.small_disk is None:
            pytest.skip("a file system cannot be mounted here: that takes root's rights")
        return self.small_disk

    @contextmanager
    def full(self, kind: str) -> Iterator[None]:
        """Let nothing be written for a while."""
        disk = self.disk(kind)
        empty_the_log(self.database)
        disk.fill()
        try:
            yield
        finally:
            disk.clear()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with ExitStack() as stack:
        small_disk = stack.enter_context(SmallDisk()) if SmallDisk.permitted() else None
        var = (small_disk.directory if small_disk is not None else tmp_path_factory.mktemp("var")) / "var"
        site = Site(
            tmp_path_factory.mktemp("site"),
            policy={"ring_timeout": "15s", "send_timeout": "3s"},
            settings={"var_dir": str(var)},
            database_url=f"sqlite:///{var}/tocsin.db",
        )
        yield Installation(stack.enter_context(site), var / "tocsin.db", small_disk)


@pytest.mark.parametrize("kind", ["small disk", "limited files"])
def test_a_full_disk_is_outlasted_in_every_phase_of_the_ladder(on_sqlite: Installation, kind: str) -> None:
    escalations = Escalations(on_sqlite.site)
    engine = on_sqlite.site.gateway.engine_pid()
    with on_sqlite.full(kind):
        escalations.find_nothing_recorded()
    escalations.end_well(datetime.now(UTC))
    assert on_sqlite.site.gateway.engine_pid() == engine, "nothing had to be started again"


def test_an_engine_that_is_killed_while_the_disk_is_full_takes_everything_up(on_sqlite: Installation) -> None:
    site = on_sqlite.site
    escalations = Escalations(site)
    with on_sqlite.full("limited files" if on_sqlite.small_disk is None else "small disk"):
        escalations.find_nothing_recorded()
        killed = site.gateway.kill_engine()
        until(lambda: site.gateway.engine_pid() not in {killed, None}, 30, "another engine is started")
        site.carrier.expect_nothing_more(within=1.0)
    # An engine needs its time to start on a busy machine, and longer pauses between starts that failed.
    escalations.end_well(datetime.now(UTC), within=timedelta(seconds=45))
