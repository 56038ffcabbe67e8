"""Coqui's own code, from loading a model to its samples, on a tiny model that is made here.

The tests are left out where the extra ``coqui`` is not installed, and fail there with ``COQUI=1``.
"""

import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from gateway.app.cli import checks_speech
from gateway.app.cli.checks import ok
from gateway.config.loader import load
from gateway.config.tts import CoquiConfig
from gateway.ports.speech import AudioFormat
from gateway.tts.cache import CachedSpeech
from gateway.tts.coqui import CoquiEngine
from gateway.tts.coqui_models import coqui_version
from gateway.tts.engine import EngineNotReadyError, Pcm, TextRefusedError
from gateway.tts.espeak import EspeakEngine
from tests.command_line import CommandLine
from tests.waiting import until

pytestmark = [
    pytest.mark.coqui,
    pytest.mark.skipif(
        coqui_version() is None and os.environ.get("COQUI") != "1", reason="the extra coqui is not installed"
    ),
]

_LIMIT = timedelta(seconds=60)
_NAME = "tts_models/en/ljspeech/vits"
Engines = Callable[..., CoquiEngine]


def _made(directory: Path, *speakers: str) -> Path:
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.tiny_vits", directory, *speakers], check=True)
    return directory


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def choir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made(tmp_path_factory.mktemp("models") / "choir", "ana", "ben")


def _files(model: Path) -> dict[str, str]:
    return {"model_path": str(model / "model.pth"), "config_path": str(model / "config.json")}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engines]:
    engines: list[CoquiEngine] = []

    def built(voices: dict[str, dict[str, str]], **settings: object) -> CoquiEngine:
        config = CoquiConfig.model_validate({"voices": voices, "threads": 1, **settings})
        engines.append(CoquiEngine(config, models_dir=tmp_path / "models"))
        return engines[-1]

    yield built
    for one in engines:
        one.stop()
        assert one.worker_pid is None


@pytest.fixture(scope="module")
def tiny(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoquiEngine]:
    """Return an engine with its voice loaded, for tests that do it no harm."""
    config = CoquiConfig.model_validate({"voices": {"en": _files(model)}, "threads": 1})
    one = CoquiEngine(config, models_dir=tmp_path_factory.mktemp("none"))
    one.warm()
    until(lambda: one.state() == "ok: 1 of 1 voices loaded", 60, "the voice is loaded")
    yield one
    one.stop()


def _say(engine: CoquiEngine, text: str, language: str = "en") -> Pcm:
    return engine.synthesize(text, voice=engine.voice_for(language), time_limit=_LIMIT)


def test_a_voice_from_files_speaks_and_the_same_text_sounds_the_same(tiny: CoquiEngine) -> None:
    spoken = _say(tiny, "Parking lot nearly full. Two cars wait at the gate.")
    assert spoken.rate == 22050
    assert spoken.samples.size / spoken.rate > 1
    assert float(np.abs(spoken.samples).max()) > 0.01
    again = _say(tiny, "Parking lot nearly full. Two cars wait at the gate.")
    assert np.array_equal(spoken.samples, again.samples)


def test_what_the_voice_would_leave_out_is_refused(tiny: CoquiEngine) -> None:
    with pytest.raises(TextRefusedError, match=r"would leave out 3$"):
        _say(tiny, "gate 3 was forced")
    with pytest.raises(TextRefusedError, match="would leave out 北 门"):
        _say(tiny, "北门")
    assert _say(tiny, "gate three was forced").samples.size


def test_a_call_and_a_voice_note_are_rendered_from_it(tiny: CoquiEngine, tmp_path: Path) -> None:
    espeak = EspeakEngine()
    speech = CachedSpeech([tiny, espeak], tmp_path, time_limit=_LIMIT)
    for audio_format in AudioFormat:
        audio = speech.render("North gate forced open", language="en", audio_format=audio_format)
        assert (audio.engine, audio.duration > timedelta(seconds=0.3)) == ("coqui", True)
    assert speech.render("gate 3", language="en", audio_format=AudioFormat.PHONE).engine == "espeak"
    espeak.stop()


