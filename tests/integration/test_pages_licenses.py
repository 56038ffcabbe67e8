"""The tab of licenses: what they have, their policy, and messages in their own words."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gateway.config.loader import parse_config
from gateway.config.schema import Config, PolicyConfig
from gateway.model.audit import AuditEntry
from gateway.model.call import MachinePolicy
from gateway.model.license import License
from gateway.model.user import Role
from gateway.ports.speech import Audio, AudioFormat, SpeechError
from gateway.wording.templates import VARIABLES, TemplateName
from tests.unit.web.installation import Installation
from tests.unit.web.pages import TOKENS, Browser, add_user, quick_passwords, signed_in
from web import create_app
from web.admin.licenses import policy, template_words
from web.services import AdminServices

pytestmark = pytest.mark.databases("sqlite")

_TEXT = "{{ title }}: {{ link }}"
_CONFIG, _ = parse_config("policy: {l1_wait: 45s}\ntiers: {pro: {voice_minutes: 50}, small: {call: false}}", {})


@pytest.fixture
def config() -> Config:
    return _CONFIG


@pytest.fixture
def ana(app: Flask, there: Installation) -> Browser:
    """Return the admin of the license."""
    return signed_in(app, there, "ana@example.org", Role.ADMIN, [there.license.id])


def licenses(there: Installation) -> list[License]:
    with there.record.read() as work:
        return list(work.licenses.list())


def newest_entry(there: Installation) -> AuditEntry:
    with there.record.read() as work:
        return work.audit.list(license_ids=None)[0]


def own_words(there: Installation) -> dict[str, dict[str, str]]:
    return {key: dict(named) for key, named in licenses(there)[0].templates.items()}


FIELDS = {"name": "Acme", "timezone": "Europe/Madrid", "language": "es", "tier": "pro", "active": "y"}


def test_superadmin_sets_up_a_license_and_is_led_to_its_page(there: Installation, root: Browser) -> None:
    root.get("/admin/licenses/new")
    fields = {
        **FIELDS,
        "owner_telegram": "-100123",
        "handoff_number": "+34 600 111 222",
        "voice_minutes": "120",
        "events_per_month": "unlimited",
        "overdraft": "y",
        "policy_l1_wait": "10s",
        "policy_call_attempts": "2",
        "policy_stand_down": "false",
        "policy_answering_machine": "hang_up",
    }
    answer = root.post("/admin/licenses/new", **fields)
    added = licenses(there)[-1]
    assert answer.location == f"/admin/licenses/{added.id}"
    assert (added.name, added.active, added.tier, added.handoff_number) == ("Acme", True, "pro", "+34600111222")
    assert (added.caps, added.overdraft) == ({"voice_minutes": 120, "events_per_month": None}, True)
    overrides = {"l1_wait": "10s", "call_attempts": 2, "stand_down": False, "answering_machine": "hang_up"}
    assert added.policy == overrides
    page = root.get(answer.location).get_data(as_text=True)
    assert "nobody is told" in page
    assert "configured: 45s" in page
    assert newest_entry(there).action == "license.added"
    again = root.get(f"{answer.location}/edit").get_data(as_text=True)
    for shown in ('value="10s"', 'value="120"', 'value="unlimited"', 'value="-100123"'):
        assert shown in again
    assert '<option selected value="hang_up">' in again


def test_what_is_emptied_is_as_configured_again(there: Installation, root: Browser) -> None:
    there.change_license(policy={"l1_wait": "10s"}, caps={"voice_minutes": 5})
    path = f"/admin/licenses/{there.license.id}"
    root.get(f"{path}/edit")
    assert root.post(f"{path}/edit", **FIELDS).status_code == 302
    changed = licenses(there)[0]
    assert (changed.policy, changed.caps, changed.owner_telegram, changed.handoff_number) == ({}, {}, None, None)
    entry = newest_entry(there)
    assert (entry.action, entry.actor.name) == ("license.changed", "root@example.org")
    assert entry.before is not None
    assert entry.before["policy"] == {"l1_wait": "10s"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": " "}, "must be 1 to 200 printable characters"),
        ({"timezone": "Mars/Base"}, "not a time zone"),
        ({"owner_telegram": "me"}, "not a Telegram chat"),
        ({"handoff_number": "12"}, "write + and the country code"),
        ({"handoff_number": "+881612345678"}, "would never be called"),
        ({"voice_minutes": "many"}, "unlimited"),
        ({"tier": "gold"}, "Not a valid choice"),
        ({"policy_l1_wait": "soon"}, "not a duration"),
        ({"policy_call_attempts": "99"}, "must be at most 10"),
        ({"policy_retry_backoff": "1h"}, "retry_backoff"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    there: Installation, root: Browser, changes: dict[str, str], told: str
) -> None:
    before, path = licenses(there), f"/admin/licenses/{there.license.id}/edit"
    root.get(path)
    answer = root.post(path, **{**FIELDS, **changes})
    assert answer.status_code == 400
    assert told in answer.get_data(as_text=True)
    assert licenses(there) == before


def test_admin_changes_their_license_but_not_what_it_pays_for(there: Installation, ana: Browser) -> None:
    before, path = there.license, f"/admin/licenses/{there.license.id}"
    page = ana.get(f"{path}/edit").get_data(as_text=True)
    assert 'name="tier"' not in page
    paid = {"tier": "small", "active": "", "voice_minutes": "unlimited", "overdraft": "y", "events_per_month": "9"}
    fields = {"name": "New name", "timezone": "UTC", "language": "de", "policy_l2_wait": "1m"}
    assert ana.post(f"{path}/edit", **fields, **paid).status_code == 302
    (changed,) = licenses(there)
    assert changed == replace(
        before,
        name="New name",
        time_zone="UTC",
        language="de",
        owner_telegram=None,
        handoff_number=None,
        policy={"l2_wait": "1m"},
    )
    assert ana.get("/admin/licenses/new").status_code == 403
    assert ana.post("/admin/licenses/new", **FIELDS).status_code == 403


def test_policy_that_an_older_version_took_is_shown_as_a_problem(there: Installation, root: Browser) -> None:
    there.change_license(policy={"l1_wait": "10s", "bygone": 1}, tier="gone")
    page = root.get(f"/admin/licenses/{there.license.id}")
    assert page.status_code == 200
    assert "Its policy cannot be used" in page.get_data(as_text=True)
    edit = root.get(f"/admin/licenses/{there.license.id}/edit").get_data(as_text=True)
    assert "gone (not configured any more)" in edit
    answer = root.post(f"/admin/licenses/{there.license.id}/edit", **FIELDS)
    assert answer.status_code == 302, "what nobody knows any more goes with the next change"
    assert licenses(there)[0].policy == {}


def test_every_key_of_the_policy_and_every_message_has_its_words() -> None:
    assert set(policy.WORDS) == set(PolicyConfig.model_fields)
    assert set(policy.USUAL) | set(policy.SELDOM) == set(policy.WORDS)
    assert set(policy.MACHINES) == set(MachinePolicy)
    assert set(template_words.NAMES) == set(TemplateName)
    assert {name for variables in VARIABLES.values() for name in variables} == set(template_words.VARIABLES)


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.5, "500ms"), (30, "30s"), (90, "90s"), (120, "2m"), (7200, "2h"), (0, "0s")]
)
def test_lengths_of_time_are_written_as_they_are_entered(seconds: float, written: str) -> None:
    assert policy.notation(timedelta(seconds=seconds)) == written


def test_message_is_tried_worded_and_returned_to_the_built_in_words(there: Installation, ana: Browser) -> None:
    license_url = f"/admin/licenses/{there.license.id}"
    chosen = ana.get(f"{license_url}/templates?name=text&language=pt-BR")
    path = f"{license_url}/templates/pt-br/text"
    assert chosen.location == path
    assert "Blacklisted plate AB-1234-XY" in ana.get(path).get_data(as_text=True)
    tried = ana.post(f"{path}/preview", source=_TEXT, title="Door <b>", severity="info").get_json()
    assert (tried["problem"], tried["own"], tried["spoken"]) == (None, True, None)
    assert tried["written"].startswith("Door <b>: https://")
    assert own_words(there) == {}, "a preview keeps nothing"
    assert ana.post(path, source=_TEXT.replace(":", "\r\n"), title="", severity="warn").status_code == 302
    assert own_words(there) == {"pt-br": {"text": _TEXT.replace(":", "\n")}}
    assert newest_entry(there).action == "template.changed"
    assert newest_entry(there).actor.name == "ana@example.org"
    assert "Portuguese (Brazil)" in ana.get(license_url).get_data(as_text=True)
    assert ana.post(f"{path}/remove").location == f"{license_url}#wording"
    assert own_words(there) == {}
    assert newest_entry(there).action == "template.removed"


def test_template_that_would_fail_is_refused_with_its_words_kept(there: Installation, ana: Browser) -> None:
    path = f"/admin/licenses/{there.license.id}/templates/en/text"
    ana.get(path)
    problem = ana.post(f"{path}/preview", source="{{ titel }}").get_json()["problem"]
    assert "did you mean title?" in problem
    answer = ana.post(path, source="{{ titel }}", title="T", severity="warn")
    assert answer.status_code == 400
    page = answer.get_data(as_text=True)
    assert "did you mean title?" in page
    assert "{{ titel }}</textarea>" in page
    assert ana.post(path, source="", title="T", severity="warn").status_code == 400
    assert own_words(there) == {}


def test_without_script_a_button_shows_the_preview(there: Installation, ana: Browser) -> None:
    path = f"/admin/licenses/{there.license.id}/templates/en/stand_down"
    ana.get(path)
    answer = ana.post(path, source="All done: {{ title }}", title="Gate 4", severity="warn", preview="1")
    assert answer.status_code == 200
    assert "All done: Gate 4" in answer.get_data(as_text=True)
    assert own_words(there) == {}


class FakeSpeech:
    def __init__(self, directory: Path) -> None:
        self.file = directory / "said.wav"
        self.asked: list[tuple[str, str, AudioFormat]] = []

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
        self.asked.append((text, language, audio_format))
        if "Silence" in text:
            raise SpeechError("espeak: took too long")
        self.file.write_bytes(b"RIFF")
        return Audio(path=self.file, duration=timedelta(seconds=1), engine="espeak")


def test_spoken_message_is_heard_as_it_would_be_on_the_phone(there: Installation, tmp_path: Path) -> None:
    speech = FakeSpeech(tmp_path)
    admin = AdminServices(
        session_key=b"a session key for tests, 32 bytes", passwords=quick_passwords(), tokens=TOKENS, speech=speech
    )
    add_user(there)
    browser = Browser(create_app(replace(there.services, admin=admin)))
    browser.sign_in()
    path = f"/admin/licenses/{there.license.id}/templates/pt-br/call"
    assert "data-listen" in browser.get(path).get_data(as_text=True)
    answer = browser.post(f"{path}/audio", source="¡{{ title }}!", title="Gate 4")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "audio/wav", b"RIFF")
    answer.close()
    ((text, language, audio_format),) = speech.asked
    assert "Gate 4" in text
    assert (language, audio_format) == ("pt-BR", AudioFormat.PHONE)
    refused = browser.post(f"{path}/audio", source="{{ titel }}")
    assert (refused.status_code, refused.mimetype) == (400, "text/plain")
    failed = browser.post(f"{path}/audio", source="{{ title }}", title="Silence")
    assert (failed.status_code, failed.get_data(as_text=True)) == (503, "espeak: took too long")
    written = path.replace("/call", "/text")
    assert "data-listen" not in browser.get(written).get_data(as_text=True)
    assert browser.post(f"{written}/audio", source=_TEXT).status_code == 400


@pytest.mark.parametrize("path", ["it/text", "en/poem", "xx/text", "en/text/x"])
def test_message_that_there_is_not_is_not_found(there: Installation, root: Browser, path: str) -> None:
    assert root.get(f"/admin/licenses/{there.license.id}/templates/{path}").status_code == 404


def test_viewer_looks_at_their_license_and_changes_nothing(app: Flask, there: Installation) -> None:
    browser = signed_in(app, there, "eye@example.org", Role.VIEWER, [there.license.id])
    path = f"/admin/licenses/{there.license.id}"
    assert "Harbour &amp; Sons" in browser.get("/admin/licenses/").get_data(as_text=True)
    page = browser.get(path).get_data(as_text=True)
    assert "Wait after the WhatsApp text" in page
    assert "/edit" not in page
    template = f"{path}/templates/en/text"
    assert {browser.get(one).status_code for one in (f"{path}/edit", template)} == {403}
    posts = (f"{path}/edit", template, f"{template}/preview", f"{template}/audio", f"{template}/remove")
    assert {browser.post(one).status_code for one in posts} == {403}


def test_another_license_does_not_exist(app: Flask, there: Installation, ana: Browser) -> None:
    del app
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    assert "Other" not in ana.get("/admin/licenses/").get_data(as_text=True)
    for license_id in (other.id, 999):
        path = f"/admin/licenses/{license_id}"
        template = f"{path}/templates/en/text"
        ana.get("/admin/account")
        assert {ana.get(one).status_code for one in (path, f"{path}/edit", template)} == {404}
        posts = (f"{path}/edit", template, f"{template}/preview", f"{template}/audio", f"{template}/remove")
        assert {ana.post(one, source=_TEXT).status_code for one in posts} == {404}
    assert licenses(there)[1].name == "Other"
