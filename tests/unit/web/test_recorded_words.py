"""Sentences that other layers keep in tables, and that the pages show in the reader's language."""

from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from flask import Flask
from flask_babel import Babel, force_locale

from gateway.app.call_words import explanation_of, trouble_of
from gateway.channels.asterisk.explain import explain_ami, explain_q850, explain_sip
from gateway.model.call import CallOutcome
from gateway.services.call_safety import _WORDS, in_words
from gateway.services.trunk_board import UNKNOWN_WORDS, TrunkCondition
from web.admin import recorded_words

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def extracted() -> set[str]:
    """Return what `make messages` finds marked in the files of tables that it looks into."""
    files = ConfigParser(delimiters=("=",))
    files.read(_ROOT / "web" / "babel.cfg")
    names = [section.partition(": ")[2] for section in files.sections()]
    tables = [_ROOT / name for name in names if name.startswith("gateway/")]
    found = set()
    for table in tables:
        for _line, text, *_rest in extract_from_file("python", table, keywords={"marked": None}):
            found.add(str(text))
    return found


def sentences() -> Iterator[str | None]:
    for explanation in (
        *(explain_sip(status, rang=rang) for status in range(300, 700) for rang in (None, True)),
        *(explain_q850(cause, rang=rang) for cause in range(1, 128) for rang in (None, True)),
        *(explain_ami(error) for error in ("refused the login", "Errno 111", "certificate", "shuts down", "other")),
    ):
        yield from (explanation.meaning, explanation.advice, explanation.party.value, explanation.handling.value)
    for outcome in CallOutcome:
        call = {"outcome": outcome.value, "sip_cause": 404, "hangup_cause": 1, "ringing_at": None, "answered_at": None}
        told = explanation_of(call)
        assert told is not None
        yield from (told["meaning"], told["advice"], told["who_acts"])
    yield from (trouble_of(None, None)["meaning"], UNKNOWN_WORDS)
    yield from (condition.words for condition in TrunkCondition)
    yield from (in_words(reason) for reason in _WORDS)


def test_every_sentence_of_the_tables_is_found_by_the_translators(extracted: set[str]) -> None:
    wanted = {sentence for sentence in sentences() if sentence}
    assert len(wanted) > 100
    assert wanted - extracted == set()


def test_a_sentence_without_translation_is_marked_as_english_on_a_page_that_is_not() -> None:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        with force_locale("en"):
            assert recorded_words.translated("no <words>", capital=True) == "No <words>"
        with force_locale("de"):
            shown = recorded_words.translated("no <words>")
            assert str(shown) == '<span lang="en">no &lt;words&gt;</span>'
            assert recorded_words.plain("no <words>") == "no <words>"
        assert recorded_words.translated(None) == recorded_words.plain("") == ""


def test_a_reason_keeps_the_providers_words_behind_its_own() -> None:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        assert recorded_words.reason("window_closed: 63016") == "WhatsApp's window is closed: 63016"
        assert recorded_words.reason("63024") == "63024"
        assert recorded_words.reason("destination_emergency") == "emergency numbers are never called"
        assert recorded_words.reason(None) == ""
