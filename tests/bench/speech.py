"""Seconds from a text to its sound, by engine; and calls that speech delayed, which must be none.

What is measured is what a call waits for: the file that Asterisk plays, written and at its level. Beside it stands the
library alone in a new process, which speaks the same texts and does nothing with them.
"""

import importlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from statistics import median

import soundfile

from gateway.config.tts import CoquiConfig, PiperConfig
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.coqui import CoquiEngine
from gateway.tts.coqui_models import coqui_version
from gateway.tts.coqui_worker import make_importable
from gateway.tts.engine import Engine, SlowEngine
from gateway.tts.espeak import EspeakEngine
from gateway.tts.espeak_worker import Espeak
from gateway.tts.piper import PiperEngine
from gateway.tts.piper_voices import models, piper_version
from gateway.wording import phrases
from tests.bench.apart import apart
from tests.bench.plan import Plan
from tests.bench.results import Result, median_and_worst
from tests.bench.speech_calls import measure_calls

_LIMIT = timedelta(seconds=60)
_COUNT = 25
# Words alone, no digits: the tiny model knows none.
_WHAT = ("forced open", "left open", "blocked by a truck", "without power", "full of smoke", "under water")
_WHERE = ("North gate", "Loading dock", "Parking garage", "Main entrance", "Boiler room", "Car wash", "Roof terrace")

# Seconds that loading took, and those of each text.
Bare = tuple[float, list[float]]


def measure(plan: Plan) -> Iterator[Result]:
    """Speak announcements that were never spoken before, by each engine that is installed; then place calls."""
    texts = list(itertools.islice(_announcements(), plan.count(_COUNT)))
    yield from _cached(plan, texts)
    yield from _engine(plan, "espeak", EspeakEngine(), texts, apart(bare_espeak, texts))
    if piper_version() is None:
        plan.note("piper is not installed, and so not measured: pip install 'tocsin[piper]'")
    else:
        yield from _engine(plan, "piper", PiperEngine(PiperConfig()), texts, apart(bare_piper, texts))
    if coqui_version() is None:
        plan.note("coqui is not installed, and so not measured: make bench COQUI=1")
    else:
        yield from _coqui(plan, texts)
    if piper_version() is not None:
        yield from measure_calls(plan)


def _announcements() -> Iterator[str]:
    for what, where in itertools.product(_WHAT, _WHERE):
        yield phrases.announcement(
            "en", license_name="Acme", severity="critical", title=f"{where} {what}", body="The guard does not answer."
        )


def _engine(plan: Plan, name: str, engine: Engine, texts: Sequence[str], bare: Bare) -> Iterator[Result]:
    """Measure an engine with an empty cache, from the start of its process on."""
    bare_loading, bare_seconds = bare
    voice = engine.voice_for("en")
    speech = CachedSpeech([engine], plan.directory / f"audio-{name}", time_limit=_LIMIT)
    try:
        plan.say(f"{name}: loading")
        began = time.monotonic()
        if isinstance(engine, SlowEngine):
            engine.load(voice, time_limit=_LIMIT)
        else:
            engine.synthesize("One.", voice=voice, time_limit=_LIMIT)
        loading = time.monotonic() - began
        seconds, lengths = [], []
        for number, text in enumerate(texts):
            plan.say(f"{name}: text {number + 1} of {len(texts)}")
            began = time.monotonic()
            audio = speech.render(text, language="en", audio_format=AudioFormat.PHONE)
            seconds.append(time.monotonic() - began)
            lengths.append(audio.duration.total_seconds())
    finally:
        speech.stop()
    reference = "the library alone"
    yield Result(
        name=f"{name}: start of its process, voice loaded",
        unit="s",
        value=loading,
        reference=reference,
        reference_value=bare_loading,
    )
    yield from median_and_worst(
        f"{name}: first audio of a new announcement of {median(lengths):.0f} s", reference, seconds, bare_seconds
    )


def _cached(plan: Plan, texts: Sequence[str]) -> Iterator[Result]:
    """Measure announcements that another process has spoken before."""
    engine, directory = EspeakEngine(), plan.directory / "audio-cached"
    first = CachedSpeech([engine], directory, time_limit=_LIMIT)
    for text in texts:
        first.render(text, language="en", audio_format=AudioFormat.PHONE)
    first.stop()
    speech = CachedSpeech([engine], directory, time_limit=_LIMIT)
    seconds, bare = [], []
    for text in texts:
        began = time.monotonic()
        audio = speech.render(text, language="en", audio_format=AudioFormat.PHONE)
        seconds.append(time.monotonic() - began)
        began = time.monotonic()
        soundfile.info(str(audio.path))
        bare.append(time.monotonic() - began)
    speech.stop()
    assert speech.figures().cached == {"espeak": len(texts)}
    yield from median_and_worst("cached: first audio", "looking at the file alone", seconds, bare)


def _coqui(plan: Plan, texts: Sequence[str]) -> Iterator[Result]:
    """Measure Coqui's code on a tiny model: it shows what Coqui itself takes, not what a real model does."""
    plan.say("coqui: a tiny model is made")
    directory = plan.directory / "tiny"
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.tiny_vits", directory], check=True)
    files = {"model_path": str(directory / "model.pth"), "config_path": str(directory / "config.json")}
    engine = CoquiEngine(CoquiConfig.model_validate({"voices": {"en": files}}), models_dir=plan.directory / "models")
    yield from _engine(plan, "coqui, tiny model of random weights", engine, texts, apart(bare_coqui, texts, files))


def bare_espeak(texts: Sequence[str]) -> Bare:
    """Speak with espeak-ng's library in this process, which must be one of its own."""

    def load() -> Callable[[str], object]:
        espeak = Espeak()
        return lambda text: espeak.speak(text, voice="en", words_per_minute=155)

    return _bare(load, texts)


def bare_piper(texts: Sequence[str]) -> Bare:
    """Speak with the package ``piper-tts`` in this process, as its documentation shows it."""

    def load() -> Callable[[str], object]:
        model = models(PiperConfig())["en"]
        voice = importlib.import_module("piper").PiperVoice.load(model.model_path, model.config_path)
        return lambda text: list(voice.synthesize(text))

    return _bare(load, texts)


def bare_coqui(texts: Sequence[str], files: dict[str, str]) -> Bare:
    """Speak with the package ``coqui-tts`` in this process, as its documentation shows it."""

    def load() -> Callable[[str], object]:
        make_importable()
        # With as many threads as in the gateway: on a busy machine more of them are slower.
        importlib.import_module("torch").set_num_threads(max((os.cpu_count() or 1) - 1, 1))
        speak: Callable[[str], object] = importlib.import_module("TTS.api").TTS(progress_bar=False, **files).tts
        return speak

    return _bare(load, texts)


def _bare(load: Callable[[], Callable[[str], object]], texts: Sequence[str]) -> Bare:
    began = time.monotonic()
    speak = load()
    speak("One.")
    loading, seconds = time.monotonic() - began, []
    for text in texts:
        began = time.monotonic()
        speak(text)
        seconds.append(time.monotonic() - began)
    return loading, seconds
