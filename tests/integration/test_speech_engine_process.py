"""Neural voices in the engine process and on the command line, with a stand-in for Coqui's process or without Coqui."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app.cli import checks_speech, tts_models
from gateway.app.cli.checks import CheckState
from gateway.app.engine import Engine
from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.store import open_record
from gateway.tts import coqui, coqui_models
from gateway.tts.coqui_models import SET_UP
from tests.command_line import CommandLine
from tests.waiting import until

_ABSENT = f"the extra coqui is not installed: {SET_UP}"


@pytest.fixture
def config(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a configuration whose one voice is the stand-in's. It waits for ``gate`` while it loads."""
    monkeypatch.setattr(coqui, "coqui_version", lambda: "0.28.0")
    monkeypatch.setattr(coqui, "_COMMAND", (sys.executable, "-m", "tests.neural_double"))
    model = tmp_path / "model"
    model.write_text(f"wait {tmp_path / 'gate'}", encoding="utf-8")
    return parse_config(
        f"var_dir: {tmp_path / 'var'}\ndatabase_url: {sqlite_url}\n"
        f"tts: {{engine: coqui, coqui: {{voices: {{en: {{model_path: {model}, config_path: {model}}}}}}}}}\n",
        {},
    )[0]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line on a machine without Coqui."""
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    for module in (coqui, coqui_models, tts_models):
        monkeypatch.setattr(module, "coqui_version", lambda: None)
    monkeypatch.setattr(coqui_models, "_catalogue", dict)
    line = CommandLine(tmp_path)
    line.write("tts: {engine: coqui, coqui: {voices: {en: {model: tts_models/en/ljspeech/vits}}}}\n")
    return line


def _said(config: Config) -> str | None:
    record = open_record(config.database_url, pool_size=1)
    try:
        with record.read() as work:
            return next((beat.parts.get("speech coqui") for beat in work.heartbeats.latest()), None)
    finally:
        record.close()


def test_the_engine_starts_at_once_and_tells_how_its_voices_are(config: Config, tmp_path: Path) -> None:
    engine = Engine(config)
    engine.start()
    try:
        until(lambda: _said(config) == "loading en", 30, "the engine has started and its voice is being loaded")
        finding = checks_speech.check_slow_engine(config)
        assert (finding.state, finding.detail) == (CheckState.WARNING, "the engine is loading en")
        (tmp_path / "gate").touch()
        until(lambda: _said(config) == "ok: 1 of 1 voices loaded", 30, "the voice is loaded")
        assert checks_speech.check_slow_engine(config).state is CheckState.OK
    finally:
        engine.stop()
    assert not engine.broken


def test_the_engine_stops_while_its_voices_are_being_loaded(config: Config) -> None:
    engine = Engine(config)
    engine.start()
    until(lambda: _said(config) == "loading en", 30, "its voice is being loaded")
    engine.stop()
    assert engine._own_speech is not None
    assert engine._own_speech.states() == {"coqui": "ok: loads its voices with the first text"}
    assert not engine.broken


def test_without_an_engine_the_doctor_loads_the_voices_itself(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks_speech, "_LOAD_LIMIT", timedelta(milliseconds=500))
    waiting = checks_speech.check_slow_engine(config)
    assert (waiting.state, waiting.detail) == (CheckState.WARNING, "the voice en is being loaded for 0 s already")
    monkeypatch.setattr(checks_speech, "_LOAD_LIMIT", timedelta(seconds=30))
    (tmp_path / "gate").touch()
    assert checks_speech.check_slow_engine(config).state is CheckState.OK
    (tmp_path / "model").write_text("refuse bad weights", encoding="utf-8")
    refused = checks_speech.check_slow_engine(config)
    assert refused.state is CheckState.FAILED
    assert "the voice en could not be loaded: bad weights" in refused.detail


def test_without_coqui_every_command_says_what_to_do(cli: CommandLine) -> None:
    (voice,) = [voice for voice in cli.json("tts", "voices", "--language", "en-US") if voice["engine"] == "coqui"]
    assert (voice["name"], voice["license"], voice["problem"]) == ("tts_models/en/ljspeech/vits", "unknown", _ABSENT)
    download = cli("tts", "download")
    assert (download.status, _ABSENT in download.err) == (1, True)
    alone = cli("tts", "say", "door open", "--language", "en", "--engine", "coqui", "--out", "a.wav")
    assert (alone.status, f"coqui: {_ABSENT}" in alone.err) == (1, True)
    config = parse_config((cli.directory / "tocsin.yaml").read_text(encoding="utf-8"), {})[0]
    finding = checks_speech.check_slow_engine(config)
    assert (finding.state, finding.detail) == (CheckState.FAILED, _ABSENT)


def test_without_coqui_espeak_speaks(cli: CommandLine) -> None:
    told = cli.json("tts", "say", "door open", "--language", "en", "--out", "a.wav")
    assert told["engine"] == "espeak"
    assert told["seconds"] > 0.3


def test_nothing_to_download_is_told(cli: CommandLine) -> None:
    for text in ("tts: {}\n", "tts: {coqui: {voices: {en: {model_path: a, config_path: b}}}}\n"):
        cli.write(text)
        ran = cli("tts", "download")
        assert (ran.status, "tts.coqui names no model to fetch" in ran.err) == (1, True)


def test_an_engine_that_has_no_voices_says_so(cli: CommandLine) -> None:
    cli.write("tts: {}\n")
    ran = cli("tts", "say", "x", "--language", "en", "--engine", "coqui", "--out", "a.wav")
    assert (ran.status, "add tts.coqui.voices, as in docs/speech.md" in ran.err) == (1, True)
