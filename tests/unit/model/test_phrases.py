"""What Tocsin says and writes, in every language."""

import dataclasses
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import phrases
from gateway.model.languages import FALLBACK, LANGUAGES, Language, language_for, speakable
from gateway.model.languages.form import Call, Ear, Prompts, Written
from gateway.model.quota import VOICE_MARKS, NoticeKind
from gateway.ports.phone import Prompt

_TAGS = [language.tag for language in LANGUAGES]
_LINK = "https://alerts.example.com/a/0123456789abcdef"


def _phrases(language: Language) -> dict[str, str]:
    found = {f"severity {name}": word for name, word in language.severities.items()}
    for part in (language.prompts, language.call, language.written, language.ear):
        for field in dataclasses.fields(part):
            if isinstance(value := getattr(part, field.name), str):
                found[f"{type(part).__name__}.{field.name}"] = value
    return found


def _places(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


@pytest.mark.parametrize("language", LANGUAGES, ids=_TAGS)
def test_every_language_has_every_phrase_with_the_same_places_to_fill(language: Language) -> None:
    ours, english = _phrases(language), _phrases(FALLBACK)
    assert ours.keys() == english.keys()
    assert all(phrase.strip() for phrase in ours.values())
    assert {name: _places(phrase) for name, phrase in ours.items()} == {
        name: _places(phrase) for name, phrase in english.items()
    }


def test_no_language_is_a_copy_of_english() -> None:
    for language in LANGUAGES:
        if language is not FALLBACK:
            assert not set(dataclasses.astuple(language.call)) & set(dataclasses.astuple(FALLBACK.call))
            assert not set(dataclasses.astuple(language.prompts)) & set(dataclasses.astuple(FALLBACK.prompts))


def test_the_form_has_no_optional_phrase() -> None:
    optional = {"full_stop", "spaced"}
    for part in (Prompts, Call, Written, Ear):
        for field in dataclasses.fields(part):
            assert field.default is dataclasses.MISSING or field.name in optional


@pytest.mark.parametrize("language", _TAGS)
def test_every_prompt_of_a_call_has_its_sentence(language: str) -> None:
    assert {field.name for field in dataclasses.fields(Prompts)} == {prompt.value for prompt in Prompt}
    for prompt in Prompt:
        assert phrases.prompt(language, prompt.value)


def test_a_prompt_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        phrases.prompt("en", "nonsense")


@pytest.mark.parametrize(
    ("tag", "own"),
    [
        ("en-GB", "en"),
        ("pt_BR", "pt"),
        ("zh-Hans-CN", "zh"),
        ("cmn", "zh"),
        ("zh-HK", "yue"),
        ("zh-yue", "yue"),
        ("it", "en"),
        ("", "en"),
    ],
)
def test_a_tag_finds_its_language(tag: str, own: str) -> None:
    assert language_for(tag).tag == own


def test_english_words_are_spoken_by_an_english_voice() -> None:
    assert speakable("it") == "en"
    assert speakable("pt-BR") == "pt-BR"


def test_the_announcement_names_who_what_and_how_grave() -> None:
    said = phrases.announcement(
        "en", license_name="Acme Parking", severity="critical", title="Plate AB-1234-XY", body="Gate <b>2</b>"
    )
    assert said == ("This is an alert from Acme Parking. Severity: critical. Plate A, B, 1, 2, 3, 4, X, Y. Gate 2.")


def test_a_severity_has_its_word_in_every_language() -> None:
    assert {language.tag: phrases.severity_word(language.tag, "critical") for language in LANGUAGES}["es"] == "crítica"
    assert phrases.severity_word("es", "unheard of") == "unheard of"


def test_a_body_that_repeats_the_title_is_said_once() -> None:
    said = phrases.announcement("en", license_name="Acme", severity="warn", title="Door open", body="Door open")
    assert said.count("Door open") == 1


def test_several_alerts_are_named_up_to_five() -> None:
    said = phrases.announcement_of_several("en", license_name="Acme", titles=[f"Door {n}" for n in range(1, 9)])
    assert said.startswith("There are 8 alerts from Acme. Alert 1: Door 1. ")
    assert said.endswith("Alert 5: Door 5. And 3 more.")
    assert "Door 6" not in said


def test_five_alerts_leave_no_rest() -> None:
    said = phrases.announcement_of_several("en", license_name="Acme", titles=["Door"] * 5)
    assert said.endswith("Alert 5: Door.")


def test_the_second_to_press_hears_who_was_first() -> None:
    assert phrases.already_acknowledged("en", by="Ana").startswith("Ana has already")
    assert "already" in phrases.already_acknowledged("en", by="")


@pytest.mark.parametrize("language", _TAGS)
def test_the_whatsapp_text_keeps_its_link_whole_and_fits(language: str) -> None:
    text = phrases.whatsapp_alert(
        language, license_name="A" * 300, severity="critical", title="T" * 500, body="B" * 5000, link=_LINK
    )
    assert _LINK in text
    assert len(text) <= phrases.LARGEST_WHATSAPP_TEXT


def test_the_whatsapp_text_has_title_body_and_link() -> None:
    text = phrases.whatsapp_alert(
        "en", license_name="Acme", severity="critical", title="Door {x}", body="at\x00 3", link=_LINK
    )
    assert text == f"🚨 critical alert from Acme\n\nDoor {{x}}\nat 3\n\nTap to acknowledge: {_LINK}\nOr reply 1."


@pytest.mark.parametrize("language", _TAGS)
def test_the_stand_down_names_who_took_it(language: str) -> None:
    assert "Ana" in phrases.stand_down(language, title="Door", by="Ana")
    assert "Door" in phrases.stand_down(language, title="Door", by=None)


@pytest.mark.parametrize("language", _TAGS)
def test_the_owners_report_lists_who_was_tried_and_fits(language: str) -> None:
    report = phrases.owner_report(
        language,
        license_name="Acme",
        title="T" * 500,
        tried=[f"Ana {n}: no answer " * 30 for n in range(60)],
        link=_LINK,
    )
    assert report.endswith(_LINK)
    assert "Ana 0" in report
    assert "40" in report
    assert len(report) <= phrases.LARGEST_TELEGRAM_TEXT


def test_the_owners_report_says_when_there_was_nobody() -> None:
    report = phrases.owner_report("en", license_name="Acme", title="Door", tried=[], link=None)
    assert "nobody to try" in report


@given(st.text(), st.sampled_from([*_TAGS, "xx"]))
def test_any_text_makes_every_message(text: str, language: str) -> None:
    said = [
        phrases.announcement(language, license_name=text, severity=text, title=text, body=text),
        phrases.announcement_of_several(language, license_name=text, titles=[text] * 7),
        phrases.voice_note(language, license_name=text, severity="info", title=text, body=text),
        phrases.already_acknowledged(language, by=text),
        phrases.whatsapp_alert(language, license_name=text, severity="info", title=text, body=text, link=_LINK),
        phrases.stand_down(language, title=text, by=text),
        phrases.owner_report(language, license_name=text, title=text, tried=[text], link=None),
    ]
    for message in said:
        assert message.strip()
        message.encode()


@pytest.mark.parametrize("language", _TAGS)
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_the_notice_of_a_cap_says_whose_it_is_and_how_much_is_used(language: str, kind: NoticeKind) -> None:
    text = phrases.quota_notice(language, kind=kind, license_name="Acme", month="2026-11", used=245, cap=300)
    assert "Acme" in text
    assert "2026-11" in text
    shown = ("4:05", "5:00") if kind in VOICE_MARKS else ("245", "300")
    assert all(number in text for number in shown)
