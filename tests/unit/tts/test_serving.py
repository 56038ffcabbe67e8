"""What the processes of neural voices answer."""

from gateway.tts.framing import Header
from gateway.tts.serving import LoadedVoice, answer


def _never(request: Header) -> LoadedVoice:
    raise AssertionError(f"nothing is loaded for {request}")


def test_whatever_a_voice_raises_is_an_answer() -> None:
    class Voice:
        def speak(self, text: str) -> tuple[int, bytes]:
            raise {"memory": MemoryError(), "gpu": RuntimeError("CUDA error: assert"), "text": ValueError("x")}[text]

    answers = {
        text: answer({"en": Voice()}, {"do": "speak", "voice": "en", "text": text}, _never)
        for text in ("memory", "gpu", "text")
    }
    assert {text: b'"fatal": true' in answered for text, answered in answers.items()} == {
        "memory": True,
        "gpu": True,
        "text": False,
    }
    assert b"KeyError" in answer({}, {"do": "speak", "voice": "en", "text": "x"}, _never)
