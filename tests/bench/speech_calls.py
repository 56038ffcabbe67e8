"""Calls on a real Asterisk while the neural voice is loaded, works, hangs and dies: speech may delay none of them.

A call counts as delayed where its INVITE came later after its alert than ``tts.time_limit`` and the second that
everything else may take. Every alert is another text, so that nothing comes from the cache.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from gateway.app.speech import audio_dir
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.espeak import EspeakEngine
from gateway.wording import phrases
from tests.bench.plan import Plan
from tests.bench.results import Result
from tests.telephony.carrier import answers
from tests.telephony.phone_site import PhoneSite
from tests.waiting import until
from tests.workers import voice_pid

_TIME_LIMIT = 5.0  # seconds, tts.time_limit: what it is unless configured
_ALL_ELSE = 1.0  # seconds from the alert to the INVITE without speech, which is what `calls` has as its target
_CALLS = 12
_EVERY = 0.8  # seconds between alerts
_WORKER = "gateway.tts.piper_worker"
_TRUNK = "carrier"


@dataclass(frozen=True, slots=True)
class _Placed:
    """Seconds from each alert's post to its INVITE, and how many of the announcements espeak spoke."""

    late: list[float]
    by_espeak: int


def measure_calls(plan: Plan) -> Iterator[Result]:
    """Place calls with espeak alone, and then with piper in each of its moods."""
    count = plan.count(_CALLS)
    with _site(plan, "espeak") as site:
        alone = _place(plan, site, "espeak speaks alone", count)
    moods = {"works": _well, "hangs": _hanging, "dies": _dying}
    with _site(plan, "piper") as site:
        yield from _results("is loaded", _place(plan, site, "piper is loaded", count), alone)
        for mood, disturbance in moods.items():
            # An engine that failed is left alone for half a minute: a new process asks it at once.
            site.gateway.stop()
            began = site.gateway.log.stat().st_size
            site.gateway.start()
            until(lambda: _is_loaded(site, began), 120, "the voice is loaded", every=0.1)  # noqa: B023
            with disturbance(site):
                placed = _place(plan, site, f"piper {mood}", count)
            yield from _results(mood, placed, alone)


def _results(mood: str, placed: _Placed, alone: _Placed) -> Iterator[Result]:
    late = placed.late
    yield Result(
        name=f"calls that speech delayed beyond tts.time_limit, while piper {mood}",
        unit="calls",
        value=sum(seconds > _TIME_LIMIT + _ALL_ELSE for seconds in late),
        reference="calls placed",
        reference_value=len(late),
        target=0,
    )
    yield Result(
        name=f"calls that heard espeak instead, while piper {mood}",
        unit="calls",
        value=placed.by_espeak,
        reference="calls placed",
        reference_value=len(late),
    )
    for word, pick in (("median", median), ("worst", max)):
        yield Result(
            name=f"alert posted to INVITE, {word}, while piper {mood}",
            unit="ms",
            value=pick(late) * 1000,
            reference="espeak alone",
            reference_value=pick(alone.late) * 1000,
        )


def _site(plan: Plan, engine: str) -> PhoneSite:
    settings = {"tts": {"engine": engine, "time_limit": f"{_TIME_LIMIT:g}s"}}
    return PhoneSite(plan.directory / f"calls-{engine}", {"pbx1": {_TRUNK: {"max_calls": 60}}}, settings=settings)


def _place(plan: Plan, site: PhoneSite, what: str, count: int) -> _Placed:
    """Post alerts at a steady pace, whatever becomes of them, and wait until all calls are over."""
    people = [site.person(name=_name(what, number)) for number in range(count)]
    posted: dict[str, float] = {}
    event_ids, announcements = [], []
    begin = time.monotonic()
    for number, person in enumerate(people):
        plan.say(f"{what}: call {number + 1} of {count}")
        site.does(person, answers(presses="1", after=0.3))
        until(lambda: time.monotonic() >= begin + number * _EVERY, 60, "it is time", every=0.01)  # noqa: B023
        posted[person.number] = time.time()
        alert = {"title": f"Gate {number} forced", "body": f"While {what}.", "severity": "critical"}
        announcements.append(phrases.announcement("en", license_name=_name(what, number), **alert))
        event_ids.append(site.gateway.post(person.token, **alert))
    site.finished(event_ids, timeout=120)
    first: dict[str, float] = {}
    for call in site.carriers[_TRUNK].invites:
        first.setdefault(call.number, call.at)
    return _Placed([first[number] - at for number, at in posted.items()], _left_to_espeak(site, announcements))


def _name(what: str, number: int) -> str:
    return f"{what} {number}"


def _left_to_espeak(site: PhoneSite, announcements: Sequence[str]) -> int:
    """Return how many of the announcements espeak spoke: of these there is a file, whatever piper made afterwards."""
    engine = EspeakEngine()
    speech = CachedSpeech([engine], audio_dir(site.gateway.config), time_limit=timedelta(minutes=1))
    try:
        for text in announcements:
            speech.render(text, language="en", audio_format=AudioFormat.PHONE)
    finally:
        speech.stop()
    return speech.figures().cached.get(engine.name, 0)


def _is_loaded(site: PhoneSite, since: int) -> bool:
    """Tell whether the engine has logged that its voice is loaded, after so many bytes of its log."""
    return b"speech_voice_loaded" in site.gateway.log.read_bytes()[since:]


@contextmanager
def _well(_site: PhoneSite) -> Iterator[None]:
    yield


@contextmanager
def _hanging(site: PhoneSite) -> Iterator[None]:
    """Have the voice's process stand still."""
    pid = voice_pid(site.gateway, _WORKER)
    assert pid is not None, "piper has no process"
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        # The gateway ends it where it stands still for too long.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def _dying(site: PhoneSite) -> Iterator[None]:
    """Kill the voice's process again and again."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.5):
            if (pid := voice_pid(site.gateway, _WORKER)) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill, name="killer")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
