"""The parts of Coqui's process that work without Coqui."""

import sys
from types import SimpleNamespace

import pytest

from gateway.tts import coqui_worker


def _torch(*, gpu: bool) -> SimpleNamespace:
    return SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: gpu))


def test_a_gpu_is_used_where_there_is_one_unless_the_processor_is_wanted() -> None:
    chosen = {
        (wanted, gpu): coqui_worker._device(_torch(gpu=gpu), wanted) for wanted in ("auto", "cpu") for gpu in (0, 1)
    }
    assert chosen == {("auto", 0): "cpu", ("auto", 1): "cuda", ("cpu", 0): "cpu", ("cpu", 1): "cpu"}
    assert coqui_worker._device(_torch(gpu=True), "cuda") == "cuda"
    with pytest.raises(coqui_worker.CannotSpeakError, match="no GPU that torch can use: write device: auto"):
        coqui_worker._device(_torch(gpu=False), "cuda")


def test_libraries_that_speaking_does_not_need_are_stood_in_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(coqui_worker.importlib, "import_module", refuse)
    for name in ("torchaudio", "torchcodec"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    coqui_worker.make_importable()
    assert [sys.modules[name].__spec__.name for name in ("torchaudio", "torchcodec")] == ["torchaudio", "torchcodec"]