def test_killing_it_in_mid_utterance_delays_no_call_beyond_the_limit(
    engine: Engines, model: Path, tmp_path: Path
) -> None:
    coqui, espeak = engine({"en": _files(model)}), EspeakEngine()
    speech = CachedSpeech([coqui, espeak], tmp_path / "audio", time_limit=timedelta(seconds=30), rest=timedelta())
    speech.warm()
    until(lambda: coqui.state().startswith("ok: 1"), 60, "the voice is loaded")
    said: list[str] = []
    text = "The north gate was forced open and nobody answers. " * 40
    caller = threading.Thread(
        target=lambda: said.append(speech.render(text, language="en", audio_format=AudioFormat.PHONE).engine)
    )
    caller.start()
    until(lambda: coqui._keeper._current is not None, 30, "it speaks")
    assert coqui.worker_pid is not None
    os.kill(coqui.worker_pid, signal.SIGKILL)
    caller.join()
    assert said == ["espeak"]
    until(lambda: coqui.state().startswith("ok: 1"), 60, "a fresh process has loaded the voice")
    assert speech.render("door open", language="en", audio_format=AudioFormat.PHONE).engine == "coqui"
    espeak.stop()


def test_with_too_little_memory_it_is_ended_and_says_so(engine: Engines, model: Path) -> None:
    coqui = engine({"en": _files(model)}, memory_limit="150MB")
    with pytest.raises(EngineNotReadyError, match=r"took \d+ MB of memory, and may take 150 MB"):
        coqui.load(coqui.voice_for("en"), time_limit=_LIMIT)
    assert "of memory" in coqui.state()


def test_stopping_it_while_it_loads_does_not_wait(engine: Engines, model: Path) -> None:
    coqui = engine({"en": _files(model)})
    coqui.warm()
    until(lambda: coqui.worker_pid, 30, "its process is started")
    coqui.stop()
    assert coqui.worker_pid is None


def test_a_voice_that_cannot_be_loaded_says_why_and_leaves_the_others(
    engine: Engines, choir: Path, tmp_path: Path
) -> None:
    no_model = tmp_path / "model.pth"
    no_model.write_text("no model", encoding="utf-8")
    voices = {"en": {}, "es": {"speaker": "cid"}, "fr": {"speaker": "ben"}, "de": {"speaker": "ana", "language": "de"}}
    files = {tag: _files(choir) | choice for tag, choice in voices.items()}
    coqui = engine({**files, "it": _files(choir) | {"model_path": str(no_model)}})
    for tag, told in (
        ("en", "the model has several: write speaker: one of ana, ben"),
        ("es", "speaker 'cid' is none of the model's: it has ana, ben"),
        ("de", "language 'de' is none of the model's: it has no choice of a language"),
        ("it", "the voice it could not be loaded: "),
    ):
        with pytest.raises(EngineNotReadyError, match=told):
            coqui.load(coqui.voice_for(tag), time_limit=_LIMIT)
    coqui.load(coqui.voice_for("fr"), time_limit=_LIMIT)
    assert _say(coqui, "porte ouverte", "fr").samples.size


def test_models_that_are_absent_unknown_or_not_for_commerce_are_refused(engine: Engines) -> None:
    xtts = "tts_models/multilingual/multi-dataset/xtts_v2"
    with capture_logs() as logs:
        coqui = engine({"en": {"model": _NAME}, "es": {"model": "tts_models/es/x/y"}, "fr": {"model": xtts}})
    assert not coqui.voices()
    assert coqui.refusals["en"] == (
        f"{_NAME} is not on this machine: run tocsin tts download, or give model_path and config_path"
    )
    assert coqui.refusals["es"].startswith("Coqui has no model tts_models/es/x/y: for es it has tts_models/es/mai/")
    assert coqui.refusals["fr"].startswith(f"{xtts} may not be used commercially (licence CPML): ")
    assert len([entry for entry in logs if entry["event"] == "speech_voice_refused"]) == 3
    accepting = engine({"fr": {"model": xtts, "language": "fr"}}, accept_non_commercial=True)
    assert "is not on this machine" in accepting.refusals["fr"]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    return CommandLine(tmp_path)


