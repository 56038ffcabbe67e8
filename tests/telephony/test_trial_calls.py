"""Test calls from a contact's row: real gateway, real Asterisk, a simulated carrier, Twilio's fake."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.model.audit import Actor
from gateway.model.call import CallOutcome
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStepName
from gateway.services import trials
from gateway.services.trial_calls import NEVER_DIALLED
from gateway.store.wakeup import make_wakeup
from gateway.wording import phrases
from tests.site import Site
from tests.telephony.carrier import answers, rejects
from tests.waiting import until

pytestmark = pytest.mark.telephony


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("trials")) as site:
        yield site


class Trying:
    """Somebody at the pages, with one contact to try."""

    def __init__(self, site: Site, **contact: object) -> None:
        self._site, self._gateway = site, site.gateway
        self.number = site.number()
        self.license_id = self._gateway.license()
        self.contact_id = self._gateway.contact(self.license_id, self.number, **contact).id

    def ask(self, kind: TrialKind = TrialKind.CALL) -> int:
        """Press the button, and return the trial's id."""
        trial = trials.ask(
            self._gateway.record,
            contact_id=self.contact_id,
            kind=kind,
            tiers=self._gateway.config.tiers,
            safety=self._gateway.config.call_safety.safety(),
            actor=Actor(name="root@example.org"),
            at=datetime.now(UTC),
        )
        make_wakeup(self._gateway.config.database_url).notify()
        return trial.id

    def trial(self, trial_id: int) -> Trial:
        with self._gateway.record.read() as work:
            found = work.trials.get(trial_id)
        assert found is not None
        return found

    def over(self, trial_id: int, timeout: float = 30) -> Trial:
        """Wait until the trial is over."""
        until(lambda: self.trial(trial_id).state is TrialState.OVER, timeout, f"trial {trial_id} is over")
        return self.trial(trial_id)

    def outcome(self, trial: Trial) -> CallOutcome | None:
        with self._gateway.record.read() as work:
            legs = trials.legs_of(work, trial)
        assert len(legs) == 1
        return legs[0].outcome


def test_the_callee_hears_that_it_is_a_test_and_key_1_is_confirmed(site: Site) -> None:
    trying = Trying(site, language="es")
    heard = site.gateway.says(phrases.trial_announcement("es", license_name="Acme"), "es")
    confirmed = site.gateway.says(phrases.trial_confirmed("es"), "es")
    site.carrier.behaviour(trying.number, answers("1", after=5))
    trial_id = trying.ask()
    call = site.carrier.expect_call(trying.number)
    trial = trying.over(trial_id)
    assert trial.outcome is TrialOutcome.DONE
    assert trying.outcome(trial) is CallOutcome.ACKNOWLEDGED
    call.wait_ended()
    assert call.hears(heard).at < call.hears(confirmed).at
    site.carrier.expect_nothing_more()


def test_a_busy_callee_is_told_as_busy_and_not_called_again(site: Site) -> None:
    trying = Trying(site)
    site.carrier.behaviour(trying.number, rejects(486))
    trial_id = trying.ask()
    site.carrier.expect_call(trying.number)
    trial = trying.over(trial_id)
    assert trial.outcome is TrialOutcome.DONE
    assert trying.outcome(trial) is CallOutcome.BUSY
    site.carrier.expect_nothing_more()


def test_an_engine_killed_in_a_test_call_takes_it_up_and_dials_nothing_again(site: Site) -> None:
    trying = Trying(site)
    site.carrier.behaviour(trying.number, answers("1", after=4))
    trial_id = trying.ask()
    until(lambda: trying.trial(trial_id).state is TrialState.BEGUN, 20, "the test call is on record")
    site.gateway.kill_engine()
    trial = trying.over(trial_id, 60)
    if trial.outcome is TrialOutcome.INTERRUPTED:
        # It was killed before Asterisk had the call.
        assert trial.reason == NEVER_DIALLED
        site.carrier.expect_calls_at_most(trying.number, 0)
    else:
        site.carrier.expect_call(trying.number)
        assert trying.outcome(trial) is CallOutcome.ACKNOWLEDGED
    site.carrier.expect_nothing_more()


def test_an_alert_takes_the_phone_from_a_test_call(site: Site) -> None:
    trying = Trying(site)
    site.carrier.behaviour(trying.number, answers("", after=1), answers("1"))
    token = site.gateway.source(trying.license_id)
    trial_id = trying.ask()
    until(lambda: trying.trial(trial_id).state is TrialState.BEGUN, 20, "the test call is on record")
    event_id = site.gateway.post(token)
    for _ in range(2):
        site.carrier.expect_call(trying.number, 30)
    site.gateway.expect_status(event_id, "acknowledged")
    site.twilio.expect_message()  # the alert's text
    site.finished(event_id)
    trial = trying.over(trial_id)
    assert (trial.state, trial.outcome) == (TrialState.OVER, TrialOutcome.INTERRUPTED)
    assert [call["outcome"] for call in site.gateway.event(event_id)["calls"]] == ["acknowledged"]


def test_a_test_message_goes_to_whatsapp_and_its_way_is_followed(site: Site) -> None:
    trying = Trying(site, language="de")
    trial_id = trying.ask(TrialKind.MESSAGE)
    message = site.twilio.expect_message()
    assert message.body == phrases.trial_text("de", license_name="Acme")
    until(lambda: trying.trial(trial_id).has(TrialStepName.SENT), 10, "the message is sent")
    for status, step in (("delivered", TrialStepName.DELIVERED), ("read", TrialStepName.READ)):
        site.twilio.report(message.sid, status)
        until(lambda step=step: trying.trial(trial_id).has(step), 10, f"the message is {status}")  # type: ignore[misc]
