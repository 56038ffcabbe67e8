"""A license's own templates: how they are kept, and what people are told by them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from gateway.model.attempt import AttemptState, Level
from gateway.ports.speech import AudioFormat
from gateway.services import templates, tenants
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError
from gateway.store import SqlRecord, open_record
from gateway.store.json_text import dump_snapshot, load_snapshot
from gateway.wording.templates import TemplateName
from tests.contact_edits import set_language
from tests.integration.test_caps_on_record import Desk
from tests.integration.test_engine import Rig
from tests.records import NOW, a_snapshot
from tests.waiting import until

_TEXT = "{{ contact }}, {{ title }}: {{ link }}"


@pytest.fixture
def rig(database_url: str, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(database_url, tmp_path / "var")
    yield rig
    rig.record.close()


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    record = open_record(database_url)
    yield Desk(record)
    record.close()


def _set(record: SqlRecord, name: TemplateName, source: str, language: str = "en") -> None:
    templates.set_template(record, 1, language=language, name=name, source=source, at=NOW)


def _break(record: SqlRecord, name: TemplateName, source: str) -> None:
    """Set what the service would refuse, as a version that knew other variables might have."""
    with record.write() as work:
        work.licenses.set_templates(1, {"en": {name.value: source}})
        work.commit()


def test_templates_are_kept_by_language_and_name_and_survive_an_edit_of_the_license(rig: Rig) -> None:
    _set(rig.record, TemplateName.TEXT, _TEXT)
    _set(rig.record, TemplateName.CALL, "¡{{ alert }}!", "es-MX")
    tenants.set_license(rig.record, rig.config, 1, tenants.LicenseChange(name="New"))
    assert templates.list_templates(rig.record, 1) == {"en": {"text": _TEXT}, "es-mx": {"call": "¡{{ alert }}!"}}
    assert templates.remove_template(rig.record, 1, language="es-MX", name=TemplateName.CALL, at=NOW)
    assert not templates.remove_template(rig.record, 1, language="es-MX", name=TemplateName.CALL, at=NOW)
    assert templates.list_templates(rig.record, 1) == {"en": {"text": _TEXT}}
    with pytest.raises(UnknownLicenseError):
        templates.list_templates(rig.record, 99)


def test_each_change_of_a_template_is_in_the_audit_log_with_both_wordings(rig: Rig) -> None:
    _set(rig.record, TemplateName.TEXT, _TEXT, "es-MX")
    _set(rig.record, TemplateName.TEXT, _TEXT + "!", "es-MX")
    for _ in range(2):
        templates.remove_template(rig.record, 1, language="es-MX", name=TemplateName.TEXT, at=NOW)
    with rig.record.read() as work:
        entries = [one for one in work.audit.list(license_ids=[1]) if one.action.startswith("template.")]
    assert [(one.action, one.target, one.before, one.after) for one in reversed(entries)] == [
        ("template.changed", "template text in es-mx", None, {"template": _TEXT}),
        ("template.changed", "template text in es-mx", {"template": _TEXT}, {"template": _TEXT + "!"}),
        ("template.removed", "template text in es-mx", {"template": _TEXT + "!"}, None),
    ]


@pytest.mark.parametrize(
    ("language", "source", "told"),
    [
        ("it", _TEXT, "'it' is none that Tocsin speaks"),
        ("en", "{{ title }}", "with a usual alert, the message does not have the link"),
        ("en", "{{ title }} {{ body|first }} {{ link }}", "with an alert without a body"),
        ("en", "{{ title }} {{ link }}" + "x" * 1300, "with a long alert, it makes"),
        ("en", "{{ titel }}", "did you mean title?"),
    ],
)
def test_what_would_fail_at_night_is_refused_when_it_is_set(rig: Rig, language: str, source: str, told: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        _set(rig.record, TemplateName.TEXT, source, language)
    assert told in str(refused.value)
    assert templates.list_templates(rig.record, 1) == {}


def test_two_that_are_set_at_once_do_not_undo_each_other(rig: Rig) -> None:
    names, at_once = [TemplateName.TEXT, TemplateName.STAND_DOWN], Barrier(2)

    def set_one(name: TemplateName) -> None:
        at_once.wait(60)
        _set(rig.record, name, "{{ title }} {{ link }}" if name is TemplateName.TEXT else "{{ title }}")

    threads = [Thread(target=set_one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert set(templates.list_templates(rig.record, 1)["en"]) == {"text", "stand_down"}


def test_a_snapshot_keeps_the_templates_and_an_older_one_has_none() -> None:
    snapshot = replace(a_snapshot(), templates={"en": {"text": _TEXT}})
    text = dump_snapshot(snapshot)
    assert load_snapshot(text) == snapshot
    older = dump_snapshot(a_snapshot()).replace(',"templates":{}', "")
    assert "templates" not in older
    assert load_snapshot(older).templates == {}


def test_people_are_told_in_the_licenses_own_words_as_they_were_when_the_alert_came(rig: Rig) -> None:
    _set(rig.record, TemplateName.TEXT, _TEXT)
    set_language(rig.record, rig.contacts[0].id, "en-GB")
    event_id = rig.accept("Door {{ link }}")
    _set(rig.record, TemplateName.TEXT, "Later: {{ title }} {{ link }}")
    with rig.engine():
        until(lambda: rig.channel.sent, 5, "the text is sent")
    (message,) = rig.channel.sent
    assert message.text.startswith("P0, Door {{ link }}: http")
    assert rig.entry(event_id, "template_failed") is None


def test_a_template_that_fails_is_replaced_by_the_built_in_words_and_noted_once(rig: Rig) -> None:
    _break(rig.record, TemplateName.TEXT, "{{ title }} {{ link }} {{ gone }}")
    event_id = rig.accept("Door")
    with rig.engine():
        until(lambda: rig.entry(event_id, "attempt_result"), 5, "the text is sent")
    (message,) = rig.channel.sent
    assert message.text.startswith("🚨 warning alert from Acme\n\nDoor\n\nTap to acknowledge: http")
    noted = rig.entry(event_id, "template_failed")
    assert noted is not None
    assert noted["channel"] == Level.TEXT.value
    assert noted["contact_id"] == rig.contacts[0].id
    assert noted["detail"]["template"] == "text"
    assert "there is no variable gone" in noted["detail"]["problem"]
    assert rig.entry(event_id, "engine_fault") is None


class Loud:
    """Speech that keeps what it is to say."""

    def __init__(self, desk: Desk) -> None:
        self.said: list[str] = []
        self._speech = desk.announcer._speech
        desk.announcer._speech = self  # type: ignore[assignment]

    def render(self, text: str, *, language: str, audio_format: AudioFormat) -> object:
        self.said.append(text)
        return self._speech.render(text, language=language, audio_format=audio_format)


def test_a_call_is_worded_by_the_license_for_one_alert_and_for_several(desk: Desk) -> None:
    _set(desk.record, TemplateName.CALL, "Hello {{ contact }}. {{ title }}.")
    _set(desk.record, TemplateName.CALL_SEVERAL, "{{ count }} of {{ license }}: {{ titles|join('. ') }}.")
    loud = Loud(desk)
    first = desk.due()
    assert desk.prepare(first).order is not None
    assert loud.said[0].startswith("Hello Ana. ")
    loud.said.clear()
    assert desk.prepare(first, desk.due()).order is not None
    assert loud.said[0].startswith("2 of Acme: ")


def test_a_call_whose_template_fails_is_made_in_the_built_in_words(desk: Desk) -> None:
    _break(desk.record, TemplateName.CALL, "{{ title }} {{ gone }}")
    loud = Loud(desk)
    attempt = desk.due()
    for _ in range(2):  # it is prepared anew where no line was free
        assert desk.prepare(attempt).order is not None
    assert loud.said[0].startswith("This is an alert from Acme.")
    with desk.record.read() as work:
        noted = [entry for entry in work.timeline.of_event(attempt.event_id) if entry.type == "template_failed"]
    assert [(entry.channel, entry.contact_id) for entry in noted] == [("phone", desk.licenses[0][0].id)]
    assert desk.result(attempt) == (AttemptState.PENDING, None)


def test_an_example_is_told_with_the_licenses_name_and_its_call(rig: Rig) -> None:
    _set(rig.record, TemplateName.CALL, "Attention: {{ alert }}", "es")
    shown = templates.preview(
        rig.record,
        1,
        language="es",
        name=TemplateName.VOICE_NOTE,
        facts=templates.sample("es", title="Puerta", body=""),
    )
    assert shown.own is False
    assert shown.spoken is not None
    assert shown.spoken.startswith("Attention: Puerta. Responda 1")
    shown = templates.preview(
        rig.record,
        1,
        language="en",
        name=TemplateName.CALL,
        source="{{ license }} & co: {{ title }}",
        facts=templates.sample("en", title="AB-1234-XY"),
    )
    assert (shown.own, shown.written) == (True, "Acme & co: AB-1234-XY")
    assert shown.spoken is not None
    assert shown.spoken.startswith("Acme and co: A, ")
    assert templates.list_templates(rig.record, 1) == {"es": {"call": "Attention: {{ alert }}"}}
