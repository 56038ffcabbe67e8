"""A storm over two Asterisk servers, one of which is killed in the midst of it."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.telephony.carrier import answers
from tests.telephony.phone_site import PhoneSite
from tests.waiting import until

pytestmark = pytest.mark.telephony

ALERTS = 120
TRUNK = {"max_calls": 15, "calls_per_second": 12}


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoneSite]:
    nodes = {"pbx1": {"west": TRUNK}, "pbx2": {"east": TRUNK}}
    policy = {"call_attempts": 6, "call_gap": "1s", "ring_timeout": "8s", "call_retry_for": "3m"}
    with PhoneSite(tmp_path_factory.mktemp("storm"), nodes, policy=policy) as site:
        yield site


@pytest.mark.timeout(240)
def test_when_one_of_two_servers_is_killed_in_a_storm_everybody_is_called_and_nobody_twice_for_one_attempt(
    site: PhoneSite,
) -> None:
    people = site.people(ALERTS, answers(presses="1", after=0.6))
    event_ids = [site.gateway.post(person.token) for person in people]
    until(lambda: len(site.carriers["west"].invites) >= 20, 60, "the storm has begun", every=0.02)
    site.kill("pbx1")
    running = site.pbxes["pbx1"].running
    assert running is not None
    with suppress(ChildProcessError):
        os.waitpid(running.pid, 0)
    struck = len(site.carriers["west"].invites)
    beside = len(site.carriers["east"].invites)
    until(
        lambda: len(site.carriers["east"].invites) >= beside + 10,
        30,
        "the queue goes on over the other server",
        every=0.05,
    )
    assert len(site.carriers["west"].invites) <= struck + 1, "a server that is gone dials no more"
    site.pbxes["pbx1"].start()  # As its service would.
    site.finished(event_ids, timeout=150)
    repeated = 0
    for person, event_id in zip(people, event_ids, strict=True):
        event = site.gateway.event(event_id)
        assert event["status"] == "acknowledged", site.gateway.story(event_id)
        rang, attempts = site.calls_to(person.number), site.phone_attempts(event_id)
        made = [state for state, _ in attempts if state in {"missed", "acknowledged"}]
        assert 1 <= len(rang) <= len(made), f"twice in an attempt\n{site.gateway.story(event_id)}"
        repeated += len(rang) > 1
        # What the killed server was in the midst of, it could not hang up.
        assert all(trunk == "west" for trunk, _ in rang[:-1]), "nobody else is called again"
    assert repeated <= TRUNK["max_calls"], "only those who were being called then are called again"
