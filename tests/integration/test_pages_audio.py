"""What was heard on calls and in voice notes, heard again on the page of the event."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from flask import Flask

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.model.contact import Contact
from gateway.model.user import Role
from gateway.ports.speech import Audio, AudioFormat, SpeechError
from gateway.store import SqlRecord
from gateway.tts.cache import CachedSpeech
from gateway.tts.espeak import EspeakEngine
from gateway.wording import phrases
from tests.unit.web.installation import Installation, open_event
from tests.unit.web.pages import Browser, add_user, with_pages

CALL_ID = "c0ffee00" * 4


@pytest.fixture
def there(record: SqlRecord, tmp_path: Path) -> Installation:
    return Installation(record, audio_dir=tmp_path)


@pytest.fixture
def speech(tmp_path: Path) -> Iterator[CachedSpeech]:
    speaking = CachedSpeech([EspeakEngine()], tmp_path / "audio", time_limit=timedelta(seconds=60))
    yield speaking
    speaking.stop()


@pytest.fixture
def app(there: Installation, speech: CachedSpeech) -> Flask:
    return with_pages(there, speech=speech)


@pytest.fixture
def root(app: Flask, there: Installation) -> Browser:
    add_user(there)
    browser = Browser(app)
    assert browser.sign_in() == 302
    return browser


def called(there: Installation, contact: Contact, *event_ids: int, sha256: str | None = None) -> None:
    """Record an answered call that announced these events."""
    now = there.clock.now()
    with there.record.write() as work:
        work.calls.add(
            Call(
                id=CALL_ID,
                license_id=there.license.id,
                contact_id=contact.id,
                provider="asterisk",
                node="pbx1",
                trunk="carrier-a",
                to_number=contact.phone,
                started_at=now,
                answered_at=now,
                ended_at=now,
                audio_sha256=sha256,
            )
        )
        made = [
            work.attempts.add(
                Attempt(
                    id=0,
                    event_id=event_id,
                    contact_id=contact.id,
                    level=Level.CALL,
                    number=1,
                    state=AttemptState.MISSED,
                    began_at=now,
                    ended_at=now,
                )
            )
            for event_id in event_ids
        ]
        work.calls.tie(CALL_ID, [attempt.id for attempt in made])
        work.commit()


def samples_of(content: bytes) -> tuple["np.ndarray[tuple[int, ...], np.dtype[np.float64]]", int, str]:
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        return file.read(), file.samplerate, f"{file.format} {file.subtype}"


def test_a_call_is_heard_again_as_the_very_file_that_its_hash_tells(
    app: Flask, there: Installation, root: Browser, speech: CachedSpeech
) -> None:
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Fire door open", body="Stairwell 3", severity="critical")
    called(there, ana, event_id)
    address = f"/admin/events/{event_id}/calls/{CALL_ID}/audio"
    page = root.get(f"/admin/events/{event_id}").get_data(as_text=True)
    assert f'src="{address}"' in page
    assert 'preload="none"' in page
    answer = root.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "audio/wav")
    assert answer.headers["X-Tocsin-Original"] == "unknown"
    assert "media-src 'self'" in answer.headers["Content-Security-Policy"]
    samples, rate, form = samples_of(answer.data)
    assert form == "WAV PCM_16"
    words = phrases.announcement(
        "en", license_name="Harbour & Sons", severity="critical", title="Fire door open", body="Stairwell 3"
    )
    spoken = speech.render(words, language="en", audio_format=AudioFormat.PHONE)
    assert answer.data == spoken.path.read_bytes()
    assert len(samples) / rate == pytest.approx(spoken.duration.total_seconds(), abs=0.01)
    assert len(samples) / rate > 2, "so many words take their time"
    assert np.abs(samples).max() > 0.3, "it can be heard"
    with there.record.write() as work:
        call = work.calls.get(CALL_ID)
        assert call is not None
        work.calls.update(replace(call, audio_sha256=hashlib.sha256(answer.data).hexdigest()))
        work.commit()
    assert root.client.head(address).headers["X-Tocsin-Original"] == "yes"
    with there.record.write() as work:
        work.calls.update(replace(call, audio_sha256="0" * 64))
        work.commit()
    assert root.client.head(address).headers["X-Tocsin-Original"] == "no"


def test_a_call_about_several_events_is_heard_on_each_of_their_pages(
    app: Flask, there: Installation, root: Browser
) -> None:
    ana = there.add_contact("Ana")
    first, second, third = (open_event(app.test_client(), f"Alert number {number}") for number in (1, 2, 3))
    called(there, ana, second, first)
    heard = [root.get(f"/admin/events/{event_id}/calls/{CALL_ID}/audio") for event_id in (first, second, third)]
    assert [one.status_code for one in heard] == [200, 200, 404]
    assert heard[0].data == heard[1].data


def test_a_voice_note_is_heard_again_in_parts_as_players_ask_for_them(
    app: Flask, there: Installation, root: Browser
) -> None:
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Fire door open")
    text_id, note_id = there.tell(event_id, ana), there.tell(event_id, ana, level=Level.VOICE_NOTE)
    address = f"/admin/events/{event_id}/notes/{note_id}/audio"
    answer = root.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "audio/ogg")
    samples, rate, form = samples_of(answer.data)
    assert form == "OGG OPUS"
    assert len(samples) / rate > 2
    assert np.abs(samples).max() > 0.3
    part = root.client.get(address, headers={"Range": "bytes=100-299", "If-Range": answer.headers["ETag"]})
    assert part.status_code == 206
    assert part.data == answer.data[100:300]
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(answer.data)}"
    assert root.client.get(address, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert root.client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert root.get(f"/admin/events/{event_id}/notes/{text_id}/audio").status_code == 404, "a text is not heard"


def test_what_others_heard_is_not_there(app: Flask, there: Installation) -> None:
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Secret")
    note_id = there.tell(event_id, ana, level=Level.VOICE_NOTE)
    called(there, ana, event_id)
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    add_user(there, "eye@example.org", Role.VIEWER, [other.id])
    add_user(there, "ours@example.org", Role.VIEWER, [there.license.id])
    theirs, ours, nobody = Browser(app), Browser(app), Browser(app)
    assert theirs.sign_in("eye@example.org") == ours.sign_in("ours@example.org") == 302
    for path in (f"calls/{CALL_ID}", f"notes/{note_id}"):
        address = f"/admin/events/{event_id}/{path}/audio"
        assert theirs.get(address).status_code == 404
        assert nobody.get(address).status_code == 302, "to the sign-in"
        assert ours.get(address).status_code == 200


def test_where_nothing_can_be_said_anew_a_sentence_tells_why(app: Flask, there: Installation) -> None:
    class Hoarse:
        def render(self, text: str, *, language: str, audio_format: AudioFormat) -> Audio:
            raise SpeechError(f"no voice for {language}")

    add_user(there)
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Fire door open")
    note_id = there.tell(event_id, ana, level=Level.VOICE_NOTE)
    for speech, words in ((Hoarse(), "could not be said anew: no voice for en"), (None, "Nothing speaks here")):
        browser = Browser(with_pages(there, speech=speech))
        assert browser.sign_in() == 302
        answer = browser.get(f"/admin/events/{event_id}/notes/{note_id}/audio")
        assert answer.status_code == 503
        assert words in answer.get_data(as_text=True)
    assert "Nothing speaks here" in browser.get(f"/admin/events/{event_id}").get_data(as_text=True)
