"""What Tocsin says and writes, in every language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.languages import LANGUAGES, language_for, speakable
from gateway.model.quota import VOICE_MARKS, NoticeKind
from gateway.ports.phone import Prompt
from gateway.wording import phrases

_TAGS = [language.tag for language in LANGUAGES]
_LINK = "https://alerts.example.com/a/0123456789abcdef"


@pytest.mark.parametrize("language", _TAGS)
def test_every_prompt_of_a_call_has_its_sentence(language: str) -> None:
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
    assert said == (
        "This is an alert from Acme Parking. Severity: critical. Plate A, B for Bravo, 1 2 3 4, X, Y. Gate 2."
    )


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
        phrases.voice_note(language, announcement=text),
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
    assert "2026" in text
    shown = ("4", "5") if kind in VOICE_MARKS else ("245", "300")
    assert all(number in text for number in shown)


def test_the_notice_of_a_cap_reads_as_people_write() -> None:
    def notice(language: str, kind: NoticeKind, used: int, cap: int) -> str:
        return phrases.quota_notice(language, kind=kind, license_name="Acme", month="2026-11", used=used, cap=cap)

    assert notice("en", NoticeKind.VOICE_80, 245, 300) == (
        "📊 Acme has used 81% of its voice minutes of November 2026: 4 mins 5 secs of 5 mins."
    )
    assert notice("de", NoticeKind.EVENTS_80, 8000, 10000) == (
        "📊 Acme hat 80\u00a0% der Alarme für November 2026 verbraucht: 8.000 von 10.000."
    )
    assert notice("zh", NoticeKind.VOICE_80, 245, 300) == (
        "📊 Acme 已使用 2026年11月语音分钟数的 81%：4分钟5秒 / 5分钟。"  # noqa: RUF001 - Chinese signs
    )


@pytest.mark.parametrize(
    ("language", "heard"),
    [
        ("en", "There are 2 alerts from Acme."),
        ("zh", "有两个来自Acme的警报。"),
        ("yue", "Acme有兩個警報。"),
    ],
)
def test_two_is_said_as_it_is_said_before_what_is_counted(language: str, heard: str) -> None:
    said = phrases.announcement_of_several(language, license_name="Acme", titles=["Door", "Gate"])
    assert said.startswith(heard)
