"""Cached speech: with espeak-ng, and with engines that misbehave."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from structlog.testing import capture_logs

from gateway.ports.phone import Prompt
from gateway.ports.speech import AudioFormat, SpeechError
from gateway.tts import audio
from gateway.tts.audio_files import AudioFiles
from gateway.tts.cache import CachedSpeech
from gateway.tts.engine import EngineFailedError, EngineTimeoutError, Pcm, UnknownLanguageError, Voice
from gateway.tts.espeak import EspeakEngine
from gateway.tts.prompts import render_prompts
from tests.waiting import until

_LIMIT = timedelta(seconds=30)


@dataclass
class FakeEngine:
    """Hums for a tenth of a second a word; or fails, or hangs, as told."""

    name: str = "fake"
    version: str = "1"
    languages: tuple[str, ...] = ("en", "es")
    fails_with: Exception | None = None
    hangs_until: threading.Event | None = None
    asked: list[str] = field(default_factory=list)

    def voices(self) -> Sequence[Voice]:
        return [Voice(self.name, language, f"hum-{language}") for language in self.languages]

    def voice_for(self, language: str) -> Voice:
        if language not in self.languages:
            raise UnknownLanguageError(f"{self.name} has no voice for {language}")
        return Voice(self.name, language, f"hum-{language}")

    def synthesize(self, text: str, *, voice: Voice, time_limit: timedelta) -> Pcm:
        assert voice.engine == self.name
        assert time_limit > timedelta()
        self.asked.append(text)
        if self.hangs_until is not None:
            self.hangs_until.wait()
        if self.fails_with is not None:
            raise self.fails_with
        times = np.arange(1600 * len(text.split())) / 16000
        return Pcm(np.sin(2 * np.pi * 300 * times).astype(np.float32) * np.float32(0.1), 16000)

    def stop(self) -> None:
        if self.hangs_until is not None:
            self.hangs_until.set()


@pytest.fixture(scope="module")
def espeak() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.stop()


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(".")]


def _size(directory: Path) -> int:
    size = 0
    for path in _files(directory):
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


@pytest.mark.parametrize("language", ["en", "pt-BR", "zh-HK", "it"])
def test_prompts_are_rendered_ahead_in_a_language_that_can_be_spoken(
    espeak: EspeakEngine, tmp_path: Path, language: str
) -> None:
    prompts = render_prompts(CachedSpeech([espeak], tmp_path, time_limit=_LIMIT), language)
    assert set(prompts) == set(Prompt)
    assert len(set(prompts.values())) == len(Prompt)
    assert all(soundfile.info(str(path)).samplerate == 8000 for path in prompts.values())


def test_two_minutes_of_speech_make_a_voice_note_that_whatsapp_plays(espeak: EspeakEngine, tmp_path: Path) -> None:
    speech = CachedSpeech([espeak], tmp_path, time_limit=_LIMIT)
    rendered = speech.render(
        "The barrier has been open for more than two minutes. " * 40, language="en", audio_format=AudioFormat.VOICE_NOTE
    )
    assert timedelta(minutes=1, seconds=50) < rendered.duration < timedelta(minutes=2, seconds=40)
    assert rendered.path.stat().st_size < 512 * 1000


@pytest.mark.parametrize("text", ["a\0b", "🔥 fire", "مرحبا", "word " * 1000], ids=["nul", "emoji", "arabic", "long"])
def test_odd_texts_are_spoken(espeak: EspeakEngine, tmp_path: Path, text: str) -> None:
    speech = CachedSpeech([espeak], tmp_path, time_limit=_LIMIT)
    assert speech.render(text, language="en", audio_format=AudioFormat.PHONE).duration > timedelta(seconds=0.2)


@pytest.mark.parametrize("text", ["", " \n", "\0", "word " * 5000])
def test_empty_and_endless_texts_are_errors(tmp_path: Path, text: str) -> None:
    engine = FakeEngine()
    with pytest.raises(SpeechError, match=r"empty|too long"):
        CachedSpeech([engine], tmp_path, time_limit=_LIMIT).render(text, language="en", audio_format=AudioFormat.PHONE)
    assert not engine.asked


def test_what_was_spoken_before_comes_from_the_cache_also_after_a_restart(tmp_path: Path) -> None:
    engine = FakeEngine()
    first, *others = [
        CachedSpeech([engine], tmp_path, time_limit=_LIMIT).render(text, language="en", audio_format=AudioFormat.PHONE)
        for text in ("door open", "door open", " door\topen\n")
    ]
    assert others == [first, first]
    assert engine.asked == ["door open"]


def test_whatever_sounds_different_has_a_file_of_its_own(tmp_path: Path) -> None:
    def path(engine: FakeEngine, text: str, language: str, audio_format: AudioFormat) -> Path:
        speech = CachedSpeech([engine], tmp_path, time_limit=_LIMIT)
        return speech.render(text, language=language, audio_format=audio_format).path

    paths = {
        path(FakeEngine(), "door", "en", AudioFormat.PHONE),
        path(FakeEngine(), "gate", "en", AudioFormat.PHONE),
        path(FakeEngine(), "door", "es", AudioFormat.PHONE),
        path(FakeEngine(), "door", "en", AudioFormat.VOICE_NOTE),
        path(FakeEngine(version="2"), "door", "en", AudioFormat.PHONE),
        path(FakeEngine(name="other"), "door", "en", AudioFormat.PHONE),
    }
    assert len(paths) == 6


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVE", b"nonsense" * 100])
def test_a_corrupt_cached_file_is_rendered_again(tmp_path: Path, content: bytes) -> None:
    speech = CachedSpeech([FakeEngine()], tmp_path, time_limit=_LIMIT)
    first = speech.render("door open", language="en", audio_format=AudioFormat.PHONE)
    good = first.path.read_bytes()
    first.path.write_bytes(content)
    assert speech.render("door open", language="en", audio_format=AudioFormat.PHONE).path == first.path
    assert first.path.read_bytes() == good


def test_threads_that_render_the_same_text_end_with_one_good_file(espeak: EspeakEngine, tmp_path: Path) -> None:
    speech = CachedSpeech([espeak], tmp_path, time_limit=_LIMIT)
    barrier = threading.Barrier(8)
    rendered: list[timedelta] = []

    def render() -> None:
        barrier.wait(60)
        rendered.append(speech.render("door open", language="en", audio_format=AudioFormat.PHONE).duration)

    threads = [threading.Thread(target=render) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(rendered) == 8
    (file,) = _files(tmp_path)
    assert soundfile.info(str(file)).frames > 1000


def test_processes_that_render_the_same_text_end_with_one_good_file(tmp_path: Path) -> None:
    program = (
        "import sys; from datetime import timedelta; from pathlib import Path\n"
        "from gateway.ports.speech import AudioFormat; from gateway.tts.cache import CachedSpeech\n"
        "from gateway.tts.espeak import EspeakEngine\n"
        "speech = CachedSpeech([EspeakEngine()], Path(sys.argv[1]), time_limit=timedelta(seconds=30))\n"
        "sys.stdin.readline()\n"
        "speech.render('door open', language='en', audio_format=AudioFormat.PHONE); speech.stop()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        for _ in range(3)
    ]
    for process in processes:
        process.communicate(b"go\n", timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    (file,) = _files(tmp_path)
    assert soundfile.info(str(file)).frames > 1000


def test_a_failing_engine_falls_back_to_the_default_one_and_is_logged(tmp_path: Path) -> None:
    failing, default = FakeEngine(name="natural", fails_with=RuntimeError("no weights")), FakeEngine(name="default")
    speech = CachedSpeech([failing, default], tmp_path, time_limit=_LIMIT)
    with capture_logs() as logs:
        rendered = speech.render("door open", language="en", audio_format=AudioFormat.PHONE)
    assert rendered.engine == "default"
    warnings = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [(entry["event"], entry["engine"]) for entry in warnings] == [("speech_fell_back", "natural")]
    assert "no weights" in warnings[0]["reason"]


def test_an_engine_that_failed_rests_and_is_then_asked_again(tmp_path: Path) -> None:
    failing, default = FakeEngine(name="natural", fails_with=EngineFailedError("no")), FakeEngine(name="default")
    resting = CachedSpeech([failing, default], tmp_path, time_limit=_LIMIT, rest=timedelta(hours=1))
    for text in ("one", "two"):
        assert resting.render(text, language="en", audio_format=AudioFormat.PHONE).engine == "default"
    assert failing.asked == ["one"]
    failing.fails_with = None
    eager = CachedSpeech([failing, default], tmp_path, time_limit=_LIMIT, rest=timedelta())
    assert eager.render("three", language="en", audio_format=AudioFormat.PHONE).engine == "natural"


def test_an_engine_that_hangs_against_all_agreements_leaves_time_for_the_default_one(tmp_path: Path) -> None:
    hanging, default = FakeEngine(name="natural", hangs_until=threading.Event()), FakeEngine(name="default")
    speech = CachedSpeech([hanging, default], tmp_path, time_limit=timedelta(seconds=2))
    try:
        rendered = speech.render("door open", language="en", audio_format=AudioFormat.PHONE)
        assert rendered.engine == "default"
    finally:
        speech.stop()


def test_the_only_engine_hanging_is_an_error_at_the_time_limit(tmp_path: Path) -> None:
    hanging = FakeEngine(hangs_until=threading.Event())
    speech = CachedSpeech([hanging], tmp_path, time_limit=timedelta(milliseconds=200))
    try:
        with pytest.raises(EngineTimeoutError, match="fake did not speak within"):
            speech.render("door open", language="en", audio_format=AudioFormat.PHONE)
    finally:
        speech.stop()
    assert not _files(tmp_path)


def test_an_engine_without_the_language_is_passed_over_without_a_rest(tmp_path: Path) -> None:
    natural, default = FakeEngine(name="natural", languages=("en",)), FakeEngine(name="default")
    speech = CachedSpeech([natural, default], tmp_path, time_limit=_LIMIT)
    assert speech.render("puerta", language="es", audio_format=AudioFormat.PHONE).engine == "default"
    assert speech.render("door", language="en", audio_format=AudioFormat.PHONE).engine == "natural"


def test_when_no_engine_can_the_error_has_every_reason(tmp_path: Path) -> None:
    engines = [FakeEngine(name="a", fails_with=EngineFailedError("no weights")), FakeEngine(name="b", languages=())]
    with pytest.raises(SpeechError, match=r"a: no weights; b: b has no voice for en"):
        CachedSpeech(engines, tmp_path, time_limit=_LIMIT).render("door", language="en", audio_format=AudioFormat.PHONE)


def test_a_directory_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    occupied = tmp_path / "audio"
    occupied.write_text("a file")
    with pytest.raises(SpeechError, match="could not be written"):
        CachedSpeech([FakeEngine()], occupied, time_limit=_LIMIT).render(
            "door", language="en", audio_format=AudioFormat.PHONE
        )


def test_silence_is_an_error(espeak: EspeakEngine, tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="no sound"):
        CachedSpeech([espeak], tmp_path, time_limit=_LIMIT).render(
            "\u200b", language="en", audio_format=AudioFormat.PHONE
        )


def _wide(path: Path) -> Path:
    return path.with_suffix(".wav16")


def test_for_a_wideband_trunk_a_call_has_a_file_of_16_khz_spoken_once(tmp_path: Path) -> None:
    engine = FakeEngine()
    speech = CachedSpeech([engine], tmp_path, time_limit=_LIMIT, wideband=True)
    rendered = speech.render("door open", language="en", audio_format=AudioFormat.PHONE)
    narrow, wide = soundfile.info(str(rendered.path)), soundfile.info(str(_wide(rendered.path)))
    assert (narrow.samplerate, wide.samplerate) == (8000, 16000)
    assert wide.frames == 2 * narrow.frames
    assert engine.asked == ["door open"]
    note = speech.render("door open", language="en", audio_format=AudioFormat.VOICE_NOTE)
    assert not _wide(note.path).exists()


def test_a_file_of_16_khz_that_is_late_delays_nobody_and_is_there_for_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, encode = threading.Event(), audio.encode_wideband

    def slow(pcm: Pcm) -> bytes:
        go_on.wait(30)
        return encode(pcm)

    monkeypatch.setattr(audio, "encode_wideband", slow)
    speech = CachedSpeech([FakeEngine()], tmp_path, time_limit=_LIMIT, wideband=True)
    rendered = speech.render("door open", language="en", audio_format=AudioFormat.PHONE)
    assert rendered.path.exists()
    assert not _wide(rendered.path).exists()
    go_on.set()
    until(_wide(rendered.path).exists, 10, "the file of 16 kHz is there")
    speech.stop()


def test_what_was_spoken_before_there_was_a_wideband_trunk_is_made_wide_with_its_next_use(tmp_path: Path) -> None:
    engine = FakeEngine()
    before = CachedSpeech([engine], tmp_path, time_limit=_LIMIT)
    path = before.render("door open", language="en", audio_format=AudioFormat.PHONE).path
    speech = CachedSpeech([engine], tmp_path, time_limit=_LIMIT, wideband=True)
    assert speech.render("door open", language="en", audio_format=AudioFormat.PHONE).path == path
    until(_wide(path).exists, 10, "the file of 16 kHz is there")
    speech.stop()


def test_a_cache_that_outgrows_its_size_is_pruned_and_keeps_what_was_used_lately(tmp_path: Path) -> None:
    speech = CachedSpeech([FakeEngine()], tmp_path, time_limit=_LIMIT, size=100_000)
    paths = [
        speech.render(f"door {number} open", language="en", audio_format=AudioFormat.PHONE).path for number in range(30)
    ]
    # What was rendered pushes out what is old while the test looks.
    for path in paths[:28]:
        with suppress(FileNotFoundError):
            os.utime(path, (0, 0))
    until(lambda: speech.prune(timedelta(days=30)) == 0 and _size(tmp_path) <= 100_000, 10, "the cache fits")
    assert paths[28].exists()
    assert paths[29].exists()


def test_a_cache_that_cannot_be_kept_to_its_size_is_told(tmp_path: Path) -> None:
    speech = CachedSpeech([FakeEngine()], tmp_path, time_limit=_LIMIT, size=1000)
    with capture_logs() as logs:
        path = speech.render("door open", language="en", audio_format=AudioFormat.PHONE).path
        until(lambda: any(each["event"] == "speech_cache_over_its_size" for each in logs), 10, "it is told")
    assert path.exists()
    assert next(each for each in logs if each["event"] == "speech_cache_over_its_size")["advice"]


def test_on_a_full_disk_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_files: AudioFiles, _path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(AudioFiles, "_write", full)
    with pytest.raises(SpeechError, match=r"could not be written .*No space left"):
        CachedSpeech([FakeEngine()], tmp_path, time_limit=_LIMIT, wideband=True).render(
            "door", language="en", audio_format=AudioFormat.PHONE
        )
