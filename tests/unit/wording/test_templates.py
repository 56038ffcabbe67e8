"""Messages in a license's own words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.model.languages import LANGUAGES
from gateway.model.speech_text import spoken
from gateway.wording import phrases
from gateway.wording.templates import Facts, TemplateName, find, used_by
from gateway.wording.worded import built_in, own, worded

_LINK = "https://alerts.example.com/a/0123456789abcdef"
_FACTS = Facts(
    license_name="Acme & Sons",
    contact="Ana",
    severity="critical",
    title="Plate AB-1234-XY",
    body="Gate <b>2</b>",
    link=_LINK,
    by="Luis",
    announcement="This is an alert.",
    titles=("Door", "Gate", "Roof", "Lift", "Yard", "Safe"),
    tried=("Ana (+15550123): call missed",),
)


def test_a_template_is_found_by_the_very_language_then_by_its_own() -> None:
    templates = {"pt-br": {"text": "BR"}, "pt": {"text": "PT", "call": "ligação"}, "yue": {"text": "粵"}}
    assert find(templates, "pt-BR", TemplateName.TEXT) == "BR"
    assert find(templates, "pt_BR", TemplateName.CALL) == "ligação"
    assert find(templates, "pt-PT", TemplateName.TEXT) == "PT"
    assert find(templates, "zh-HK", TemplateName.TEXT) == "粵"
    assert find(templates, "zh", TemplateName.TEXT) is None
    assert used_by(templates, ["pt-PT", "en"]) == {"pt": templates["pt"]}
    assert used_by({"en": {}}, ["it"]) == {"en": {}}, "who has no language of ours is told in English"


def test_a_text_is_written_as_the_template_says() -> None:
    source = "{{ license }}: {{ title }} ({{ severity }}/{{ level }})\n{{ body }}\n{{ contact }}, {{ link }}"
    assert own(source, TemplateName.TEXT, "es", _FACTS) == (
        f"Acme & Sons: Plate AB-1234-XY (crítica/critical)\nGate <b>2</b>\nAna, {_LINK}"
    )


def test_what_is_spoken_goes_through_the_ear_values_and_words() -> None:
    said = own("🚨 <b>{{ license }}</b>: {{ alert }} See https://x.example/", TemplateName.CALL, "en", _FACTS)
    assert said.startswith("Acme and Sons: Plate ")
    assert "Gate 2" in said
    assert "link to x dot example" in said
    assert not set("<>🚨/&-") & set(said)


def test_a_value_goes_through_the_ear_once() -> None:
    title = "IP 192.168.1.10, ID 123456789, AB-1234-XY at -5.5 °C"
    heard = spoken(title, "en")
    assert spoken(heard, "en") != heard, "what is made for the ear is not the same when that is done twice"
    facts = replace(_FACTS, title=title)
    assert own("Now 10%: {{ title }}! {{ title }}.", TemplateName.CALL, "en", facts) == (
        f"Now 10 percent: {heard}! {heard}."
    )


@pytest.mark.parametrize("hostile", ["<!--", "<script>", "{{ license }}", "[x](", "```", "&lt;style&gt;", "<b"])
def test_no_alert_swallows_words_of_the_template(hostile: str) -> None:
    facts = replace(_FACTS, title=f"Door {hostile}", body="")
    said = own("{{ title }}. Call the guard at once.", TemplateName.CALL, "en", facts)
    assert said.endswith("Call the guard at once.")
    assert "Acme" not in said


def test_several_alerts_are_named_up_to_five() -> None:
    source = "{{ count }} alerts: {% for one in titles %}{{ loop.index }}, {{ one }}. {% endfor %}And {{ others }} more"
    assert own(source, TemplateName.CALL_SEVERAL, "en", _FACTS) == (
        "6 alerts: 1, Door. 2, Gate. 3, Roof. 4, Lift. 5, Yard. And 1 more."
    )


def test_a_long_alert_gives_way_where_it_can() -> None:
    facts = replace(_FACTS, body="B" * 5000, tried=("T" * 400,) * 40)
    source = "{{ title }} " + "own words " * 30 + "{{ body }} {{ body }} {{ link }}"
    text = own(source, TemplateName.TEXT, "en", facts)
    assert len(text) <= phrases.LARGEST_WHATSAPP_TEXT
    assert _LINK in text
    report = own(
        "{{ title }}" + "x" * 1900 + "{{ tried|join('; ') }} {{ link }}", TemplateName.OWNER_REPORT, "en", facts
    )
    assert len(report) <= phrases.LARGEST_TELEGRAM_TEXT
    assert report.endswith(_LINK)


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        (TemplateName.TEXT, "{{ title }}", "does not have the link"),
        (TemplateName.TEXT, "{{ link }}", "does not tell the title"),
        (TemplateName.TEXT, "{{ title }} {{ link }} {{ gone }}", "there is no variable gone"),
        (TemplateName.TEXT, "{{ title }} {{ link }}" + "x" * 1500, "1500 fit"),
        (TemplateName.CALL, "Something happened", "does not tell the title"),
        (TemplateName.CALL, "🚨", "an empty message"),
        (TemplateName.CALL, "{{ title }} https://x.example/{{ title }}", "cannot be spoken, as in a link"),
        (TemplateName.CALL, "zuvaloaaaa {{ title }}", "the word zuvalo cannot be said"),
        (TemplateName.STAND_DOWN, "", "an empty message"),
        (TemplateName.OWNER_REPORT, "{{ title }}", "does not have the link"),
        (TemplateName.VOICE_NOTE, "{{ alert", "unexpected end of template"),
    ],
)
def test_a_template_that_fails_at_night_leaves_the_built_in_words(
    name: TemplateName, source: str, problem: str
) -> None:
    with capture_logs() as logs:
        made = worded({"en": {name.value: source}}, name, "en", _FACTS)
    assert made.text == built_in(name, "en", _FACTS)
    assert made.problem is not None
    assert problem in made.problem
    assert [(entry["event"], entry["template"]) for entry in logs] == [("template_failed", name.value)]


@pytest.mark.parametrize("name", list(TemplateName))
def test_without_a_template_the_words_are_built_in(name: TemplateName) -> None:
    made = worded({"es": {name.value: "{{ title }} {{ link }}"}}, name, "en", _FACTS)
    assert (made.text, made.problem) == (built_in(name, "en", _FACTS), None)


@given(st.text(), st.sampled_from([language.tag for language in LANGUAGES]), st.sampled_from(list(TemplateName)))
def test_any_alert_makes_every_message(text: str, language: str, name: TemplateName) -> None:
    facts = replace(_FACTS, license_name=text, contact=text, title=text, body=text, by=text, titles=[text] * 7)
    source = "{{ title }} {{ link }}" if name in {TemplateName.TEXT, TemplateName.OWNER_REPORT} else "Now: {{ title }}"
    if name is TemplateName.CALL_SEVERAL:
        source = "{% for one in titles %}{{ one }}. {% endfor %}"
    with capture_logs():
        made = worded({language: {name.value: source}}, name, language, facts)
    assert made.text.strip()
    made.text.encode()
