"""espeak-ng in its worker process."""

# ruff: noqa: RUF001
# The signs of Chinese sentences look like ASCII ones and are meant.

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from gateway.tts.engine import EngineFailedError, EngineTimeoutError, UnknownLanguageError
from gateway.tts.espeak import EspeakEngine
from gateway.tts.espeak_voices import ALIASES, VOICES
from gateway.tts.framing import encode
from tests.waiting import until

_LIMIT = timedelta(seconds=20)


@pytest.fixture
def espeak() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.stop()


def _seconds(engine: EspeakEngine, text: str, language: str = "en", limit: timedelta = _LIMIT) -> float:
    pcm = engine.synthesize(text, voice=engine.voice_for(language), time_limit=limit)
    assert pcm.samples.size == 0 or np.abs(pcm.samples).max() <= 1.0
    return pcm.samples.size / pcm.rate


def _is_gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


@pytest.mark.parametrize("language", list(VOICES))
def test_every_listed_voice_speaks(espeak: EspeakEngine, language: str) -> None:
    assert 0.3 < _seconds(espeak, "1 2 3", language) < 5


@pytest.mark.parametrize(
    ("text", "language"), [("这是来自停车场的警报，请按一确认", "zh"), ("呢個係嚟自停車場嘅警報，請按一確認", "yue")]
)
def test_chinese_characters_are_read_and_not_named(espeak: EspeakEngine, text: str, language: str) -> None:
    assert 2 < _seconds(espeak, text, language) < 7
    # A voice that cannot read them says "Chinese letter" for each, which takes far longer.
    assert _seconds(espeak, text, "en") > 1.5 * _seconds(espeak, text, language)


def test_mandarin_and_cantonese_sound_different(espeak: EspeakEngine) -> None:
    text = "這是停車場的警報"
    assert abs(_seconds(espeak, text, "zh") - _seconds(espeak, text, "yue")) > 0.05


@pytest.mark.parametrize(
    ("tag", "voice"),
    [
        ("en-AU", "en"),
        ("EN_us", "en-us"),
        ("pt-BR", "pt-br"),
        ("zh-Hans-CN", "cmn"),
        ("zh-HK", "yue"),
        ("es-MX", "es-419"),
    ],
)
def test_a_tag_finds_its_voice(tag: str, voice: str) -> None:
    assert EspeakEngine().voice_for(tag).name == voice


def test_every_other_tag_leads_to_a_voice() -> None:
    assert set(ALIASES.values()) <= set(VOICES)


def test_an_unknown_language_is_an_error_that_lists_what_can_be_spoken() -> None:
    with pytest.raises(UnknownLanguageError, match=r"'tlh'.*de, el, en, en-GB"):
        EspeakEngine().voice_for("tlh")


@pytest.mark.parametrize(
    "text",
    [
        "before\0after",
        "🔥 fire 🚒",
        "مرحبا بالعالم",
        "שלום עולם",
        "\ud800 lone",
        "word " * 1000,
        "<speak>hi</speak>",
        "%s%n" * 9,
    ],
    ids=["nul", "emoji", "arabic", "hebrew", "surrogate", "5000 characters", "markup", "format"],
)
def test_any_text_is_spoken(espeak: EspeakEngine, text: str) -> None:
    assert _seconds(espeak, text) > 0.3


def test_a_nul_does_not_end_the_text(espeak: EspeakEngine) -> None:
    assert _seconds(espeak, "before\0and afterwards") > 1.3 * _seconds(espeak, "before")


def test_empty_text_makes_next_to_no_sound(espeak: EspeakEngine) -> None:
    assert _seconds(espeak, "") < 0.1


def test_the_worker_starts_with_the_first_text_and_ends_with_stop(espeak: EspeakEngine) -> None:
    assert espeak.worker_pid is None
    _seconds(espeak, "one")
    pid = espeak.worker_pid
    assert pid is not None
    espeak.stop()
    espeak.stop()
    assert espeak.worker_pid is None
    assert _is_gone(pid)
    assert _seconds(espeak, "again") > 0.2


def test_a_worker_killed_between_texts_is_replaced(espeak: EspeakEngine) -> None:
    _seconds(espeak, "one")
    pid = espeak.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: _is_gone(pid), 10, "the worker is dead")
    assert _seconds(espeak, "two") > 0.2
    assert espeak.worker_pid != pid


def test_a_hanging_worker_is_killed_at_the_time_limit_and_replaced(espeak: EspeakEngine) -> None:
    _seconds(espeak, "one")
    pid = espeak.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineTimeoutError):
        _seconds(espeak, "two", limit=timedelta(milliseconds=300))
    assert _is_gone(pid)
    assert _seconds(espeak, "three") > 0.2


def test_a_worker_killed_in_mid_utterance_is_replaced_and_the_text_spoken(espeak: EspeakEngine) -> None:
    _seconds(espeak, "one")
    pid = espeak.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    spoken: list[float] = []
    thread = threading.Thread(target=lambda: spoken.append(_seconds(espeak, "two")))
    thread.start()
    os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert spoken
    assert spoken[0] > 0.2
    assert espeak.worker_pid != pid


def test_a_worker_that_never_starts_is_a_failure_and_not_a_crash() -> None:
    with pytest.raises(EngineFailedError, match="could not be started"):
        _seconds(EspeakEngine(command=["/nonexistent/worker"]), "one")


def test_threads_wait_for_each_other_and_all_are_served(espeak: EspeakEngine) -> None:
    texts = [f"this is text number {n} of several" for n in range(12)]
    alone = [_seconds(espeak, text) for text in texts]
    together: dict[str, float] = {}
    threads = [
        threading.Thread(target=lambda text=text: together.__setitem__(text, _seconds(espeak, text))) for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [together[text] for text in texts] == pytest.approx(alone, abs=0.02)


def test_the_worker_ends_when_its_input_closes() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.tts.espeak_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        answer, _ = worker.communicate(
            encode({"text": "hello", "voice": "en", "words_per_minute": 155, "time_limit": 10}), timeout=30
        )
        assert worker.returncode == 0
        assert len(answer) > 10_000


def test_the_worker_ends_when_its_parent_is_killed() -> None:
    program = (
        "import sys, threading; from datetime import timedelta; from gateway.tts.espeak import EspeakEngine\n"
        "e = EspeakEngine(); e.synthesize('x', voice=e.voice_for('en'), time_limit=timedelta(seconds=20))\n"
        "print(f'worker {e.worker_pid}', flush=True); threading.Event().wait()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = next(int(line.split()[1]) for line in parent.stdout if line.startswith("worker "))
        parent.kill()
    until(lambda: _is_gone(pid), 10, "the worker has ended")


def test_a_forked_process_speaks_with_a_worker_of_its_own(espeak: EspeakEngine) -> None:
    length = _seconds(espeak, "one two three")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if espeak.worker_pid is None and abs(_seconds(espeak, "one two three") - length) < 0.02:
                status = 0
                espeak.stop()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _seconds(espeak, "one two three") == pytest.approx(length, abs=0.02)
