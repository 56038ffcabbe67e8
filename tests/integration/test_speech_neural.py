"""A neural engine that loads slowly, crashes, hangs and grows: no call waits for it longer than it may.

The engine is Coqui's, with a stand-in for its process (``tests.neural_double``). ``test_coqui.py`` has the real one.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import soundfile
from structlog.testing import capture_logs

from gateway.config.tts import CoquiConfig
from gateway.ports.speech import Audio, AudioFormat
from gateway.tts import coqui
from gateway.tts.cache import CachedSpeech
from gateway.tts.coqui import CoquiEngine
from gateway.tts.counts import SpeechFigures
from gateway.tts.engine import EngineNotReadyError, FallbackReason
from gateway.tts.espeak import EspeakEngine
from tests.waiting import until

_COMMAND = (sys.executable, "-m", "tests.neural_double")
_LIMIT = timedelta(seconds=5)
_LONG = timedelta(seconds=30)


class Rig:
    """Speech by coqui, and by espeak behind it. ``voices`` are what stands in the model files, by language."""

    def __init__(
        self, directory: Path, *, limit: timedelta = _LONG, rest: timedelta = timedelta(), **settings: object
    ) -> None:
        self.directory = directory
        voices = settings.pop("voices", {"en": "good"})
        assert isinstance(voices, dict)
        for language, order in voices.items():
            self.model(language).write_text(order, encoding="utf-8")
        self.config = CoquiConfig.model_validate(
            {"voices": {tag: dict.fromkeys(("model_path", "config_path"), str(self.model(tag))) for tag in voices}}
            | settings
        )
        self.coqui = CoquiEngine(self.config, models_dir=directory, command=_COMMAND)
        self.espeak = EspeakEngine()
        self.speech = CachedSpeech([self.coqui, self.espeak], directory / "audio", time_limit=limit, rest=rest)

    def model(self, language: str) -> Path:
        return self.directory / f"{language}.model"

    def say(self, text: str, language: str = "en") -> Audio:
        return self.speech.render(text, language=language, audio_format=AudioFormat.PHONE)

    def warm(self) -> None:
        self.speech.warm()
        until(lambda: self.coqui.state().startswith("ok: "), 30, "the voices are loaded")

    def is_speaking(self) -> bool:
        return self.coqui._keeper._current is not None

    def fallbacks(self) -> dict[FallbackReason, int]:
        return {reason: count for (_, reason), count in self.speech.figures().fallbacks.items()}


Start = Callable[..., Rig]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(coqui, "coqui_version", lambda: "0.28.0")
    monkeypatch.setattr("gateway.tts.pauses.FIRST_PAUSE", timedelta(milliseconds=20))
    rigs: list[Rig] = []

    def rig(**settings: object) -> Rig:
        rigs.append(Rig(tmp_path, **settings))  # type: ignore[arg-type]
        return rigs[-1]

    yield rig
    for one in rigs:
        one.speech.stop()
        assert one.coqui.worker_pid is None
        assert one.espeak.worker_pid is None


def test_a_warm_voice_speaks_and_a_language_without_one_goes_to_espeak(start: Start) -> None:
    rig = start(voices={"en": "good", "pt-BR": "good"})
    rig.warm()
    assert rig.coqui.state() == "ok: 2 of 2 voices loaded"
    assert [rig.say("door open", language).engine for language in ("en-GB", "pt-BR", "es")] == [
        "coqui",
        "coqui",
        "espeak",
    ]
    assert rig.say("door open").engine == "coqui"
    assert rig.speech.figures() == SpeechFigures(
        spoken={"coqui": 2, "espeak": 1}, cached={"coqui": 1}, fallbacks={("coqui", FallbackReason.NO_VOICE): 1}
    )


def test_nobody_waits_while_the_voices_are_loaded_and_the_next_call_has_them(start: Start, tmp_path: Path) -> None:
    rig = start(voices={"en": f"wait {tmp_path / 'gate'}"})
    rig.speech.warm()
    assert rig.say("door open").engine == "espeak"
    assert rig.speech.states() == {"coqui": "loading en"}
    (tmp_path / "gate").touch()
    until(lambda: rig.speech.figures().late == {"coqui": 1}, 30, "what was asked for meanwhile is spoken after loading")
    assert rig.say("door open").engine == "coqui"
    assert rig.speech.figures() == SpeechFigures(
        spoken={"espeak": 1},
        cached={"coqui": 1},
        late={"coqui": 1},
        fallbacks={("coqui", FallbackReason.NOT_READY): 1},
    )


def test_without_warm_the_voices_are_loaded_with_the_first_text(start: Start) -> None:
    rig = start(warm=False)
    rig.speech.warm()
    assert rig.speech.hurried.render("menu", language="en", audio_format=AudioFormat.PHONE).engine == "espeak"
    assert rig.coqui.state() == "ok: loads its voices with the first text"
    assert rig.coqui.worker_pid is None
    assert rig.say("door open").engine == "espeak"
    until(lambda: rig.say("door open").engine == "coqui", 30, "the first text loaded the voices")


def test_hurried_speech_waits_for_no_neural_voice_and_has_it_the_next_time(start: Start, tmp_path: Path) -> None:
    rig = start()
    rig.warm()
    held = threading.Thread(target=rig.say, args=(f"wait {tmp_path / 'gate'}",))
    held.start()
    until(rig.is_speaking, 30, "it speaks")
    hurried = [rig.speech.hurried.render("menu", language="en", audio_format=AudioFormat.PHONE) for _ in range(3)]
    assert [audio.engine for audio in hurried] == ["espeak"] * 3
    (tmp_path / "gate").touch()
    held.join()
    until(lambda: rig.say("menu").engine == "coqui", 30, "it was spoken when there was time")
    assert rig.speech.figures().late == {"coqui": 1}, "asked for three times, spoken and kept once"


def test_a_process_killed_in_mid_utterance_costs_its_call_the_voice_and_nothing_else(start: Start) -> None:
    rig = start(limit=_LIMIT)
    rig.warm()
    victim = rig.coqui.worker_pid
    with capture_logs() as logs:
        assert rig.say("die now").engine == "espeak"
    until(lambda: rig.say("door open").engine == "coqui", 30, "a fresh process has loaded the voice")
    assert rig.coqui.worker_pid != victim
    assert rig.fallbacks()[FallbackReason.FAILED] == 1
    (fallback,) = [entry for entry in logs if entry["event"] == "speech_fell_back"]
    assert fallback["reason"] == "the process of coqui ended before it answered (status -9)"
    assert [entry["failures"] for entry in logs if entry["event"] == "speech_engine_crashed"] == [1]


def test_a_killed_process_is_replaced_also_when_nobody_speaks(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.tts.keeper._LOOK_EVERY", timedelta(milliseconds=20))
    rig = start()
    rig.warm()
    victim = rig.coqui.worker_pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    until(lambda: rig.coqui.worker_pid not in {None, victim}, 30, "a fresh process was started")
    rig.warm()
    assert rig.say("door open").engine == "coqui"


def test_a_text_that_takes_too_long_is_spoken_by_espeak_and_kept_for_the_next_call(
    start: Start, tmp_path: Path
) -> None:
    rig = start(limit=timedelta(seconds=2))
    rig.warm()
    worker, text = rig.coqui.worker_pid, f"wait {tmp_path / 'gate'}"
    assert rig.say(text).engine == "espeak"
    assert rig.fallbacks() == {FallbackReason.TIMEOUT: 1}
    (tmp_path / "gate").touch()
    until(lambda: rig.speech.figures().late == {"coqui": 1}, 30, "the late speech is in the cache")
    assert rig.say(text).engine == "coqui"
    assert rig.coqui.worker_pid == worker, "being slow is no reason to load the voices again"


def test_a_hanging_process_is_killed_in_the_end(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.tts.kept.SPEAK_LIMIT", timedelta(seconds=1))
    rig = start(limit=timedelta(milliseconds=800))
    rig.warm()
    victim = rig.coqui.worker_pid
    assert rig.say("hang on").engine == "espeak"
    until(lambda: rig.coqui.worker_pid not in {None, victim}, 30, "the hanging process was replaced")
    rig.warm()
    assert rig.say("door open").engine == "coqui"


def test_after_a_failure_the_engine_rests_and_its_cache_is_used(start: Start) -> None:
    rig = start(rest=timedelta(hours=1))
    rig.warm()
    assert rig.say("door open").engine == "coqui"
    assert [rig.say(text).engine for text in ("die", "door closed", "door open")] == ["espeak", "espeak", "coqui"]
    assert rig.fallbacks() == {FallbackReason.FAILED: 1, FallbackReason.RESTING: 1}


def test_a_process_that_grows_too_large_is_ended(start: Start) -> None:
    rig = start(memory_limit="200MB")
    rig.warm()
    with capture_logs() as logs:
        assert rig.say("eat 400").engine == "espeak"
    until(lambda: rig.say("door open").engine == "coqui", 30, "a fresh process has loaded the voice")
    (fallback,) = [entry for entry in logs if entry["event"] == "speech_fell_back"]
    assert "MB of memory, and may take 200 MB" in fallback["reason"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("refuse no such letter", "no such letter"),
        ("nan", "numbers that are no sound"),
        ("babble", "500 s of 6 characters"),
    ],
)
def test_what_is_no_speech_is_spoken_by_espeak_and_the_engine_goes_on(start: Start, text: str, reason: str) -> None:
    rig = start(rest=timedelta(hours=1))
    rig.warm()
    worker = rig.coqui.worker_pid
    with capture_logs() as logs:
        assert rig.say(text).engine == "espeak"
    assert [reason in entry["reason"] for entry in logs if entry["event"] == "speech_fell_back"] == [True]
    assert rig.say("door open").engine == "coqui", "a text that cannot be spoken is no failure of the engine"
    assert rig.coqui.worker_pid == worker
    assert rig.fallbacks() == {FallbackReason.REFUSED: 1}


def test_a_process_that_says_it_is_broken_is_replaced(start: Start) -> None:
    rig = start()
    rig.warm()
    victim = rig.coqui.worker_pid
    assert rig.say("fatal CUDA error").engine == "espeak"
    until(lambda: rig.say("door open").engine == "coqui", 30, "a fresh process has loaded the voice")
    assert rig.coqui.worker_pid != victim


def test_a_voice_that_cannot_be_loaded_leaves_the_others(start: Start) -> None:
    rig = start(voices={"en": "refuse bad weights", "es": "good"})
    with capture_logs() as logs:
        rig.speech.warm()
        until(lambda: rig.say("puerta", "es").engine == "coqui", 30, "the other voice is loaded")
        assert rig.say("door open").engine == "espeak"
    assert "the voice en could not be loaded: bad weights" in rig.coqui.state()
    assert {entry["reason"] for entry in logs if entry["event"] == "speech_voice_not_loaded"} == {"bad weights"}
    rig.model("en").write_text("good", encoding="utf-8")
    rig.warm()
    assert rig.say("door open").engine == "coqui"


def test_a_voice_whose_loading_kills_the_process_is_tried_again_with_pauses(start: Start) -> None:
    rig = start(voices={"en": "die"})
    with capture_logs() as logs:
        rig.speech.warm()
        until(lambda: sum(e["event"] == "speech_engine_crashed" for e in logs) >= 4, 30, "it is tried again")
        assert rig.say("door open").engine == "espeak"
    pauses = [entry["failures"] for entry in logs if entry["event"] == "speech_engine_crashed"]
    assert pauses[:4] == [1, 2, 3, 4]
    assert "the voice en could not be loaded: the process of coqui ended" in rig.coqui.state()
    rig.model("en").write_text("good", encoding="utf-8")
    rig.warm()
    assert rig.say("door open").engine == "coqui"


def test_in_a_storm_few_wait_and_all_are_spoken(start: Start, tmp_path: Path) -> None:
    rig = start(limit=timedelta(seconds=4), rest=timedelta(seconds=30))
    rig.warm()
    engines: list[str] = []
    texts = [f"wait {tmp_path / 'gate'} {number}" for number in range(30)]
    threads = [threading.Thread(target=lambda text=text: engines.append(rig.say(text).engine)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engines == ["espeak"] * 30
    (tmp_path / "gate").touch()
    until(lambda: rig.speech.figures().late.get("coqui", 0) >= 8, 30, "what was begun is spoken for the next call")
    assert sum(rig.fallbacks().values()) == 30


def test_stopping_in_mid_utterance_ends_the_process_and_a_later_text_starts_anew(start: Start) -> None:
    rig = start()
    rig.warm()
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(rig.say("hang on").engine))
    thread.start()
    until(rig.is_speaking, 30, "it speaks")
    rig.coqui.stop()
    assert rig.coqui.worker_pid is None
    thread.join()
    assert said == ["espeak"]
    rig.warm()
    assert rig.say("door open").engine == "coqui"


def test_a_process_that_must_not_load_uses_what_another_one_rendered(start: Start) -> None:
    rig = start()
    rig.warm()
    rig.say("door open")
    other = CoquiEngine(rig.config, models_dir=rig.directory, may_load=False, command=["/nonexistent"])
    speech = CachedSpeech([other, rig.espeak], rig.directory / "audio", time_limit=_LONG)
    speech.warm()
    said = [
        speech.render(text, language="en", audio_format=AudioFormat.PHONE).engine for text in ("door open", "closed")
    ]
    assert said == ["coqui", "espeak"]
    assert other.worker_pid is None


def test_a_forked_process_loads_voices_of_its_own(start: Start) -> None:
    rig = start()
    rig.warm()
    worker = rig.coqui.worker_pid
    child = os.fork()
    if child == 0:
        try:
            with pytest.raises(EngineNotReadyError):
                rig.coqui.synthesize("one", voice=rig.coqui.voice_for("en"), time_limit=_LONG)
            until(lambda: rig.coqui.state() == "ok: 1 of 1 voices loaded", 30, "the child's own voice is loaded")
            status = 0 if rig.coqui.worker_pid not in {None, worker} else 1
            rig.coqui.stop()
        except BaseException:  # noqa: BLE001  the status is all that the parent sees
            status = 2
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rig.say("two").engine == "coqui"
    assert rig.coqui.worker_pid == worker


def test_the_process_ends_with_its_parent_also_in_mid_utterance(tmp_path: Path) -> None:
    program = (
        "import sys; from datetime import timedelta; from gateway.tts.worker_process import WorkerProcess\n"
        f"worker = WorkerProcess({_COMMAND!r}, name='double')\n"
        "load = {'do': 'load', 'voice': 'en', 'model_path': sys.argv[1]}\n"
        "worker.request(load, time_limit=timedelta(seconds=30)); print(worker.pid, flush=True)\n"
        "worker.request({'do': 'speak', 'voice': 'en', 'text': 'hang'}, time_limit=timedelta(seconds=60))\n"
    )
    model = tmp_path / "model"
    model.write_text("good", encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", program, str(model)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(next(line for line in parent.stdout if line.strip().isdigit()))
        parent.kill()
    until(lambda: not Path(f"/proc/{worker}").exists(), 30, "the process ended with its parent")


def test_rendered_speech_is_a_file_that_asterisk_plays(start: Start) -> None:
    rig = start()
    rig.warm()
    spoken = soundfile.info(str(rig.say("door open").path))
    assert (spoken.samplerate, spoken.channels) == (8000, 1)
    assert spoken.duration == pytest.approx(0.5, abs=0.1)
