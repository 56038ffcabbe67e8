"""An event's page in a real browser: its ladder as it moves, and what was heard, heard again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from gateway.model.attempt import Level
from gateway.model.contact import Contact
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record
from gateway.services.steps import note_step
from gateway.tts.cache import CachedSpeech
from gateway.tts.espeak import EspeakEngine
from tests.browser.pages import PHONE, sign_in, watch
from tests.unit.web.installation import FakeClock, Installation, open_event
from tests.unit.web.pages import add_user, with_pages
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture
def there(record: Record, tmp_path: Path) -> Installation:
    # What is counted down to lies ahead of the browser's clock.
    made = Installation(record, audio_dir=tmp_path, clock=FakeClock(datetime.now(UTC)))
    add_user(made)
    return made


@pytest.fixture
def speech(tmp_path: Path) -> Iterator[CachedSpeech]:
    speaking = CachedSpeech([EspeakEngine()], tmp_path / "audio", time_limit=timedelta(seconds=60))
    yield speaking
    speaking.stop()


@pytest.fixture
def app(there: Installation, speech: CachedSpeech) -> Flask:
    return with_pages(there, speech=speech)


def tell(there: Installation, event_id: int, contact: Contact) -> None:
    """Record that the contact got a text, with its entry on the timeline, as the engine does."""
    attempt_id = there.tell(event_id, contact)
    with there.record.write() as work:
        attempt = work.attempts.get(attempt_id)
        assert attempt is not None
        note_step(work, attempt, TimelineType.ATTEMPT_STARTED, there.clock.now(), {"attempt_id": attempt_id})
        work.commit()


def test_the_ladder_moves_without_a_reload_and_fits_a_phone(
    app: Flask, there: Installation, serve: str, browser: Browser
) -> None:
    ana = there.add_contact("Ana Maria with a long name that wraps on a phone")
    event_id = open_event(app.test_client(), "Fire door open")
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        seen = watch(page)
        sign_in(page, serve, f"/admin/events/{event_id}")
        page.evaluate("window.here = true")
        first = page.locator(".admin-rung").first
        expect(first).to_contain_text("coming")
        expect(page.locator("[aria-current=step]")).to_have_count(0)
        tell(there, event_id, ana)
        expect(first).to_contain_text("sent, waiting for an answer", timeout=30_000)
        expect(page.locator("[aria-current=step]")).to_have_count(1)
        assert page.evaluate("window.here"), "the page was not loaded again"
        expect(first.locator("[data-countdown]")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert not [line for line in seen if "Content Security Policy" in line]


def test_a_voice_note_is_played_by_the_browser(app: Flask, there: Installation, serve: str, browser: Browser) -> None:
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Fire door open")
    there.tell(event_id, ana, level=Level.VOICE_NOTE)
    with browser.new_context() as context:
        page = context.new_page()
        seen = watch(page)
        sign_in(page, serve, f"/admin/events/{event_id}")
        audio = page.locator("audio")
        expect(audio).to_be_visible()
        assert audio.evaluate("one => one.networkState") != 2, "nothing is fetched before it is asked for"
        audio.evaluate("one => one.play()")
        until(lambda: audio.evaluate("one => one.currentTime > 0.2"), 30, "it plays")
        length = audio.evaluate("one => one.duration")
        assert 2 < length < 30
        expect(page.locator("[data-player-state]")).to_contain_text("Said from the record")
        audio.evaluate("one => { one.currentTime = one.duration - 0.3 }")
        until(lambda: audio.evaluate("one => one.ended"), 30, "it is heard to its end")
        assert not [line for line in seen if "Content Security Policy" in line]
