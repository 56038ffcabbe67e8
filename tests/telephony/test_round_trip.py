"""What is heard at the end of the line is what was sent in, as a machine hears it that knows neither.

An alert is posted, spoken, played by Asterisk over SIP and RTP, recorded by the carrier, and understood by a speech
recogniser. The alerts are each other's control: nothing of the one is found in the other.
"""

import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from gateway.app.speech import audio_dir
from gateway.config.tts import PiperConfig
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.engine import Engine
from gateway.tts.espeak import EspeakEngine
from gateway.tts.piper import PiperEngine
from gateway.wording import phrases
from tests.telephony.carrier import CarrierCall, answers
from tests.telephony.carrier_audio import RATE, Samples
from tests.telephony.phone_site import PhoneSite
from tests.telephony.recogniser import which_of, words_in
from tests.waiting import until
from tests.workers import voice_pid

pytestmark = pytest.mark.telephony

_LICENSE = "Acme"
_LISTENS = 9.5  # seconds, longer than any of the announcements


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert and the words by which it is known."""

    title: str
    body: str
    words: frozenset[str] = frozenset()

    def announcement(self, language: str) -> str:
        """Return what the gateway says of it."""
        return phrases.announcement(
            language, license_name=_LICENSE, severity="critical", title=self.title, body=self.body
        )

    @property
    def spelled(self) -> str:
        """Title and body as the recogniser spells them."""
        return re.sub("[^a-z ]", "", f"{self.title} {self.body}".lower())


NATURAL = {
    "fire": Alert(
        "Fire in the parking garage",
        "Smoke on level three near the elevator",
        frozenset({"fire", "parking", "garage", "smoke", "three", "elevator"}),
    ),
    "window": Alert(
        "Window broken at the school",
        "Motion was seen in the library",
        frozenset({"window", "broken", "school", "motion", "seen", "library"}),
    ),
}
PLAIN = {
    "water": Alert("Water leak in the basement", "The pump of the swimming pool has stopped"),
    "power": Alert("Power failure in the hospital", "The generator did not start"),
}
# What the recogniser may take espeak's for as well.
OTHERS = (
    Alert("Gate forced open", "A truck left without a ticket"),
    Alert("Panic button pressed", "The cashier does not answer"),
    Alert("Low battery on the roof", "The camera will stop within an hour"),
    Alert("High temperature in the kitchen", "The freezer door is open"),
)
BEFORE = "this is an alert from acme severity critical"


@dataclass(frozen=True, slots=True)
class Said:
    """What the callee heard of an announcement, and how alike it is to the file that was played."""

    likeness: float
    heard: Samples


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoneSite]:
    # Of these, piper has ten seconds: enough on a machine that does much else.
    settings = {"tts": {"engine": "piper", "time_limit": "12s"}}
    with PhoneSite(tmp_path_factory.mktemp("site"), {"pbx1": {"carrier": {}}}, settings=settings) as site:
        ready = "ok: 1 of 1 voices loaded"
        until(lambda: ready in str(site.gateway.http("GET", "/readyz").body), 60, "the voice is loaded", every=0.1)
        yield site


@pytest.fixture(scope="module")
def said(site: PhoneSite) -> Mapping[str, Mapping[str, Said]]:
    """Two alerts by each voice. espeak's are those that piper did not speak in time: its process stands still."""
    worker = until(lambda: voice_pid(site.gateway, "gateway.tts.piper_worker"), 20, "piper's process runs")
    assert worker is not None
    natural = _post(site, "en", NATURAL)
    for call, _ in natural.values():
        call.wait_answered(30)
    os.kill(worker, signal.SIGSTOP)
    try:
        plain = _post(site, "en-US", PLAIN)
        for call, _ in plain.values():
            call.wait_answered(30)
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)
    event_ids = [event_id for calls in (natural, plain) for _, event_id in calls.values()]
    site.finished(event_ids)
    for event_id in event_ids:
        assert site.gateway.event(event_id)["status"] == "acknowledged"
    voices: tuple[tuple[Engine, str, dict[str, tuple[CarrierCall, int]]], ...] = (
        (PiperEngine(PiperConfig(), may_load=False), "en", natural),
        (EspeakEngine(), "en-US", plain),
    )
    return {
        engine.name: {
            name: _said(site, call, (NATURAL | PLAIN)[name].announcement(language), language, engine)
            for name, (call, _) in calls.items()
        }
        for engine, language, calls in voices
    }


def _post(site: PhoneSite, language: str, alerts: Mapping[str, Alert]) -> dict[str, tuple[CarrierCall, int]]:
    """Send the alerts, each for somebody of that language who hears it to its end."""
    posted = {}
    for name, alert in alerts.items():
        number = site.number()
        license_id = site.gateway.license(name=_LICENSE)
        site.gateway.contact(license_id, number, language=language)
        site.carriers["carrier"].behaviour(number, answers(presses="1", after=_LISTENS))
        event_id = site.gateway.post(
            site.gateway.source(license_id), title=alert.title, body=alert.body, severity="critical"
        )
        posted[name] = number, event_id
    carrier = site.carriers["carrier"]
    return {name: (carrier.expect_call(number, 30), event_id) for name, (number, event_id) in posted.items()}


def _said(site: PhoneSite, call: CarrierCall, announcement: str, language: str, engine: Engine) -> Said:
    """Find the announcement in what the callee heard. The file is the gateway's own: nothing is spoken here."""
    speech = CachedSpeech([engine], audio_dir(site.gateway.config), time_limit=timedelta(seconds=30))
    try:
        played = speech.render(announcement, language=language, audio_format=AudioFormat.PHONE)
        assert speech.figures().cached == {engine.name: 1}, f"{engine.name} spoke it for the call"
    finally:
        speech.stop()
    found = call.hears(played.path)
    begin, length = round(found.at * RATE), round(played.duration.total_seconds() * RATE)
    return Said(found.likeness, call.recording()[begin : begin + length])


def test_what_was_played_arrived_whole(said: Mapping[str, Mapping[str, Said]]) -> None:
    for engine, alerts in said.items():
        for name, one in alerts.items():
            assert one.likeness > 0.8, f"{name} by {engine}"


@pytest.mark.parametrize("name", NATURAL)
def test_the_natural_voice_s_words_are_written_down_by_who_does_not_know_them(
    said: Mapping[str, Mapping[str, Said]], name: str
) -> None:
    written = set(words_in(said["piper"][name].heard))
    assert len(written & NATURAL[name].words) >= 4, written
    for other in NATURAL.keys() - {name}:
        assert not written & NATURAL[other].words, f"{other} was not said: {written}"


@pytest.mark.parametrize("name", PLAIN)
def test_espeak_s_alert_is_told_from_seven_others(said: Mapping[str, Mapping[str, Said]], name: str) -> None:
    sentences = [alert.spelled for alert in (*NATURAL.values(), *PLAIN.values(), *OTHERS)]
    assert len(sentences) == 8
    assert which_of(sentences, said["espeak"][name].heard, before=BEFORE) == PLAIN[name].spelled


def test_the_recogniser_finds_nothing_where_nothing_is_said() -> None:
    noise = np.random.default_rng(1).normal(0, 300, 2 * RATE)
    known = frozenset[str]().union(*(alert.words for alert in NATURAL.values()))
    assert not known & set(words_in(noise))
    assert not known & set(words_in(np.zeros(2 * RATE)))
