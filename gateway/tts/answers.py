"""What a worker's answer holds, where it is speech."""

import numpy as np

from gateway.tts.engine import Pcm, TextRefusedError
from gateway.tts.framing import Header

# What no speech is: more seconds than the slowest speaker needs, which is how a model sounds that lost its thread.
_SECONDS_A_CHARACTER, _SECONDS_BESIDES = 0.5, 5.0


def pcm_of(header: Header, data: bytes, text: str) -> Pcm:
    """Return the samples of an answer. Raises ``TextRefusedError`` where it holds none, or what is no speech."""
    rate = header.get("rate")
    if not isinstance(rate, int) or rate <= 0:
        raise TextRefusedError(str(header.get("error", "the engine answered with neither sound nor error")))
    samples = np.frombuffer(data, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise TextRefusedError("the engine made numbers that are no sound")
    seconds = samples.size / rate
    if seconds > len(text) * _SECONDS_A_CHARACTER + _SECONDS_BESIDES:
        raise TextRefusedError(f"the engine made {seconds:.0f} s of {len(text)} characters, which cannot be speech")
    return Pcm(samples, rate)