def test_a_download_with_the_hub_out_of_reach_says_what_to_do_instead(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    cli.write(f"tts: {{engine: coqui, coqui: {{voices: {{en: {{model: {_NAME}}}}}}}}}")
    ran = cli("tts", "download", "--json")
    assert ran.status == 1
    assert f"{_NAME}: its files could not be fetched from https://github.com/" in ran.json["message"]
    assert "Connection refused" in ran.json["message"]
    assert "name them by model_path and config_path" in ran.json["message"]
    assert not [path for path in (cli.directory / "var" / "models").rglob("*") if path.is_file()]


class _Hub:
    """A model hub on this machine. Coqui's manager is given its address by a patch in the process that fetches."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def place(self, name: str) -> Path:
        return self.directory / name.replace("/", "--")

    def fetch(self, models_dir: Path, *names: str) -> dict[str, str | None]:
        """Fetch models; return what went wrong with each."""
        program = (
            "import sys; from gateway.tts import coqui_download as d; d.make_importable()\n"
            "import TTS.utils.manage as m; item = m.ModelManager._set_model_item\n"
            "def patched(self, name):\n"
            "    found = item(self, name)\n"
            "    found[0]['github_rls_url'] = sys.argv[1] + '/' + name.replace('/', '--') + '.zip'; return found\n"
            "m.ModelManager._set_model_item = patched; sys.exit(d.main(sys.argv[2:]))\n"
        )
        url = f"http://127.0.0.1:{self._server.server_port}"
        command = [sys.executable, "-W", "ignore", "-c", program, url, str(models_dir), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = {line["model"]: line["error"] for line in map(json.loads, done.stdout.splitlines())}
        assert done.returncode == any(told.values()), done.stderr
        return told

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[_Hub]:
    one = _Hub(tmp_path / "hub")
    yield one
    one.close()


def test_what_is_fetched_speaks_without_the_hub_and_what_is_no_model_leaves_nothing_behind(
    hub: _Hub, engine: Engines, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent, page, readme = (f"tts_models/{language}/css10/vits" for language in ("es", "fr", "hu"))
    shutil.copytree(model, tmp_path / "good" / "inside")
    archive = Path(shutil.make_archive(str(hub.place(_NAME)), "zip", tmp_path / "good"))
    hub.place(page).with_suffix(".zip").write_bytes(b"<html>Please sign in</html>")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "README").write_text("no model", encoding="utf-8")
    shutil.make_archive(str(hub.place(readme)), "zip", tmp_path / "bad")
    told = hub.fetch(tmp_path / "models", _NAME, absent, page, readme)
    assert told[_NAME] is None
    for name, problem in (
        (absent, "404"),
        (page, "not a zip file"),
        (readme, "what was fetched is no model that works"),
    ):
        assert problem in str(told[name])
    assert [path.name for path in (tmp_path / "models" / "tts").iterdir()] == [_NAME.replace("/", "--")]
    assert not list((tmp_path / "models").glob(".downloading-*"))
    archive.unlink()
    assert hub.fetch(tmp_path / "models", _NAME) == {_NAME: None}, "what is here is not fetched again"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    coqui = engine({"en": {"model": _NAME}})
    voice = coqui.voice_for("en-US")
    assert (voice.name, voice.license) == (_NAME, "apache 2.0")
    coqui.load(voice, time_limit=_LIMIT)
    assert _say(coqui, "door open").samples.size


def test_the_command_line_speaks_with_it(cli: CommandLine, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = _files(model)
    cli.write(
        "tts:\n  engine: coqui\n  coqui:\n    threads: 1\n    voices:\n      en:\n"
        "        license: CC0\n"
        f"        model_path: {files['model_path']}\n        config_path: {files['config_path']}\n"
    )
    told = cli.json("tts", "say", "door open", "--language", "en", "--engine", "coqui", "--out", "a.wav")
    assert (told["engine"], told["seconds"] > 0.3) == ("coqui", True)
    voices = [voice for voice in cli.json("tts", "voices", "--language", "en") if voice["engine"] == "coqui"]
    assert [(voice["language"], voice["license"], voice["problem"]) for voice in voices] == [("en", "CC0", None)]
    absent = cli("tts", "say", "puerta", "--language", "es", "--engine", "coqui", "--out", "a.wav")
    assert (absent.status, "coqui has no voice for the language 'es'; it speaks en" in absent.err) == (1, True)
    monkeypatch.setattr(checks_speech, "_LOAD_LIMIT", _LIMIT)
    assert checks_speech.check_slow_engine(load(cli.directory / "tocsin.yaml", {})) == ok(
        f"en by {files['model_path']}"
    )
