"""WhatsApp's rules: the window, the numbers of one phone, and the words that acknowledge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.ladder import Send, next_step
from gateway.model.reply_words import OptChoice, acknowledges, opt_choice
from gateway.model.whatsapp import MessageFault, Reach, Window, recorded_reason, refused_for_window
from gateway.model.whatsapp_numbers import same_phone
from tests.records import NOW, a_contact, a_snapshot

MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_seconds = st.integers(min_value=-200_000, max_value=200_000)


@given(until=_seconds, margin=st.integers(min_value=0, max_value=100), leaves_after=st.integers(0, 100))
def test_what_leaves_within_the_margin_leaves_while_the_window_is_open(
    until: int, margin: int, leaves_after: int
) -> None:
    reach = Reach(window_until=MOMENT + timedelta(seconds=until))
    window = reach.window(MOMENT, timedelta(seconds=margin))
    assert window is not Window.UNKNOWN
    if window is Window.OPEN and leaves_after <= margin:
        assert reach.window(MOMENT + timedelta(seconds=leaves_after)) is Window.OPEN


def test_a_window_that_nobody_opened_is_unknown() -> None:
    assert Reach().window(MOMENT) is Window.UNKNOWN


@pytest.mark.parametrize(
    ("shown", "dialled"),
    [
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
        ("+551187654321", "+5511987654321"),
        ("+5511987654321", "+551187654321"),
    ],
)
def test_a_number_that_whatsapp_shows_otherwise_is_the_same_phone(shown: str, dialled: str) -> None:
    assert same_phone(shown)[0] == shown
    assert dialled in same_phone(shown)
    assert shown in same_phone(dialled)


@pytest.mark.parametrize("number", ["+15550100", "+34600000000", "+5511412345678", "+551132345678", "+52155123456"])
def test_any_other_number_is_itself_alone(number: str) -> None:
    assert same_phone(number) == (number,)


@given(st.from_regex(r"\A\+(52|54|55|1|34)[0-9]{6,11}\Z"))
def test_being_the_same_phone_goes_both_ways(number: str) -> None:
    for other in same_phone(number):
        assert set(same_phone(other)) == set(same_phone(number))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("1", "en"),
        (" OK! ", "yue"),
        ("1️⃣", "es"),
        ("１", "zh"),  # noqa: RUF001 - a full-width digit
        ("Vale.", "es-MX"),
        ("recibido", "es"),
        ("Recebido", "pt-BR"),
        ("收到。", "zh-CN"),
        ("收到", "yue"),
        ("Bien reçu !", "fr"),
        ("verstanden", "de"),
    ],
)
def test_a_word_that_says_so_acknowledges(text: str, language: str) -> None:
    assert acknowledges(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *[(text, "en") for text in ("", "11", "2", "👍", "yes", "no", "ok?", "okay", "not ok", "1 2", "vale", "收到")],
        ("sí", "es"),
        ("oui", "fr"),
        ("ja", "de"),
        ("no vale", "es"),
        ("收到吗？", "zh"),  # noqa: RUF001 - a full-width question mark
        ("verstanden?", "de"),
    ],
)
def test_whatever_may_mean_something_else_does_not(text: str, language: str) -> None:
    assert not acknowledges(text, language)


@given(st.text(max_size=30), st.sampled_from(["en", "es", "pt-BR", "zh", "yue", "fr", "de", "it", ""]))
def test_no_text_both_acknowledges_and_opts(text: str, language: str) -> None:
    assert not (acknowledges(text, language) and opt_choice(text))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("STOP", OptChoice.OUT),
        ("stop.", OptChoice.OUT),
        ("Baja", OptChoice.OUT),
        ("退订", OptChoice.OUT),
        ("START", OptChoice.IN),
        ("Unstop", OptChoice.IN),
        ("please stop calling", None),
        ("cancel", None),
        ("1", None),
    ],
)
def test_stop_and_start_are_words_of_their_own(text: str, choice: OptChoice | None) -> None:
    assert opt_choice(text) is choice


def tried(state: AttemptState, reason: str | None, *, number: int = 1, contact_id: int = 1) -> Attempt:
    return Attempt(
        id=number,
        event_id=1,
        contact_id=contact_id,
        level=Level.TEXT,
        number=number,
        state=state,
        began_at=NOW,
        ended_at=NOW,
        reason=reason,
    )


def test_a_text_that_needed_an_open_window_is_repeated_once() -> None:
    snapshot = a_snapshot(replace(a_contact(1), id=1))
    refused = recorded_reason(MessageFault.WINDOW_CLOSED, "63016: outside the window")
    first = tried(AttemptState.FAILED, refused)
    assert refused_for_window(first)
    assert next_step(snapshot, EventStatus.OPEN, [first], NOW) == Send(1, Level.TEXT, 2)
    for second in (tried(AttemptState.FAILED, refused, number=2), tried(AttemptState.SKIPPED, "no_template", number=2)):
        assert next_step(snapshot, EventStatus.OPEN, [first, second], NOW) == Send(1, Level.VOICE_NOTE)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (AttemptState.FAILED, "63024: cannot receive"),
        (AttemptState.UNKNOWN, "window_closed"),
        (AttemptState.SKIPPED, "window_closed"),
    ],
)
def test_nothing_else_is_repeated(state: AttemptState, reason: str) -> None:
    later = NOW + timedelta(hours=1)
    snapshot = a_snapshot(replace(a_contact(1), id=1))
    assert next_step(snapshot, EventStatus.OPEN, [tried(state, reason)], later) == Send(1, Level.VOICE_NOTE)
