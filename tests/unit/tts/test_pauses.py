import pytest

from gateway.tts import pauses
from gateway.tts.pauses import GrowingPause


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses.time, "monotonic", lambda: 1000.0)
    pause, lengths = GrowingPause(), list[float]()
    for _ in range(30):
        pause.failed("no")
        lengths.append(pause.left)
    assert lengths[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(lengths[10:]) == {300}
    assert pause.reason == "no"
    pause.succeeded()
    assert (pause.left, pause.reason, pause.failures) == (0, None, 0)
