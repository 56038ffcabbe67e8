"""What owners read fits into Telegram's limits in every language, and is never cut where it is needed whole."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.lengths import width
from gateway.model.languages import LANGUAGES
from gateway.wording import owners
from gateway.wording.owners import ToldAlert

TAGS = [language.tag for language in LANGUAGES]
AT = datetime(2026, 11, 22, 3, 5, tzinfo=UTC)
OPEN = ToldAlert(title="Gate 4 forced", link="https://alerts.example.com/a/1.token")
TAKEN = ToldAlert(title="Gate 5 forced", open=False, by="Ana Núñez", at=AT)
WITHDRAWN = replace(TAKEN, by=None)


def test_a_settled_alert_says_by_whom_and_when() -> None:
    assert owners.settled("en", TAKEN).startswith("✅ Ana Núñez has acknowledged this alert. 22 Nov 2026, 03:05 UTC")
    assert owners.settled("en", WITHDRAWN).startswith("✅ Resolved by its source. 22 Nov 2026, 03:05 UTC")
    assert owners.settled("en", replace(TAKEN, at=None)) == "✅ Ana Núñez has acknowledged this alert."


def test_those_that_are_open_come_first_and_are_counted() -> None:
    text = owners.several("en", license_name="Acme", alerts=[TAKEN, OPEN, WITHDRAWN, OPEN])
    assert text.splitlines() == [
        "⚠️ Nobody acknowledged 2 alerts of Acme.",
        "",
        "• Gate 4 forced",
        "https://alerts.example.com/a/1.token",
        "• Gate 4 forced",
        "https://alerts.example.com/a/1.token",
        "✅ Gate 5 forced: Ana Núñez",
        "✅ Gate 5 forced: resolved by its source",
    ]


def test_when_all_are_settled_it_says_so() -> None:
    text = owners.several("en", license_name="Acme", alerts=[TAKEN, WITHDRAWN])
    assert text.startswith("✅ All 2 alerts of Acme are settled.")


def test_of_very_many_the_first_are_listed_and_the_rest_is_counted() -> None:
    text = owners.several("en", license_name="Acme", alerts=[OPEN] * 100)
    assert text.count("https://") == 20
    assert text.endswith("\nand 80 more")


@given(link=st.integers(0, 3000), title=st.text(max_size=300), count=st.integers(1, 100), tag=st.sampled_from(TAGS))
def test_a_report_on_several_fits_and_cuts_no_link(link: int, title: str, count: int, tag: str) -> None:
    address = f"https://alerts.example.com/{'x' * link}/end"
    alerts = [replace(OPEN, title=title, link=address)] * count
    text = owners.several(tag, license_name="Acme" * 50, alerts=alerts)
    assert width(text) <= 4096
    assert text.count("https://") == text.count(f"{'x' * link}/end\n") + text.endswith("/end")


@pytest.mark.parametrize("tag", TAGS)
def test_buttons_and_answers_are_short_in_every_language(tag: str) -> None:
    assert width(owners.button(tag)) <= 40
    assert width(owners.button(tag, 100)) <= 40
    someone = replace(TAKEN, by="🚨" * 500)
    for mine, other in ((1, None), (7, someone), (0, someone), (0, WITHDRAWN), (0, None)):
        answer = owners.pressed(tag, mine=mine, title="🚨" * 500, other=other)
        assert 0 < width(answer) <= owners.LARGEST_ANSWER
    assert 0 < len(owners.refused(tag)) <= owners.LARGEST_ANSWER
    assert "-100500" in owners.chat_id(tag, "-100500")


def test_who_has_it_already_is_told_by_name() -> None:
    assert owners.pressed("en", mine=0, title="", other=TAKEN) == "Ana Núñez has already acknowledged this alert."
    assert owners.pressed("es", mine=1, title="Puerta 4", other=None) == "Ha confirmado: Puerta 4"
