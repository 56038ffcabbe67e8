"""Test calls and test messages at the pages: who may ask for one, and what is shown of it."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gateway.config.loader import parse_config
from gateway.model.attempt import AttemptState
from gateway.model.call import Call, CallOutcome
from gateway.model.contact import Contact
from gateway.model.trial import Trial, TrialKind, TrialOutcome, TrialState, TrialStepName
from gateway.model.user import Role
from gateway.ports.messages import Delivery
from gateway.ports.record import Record
from gateway.services import tenants, trials
from gateway.services.trial_calls import ALERT_FIRST
from gateway.services.trial_messages import take_report
from tests.unit.web.installation import Installation
from tests.unit.web.pages import Browser, add_user, with_pages

pytestmark = pytest.mark.databases("sqlite")

_CONFIG, _ = parse_config(
    """
    twilio: {account_sid: AC00000000000000000000000000000000, auth_token: x, whatsapp_from: "+14155238886"}
    tiers: {pro: {}, texts: {call: false}}
    """,
    {},
)
_LEG = "0" * 32


@pytest.fixture
def there(record: Record, tmp_path: Path) -> Installation:
    return Installation(record, audio_dir=tmp_path, config=_CONFIG)


@pytest.fixture
def app(there: Installation) -> Flask:
    return with_pages(there)


@pytest.fixture
def contact(there: Installation) -> Contact:
    return tenants.add_contact(
        there.record, license_id=there.license.id, name="Ana", phone="+15550123456", at=there.clock.now()
    )


@pytest.fixture
def root(app: Flask, there: Installation) -> Browser:
    add_user(there)
    browser = Browser(app)
    assert browser.sign_in() == 302
    return browser


def newest(there: Installation, contact: Contact) -> Trial | None:
    with there.record.read() as work:
        return work.trials.newest_of(contact.id)


def asked(there: Installation, contact: Contact, root: Browser, kind: TrialKind = TrialKind.CALL) -> Trial:
    """Press the button and return the trial."""
    answer = root.post(f"/admin/contacts/{contact.id}/tests/{kind}")
    trial = newest(there, contact)
    assert trial is not None
    assert answer.location == f"/admin/contacts/{contact.id}/tests/{trial.id}"
    return trial


def page(root: Browser, trial: Trial) -> str:
    answer = root.get(f"/admin/contacts/{trial.contact_id}/tests/{trial.id}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def change(there: Installation, trial: Trial) -> None:
    with there.record.write() as work:
        work.trials.update(trial)
        work.commit()


def dialled(there: Installation, trial: Trial, contact: Contact) -> Call:
    """Record what the engine does when it dials."""
    now = there.clock.now()
    call = Call(
        id=_LEG,
        license_id=contact.license_id,
        contact_id=contact.id,
        provider="asterisk",
        node="pbx1",
        trunk="carrier-a",
        to_number=contact.phone,
        started_at=now,
    )
    begun = trials.with_step(trial, TrialStepName.DIALLED, now, call_id=_LEG, trunk="carrier-a", to=contact.phone)
    with there.record.write() as work:
        work.calls.add(call)
        work.trials.update(replace(begun, state=TrialState.BEGUN, call_id=_LEG))
        work.commit()
    return call


def progress(there: Installation, call: Call) -> None:
    with there.record.write() as work:
        work.calls.update(call)
        work.commit()


def test_the_menu_of_a_contact_asks_for_both_tests_and_the_log_names_them(
    there: Installation, contact: Contact, root: Browser
) -> None:
    rows = root.get("/admin/contacts/").get_data(as_text=True)
    for kind in TrialKind:
        assert f"/admin/contacts/{contact.id}/tests/{kind}" in rows
    trial = asked(there, contact, root)
    assert (trial.kind, trial.state, trial.asked_by) == (TrialKind.CALL, TrialState.ASKED, "root@example.org")
    with there.record.read() as work:
        entry = work.audit.list(license_ids=None)[0]
    assert (entry.action, entry.target, entry.license_id) == (
        "contact.test_call",
        f"contact {contact.id}, Ana",
        contact.license_id,
    )
    assert entry.after == {"trial": trial.id, "to": contact.phone}


def test_a_test_call_is_shown_from_the_wish_to_its_end(there: Installation, contact: Contact, root: Browser) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root)
    shown = page(root, trial)
    assert "Waits for the engine" in shown
    assert re.search(r'href="/admin/contacts/"\s+aria-current="page"', shown), "it belongs to the tab"
    assert '<noscript><meta http-equiv="refresh"' in shown, "it goes on without script"
    call = dialled(there, trial, contact)
    assert "Dials by trunk carrier-a" in page(root, trial)
    now = there.clock.now()
    progress(there, replace(call, ringing_at=now))
    assert "Their phone rings" in page(root, trial)
    progress(there, replace(call, ringing_at=now, answered_at=now))
    assert "Answered" in page(root, trial)
    call = replace(call, ringing_at=now, answered_at=now, digits="1", digit_times=(now,))
    progress(there, call)
    assert "Key 1 pressed" in page(root, trial)
    progress(there, replace(call, ended_at=now, outcome=CallOutcome.ACKNOWLEDGED))
    trials.finish(there.record, trial.id, TrialOutcome.DONE, at=now)
    shown = page(root, trial)
    assert "It works: answered, and key 1 arrived" in shown
    assert "http-equiv" not in shown
    assert f"/admin/calls/{_LEG}" in shown


def test_how_a_test_call_failed_is_told_in_words(there: Installation, contact: Contact, root: Browser) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root)
    call = dialled(there, trial, contact)
    now = there.clock.now()
    progress(there, replace(call, ended_at=now, outcome=CallOutcome.BUSY, sip_cause=486))
    trials.finish(there.record, trial.id, TrialOutcome.DONE, at=now)
    assert "Busy" in page(root, trial)


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ((TrialOutcome.REFUSED, ALERT_FIRST), "An alert needs this person&#39;s phone"),
        ((TrialOutcome.REFUSED, "call_cap_contact_hour"), "called so often lately"),
        ((TrialOutcome.REFUSED, "destination_emergency"), "emergency numbers are never called"),
        ((TrialOutcome.REFUSED, "speech: no voice"), "could not be spoken: no voice"),
        ((TrialOutcome.INTERRUPTED, "end_not_reported"), "unknown how it ended"),
        ((TrialOutcome.INTERRUPTED, "never_dialled"), "the phone did not ring"),
    ],
)
def test_why_there_was_no_call_is_told_in_words(
    there: Installation, contact: Contact, root: Browser, ended: tuple[TrialOutcome, str], words: str
) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root)
    outcome, reason = ended
    trials.finish(there.record, trial.id, outcome, reason=reason, at=there.clock.now())
    assert words in page(root, trial)


def test_what_no_engine_takes_is_given_up_after_a_minute_and_can_be_asked_for_again(
    there: Installation, contact: Contact, root: Browser
) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root)
    change(there, replace(trial, asked_at=trial.asked_at - timedelta(seconds=61)))
    shown = page(root, trial)
    assert "No engine took it within a minute" in shown
    assert "http-equiv" not in shown
    again = asked(there, contact, root)
    assert again.id != trial.id
    with there.record.read() as work:
        old = work.trials.get(trial.id)
    assert old is not None
    assert (old.state, old.outcome) == (TrialState.OVER, TrialOutcome.EXPIRED)


def test_nobody_is_tried_while_a_test_is_under_way_nor_twice_a_minute(
    there: Installation, contact: Contact, root: Browser
) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root)
    address = f"/admin/contacts/{contact.id}/tests/message"
    assert root.post(address).location.startswith("/admin/contacts/#")
    assert "under way already" in root.get("/admin/contacts/").get_data(as_text=True)
    trials.finish(there.record, trial.id, TrialOutcome.DONE, at=there.clock.now())
    root.post(address)
    assert "more than once a minute" in root.get("/admin/contacts/").get_data(as_text=True)
    assert newest(there, contact) == replace(
        trial, state=TrialState.OVER, outcome=TrialOutcome.DONE, finished_at=there.clock.now()
    )
    change(
        there,
        replace(
            trial, state=TrialState.OVER, outcome=TrialOutcome.DONE, asked_at=trial.asked_at - timedelta(minutes=1)
        ),
    )
    assert asked(there, contact, root, TrialKind.MESSAGE).kind is TrialKind.MESSAGE


def test_what_would_be_refused_anyway_is_refused_at_once(there: Installation, contact: Contact, root: Browser) -> None:
    with there.record.write() as work:
        license_ = work.licenses.get(contact.license_id)
        assert license_ is not None
        work.licenses.update(replace(license_, tier="texts"))
        work.contacts.block_whatsapp(contact.id, "opted_out", there.clock.now())
        work.commit()
    root.get("/admin/contacts/")
    for kind, words in ((TrialKind.CALL, "tier includes no calls"), (TrialKind.MESSAGE, "They wrote STOP")):
        root.post(f"/admin/contacts/{contact.id}/tests/{kind}")
        assert words in root.get("/admin/contacts/").get_data(as_text=True)
    assert newest(there, contact) is None


def test_reports_about_a_test_message_are_shown_and_late_ones_change_nothing(
    there: Installation, contact: Contact, root: Browser
) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root, TrialKind.MESSAGE)
    now = there.clock.now()
    sent = trials.with_step(trial, TrialStepName.SENT, now)
    change(there, replace(sent, state=TrialState.OVER, outcome=TrialOutcome.DONE, provider="twilio", provider_id="SM1"))
    assert "Handed to WhatsApp" in page(root, trial)
    before = root.get(f"/admin/live/version?trial={trial.id}").get_json()["version"]
    for state in (AttemptState.READ, AttemptState.DELIVERED, AttemptState.FAILED):
        report = Delivery(state=state, provider="twilio", provider_id="SM1")
        assert take_report(there.record, report, trial_id=trial.id, at=now)
    with there.record.read() as work:
        told = work.trials.get(trial.id)
    assert told is not None
    assert [step.name for step in told.steps] == [TrialStepName.SENT, TrialStepName.READ]
    assert root.get(f"/admin/live/version?trial={trial.id}").get_json()["version"] != before


def test_why_a_test_message_failed_is_shown(there: Installation, contact: Contact, root: Browser) -> None:
    root.get("/admin/contacts/")
    trial = asked(there, contact, root, TrialKind.MESSAGE)
    change(there, replace(trial, state=TrialState.OVER, outcome=TrialOutcome.DONE))
    report = Delivery(
        state=AttemptState.FAILED, provider="twilio", provider_id="SM1", reason="63016: outside the window"
    )
    assert take_report(there.record, report, trial_id=trial.id, at=there.clock.now())
    shown = page(root, trial)
    assert "Not delivered" in shown
    assert "63016: outside the window" in shown


def test_only_admins_of_the_license_may_try_its_contacts(app: Flask, there: Installation, contact: Contact) -> None:
    other = tenants.add_license(there.record, _CONFIG, name="Brook", tier="pro", at=there.clock.now())
    add_user(there, "viewer@example.org", Role.VIEWER, [there.license.id])
    add_user(there, "foreign@example.org", Role.ADMIN, [other.id])
    add_user(there, "admin@example.org", Role.ADMIN, [there.license.id])
    admin = Browser(app)
    admin.sign_in("admin@example.org")
    trial = asked(there, contact, admin)
    for email, status in (("viewer@example.org", 403), ("foreign@example.org", 404)):
        browser = Browser(app)
        browser.sign_in(email)
        assert browser.post(f"/admin/contacts/{contact.id}/tests/call").status_code == status
        assert browser.get(f"/admin/contacts/{contact.id}/tests/{trial.id}").status_code == status
    foreign = Browser(app)
    foreign.sign_in("foreign@example.org")
    assert foreign.get(f"/admin/live/version?trial={trial.id}").status_code == 404
    assert foreign.get(f"/admin/live/?trial={trial.id}").status_code == 404
    assert newest(there, contact) == trial


def test_no_test_is_begun_without_a_csrf_token_or_for_what_is_not_there(
    there: Installation, contact: Contact, root: Browser
) -> None:
    root.get("/admin/contacts/")
    assert root.client.post(f"/admin/contacts/{contact.id}/tests/call").status_code == 400
    assert root.post("/admin/contacts/999/tests/call").status_code == 404
    assert root.post(f"/admin/contacts/{contact.id}/tests/fax").status_code == 404
    assert root.get(f"/admin/contacts/{contact.id}/tests/999").status_code == 404
    assert root.get("/admin/live/version?trial=999").status_code == 404
    assert newest(there, contact) is None
