"""The process that speaks with espeak-ng: ``python -m gateway.tts.espeak_worker``.

It loads the library (GPL, global state) that the ``espeakng-loader`` wheel brings, answers
``{"text", "voice", "words_per_minute", "time_limit"}`` frames with ``{"rate"}`` and 16-bit samples or with
``{"error"}``, and ends when its standard input closes. The calls are those of espeak-ng's ``speak_lib.h``.
"""

import ctypes
import os
import signal
import sys
from typing import BinaryIO

import espeakng_loader

from gateway.tts.framing import Header, encode, read_frame

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth returns when all samples were handed over
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: an error is returned and does not end the process
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_RATE = 1  # espeakRATE, words a minute
_OK = 0
_GRACE_SECONDS = 1.0

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The library, initialised. Raises ``RuntimeError`` where it cannot be."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        data = os.fsencode(espeakng_loader.get_data_path())
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT)
        if self.rate <= 0:
            raise RuntimeError("espeak-ng found no voice data: reinstall espeakng-loader")
        self._samples = bytearray()
        # The library keeps the function's address only: this reference keeps the function.
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, *, voice: str, words_per_minute: int) -> bytes:
        """Return the samples, 16 bit in the machine's byte order. Raises ``ValueError`` where espeak-ng refuses."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._samples.clear()
        # A NUL would end the text early, a lone surrogate is no UTF-8.
        encoded = text.replace("\0", " ").encode("utf-8", "ignore")
        status = self._library.espeak_Synth(encoded, len(encoded) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != _OK:
            raise ValueError(f"espeak-ng refused the text with status {status}")
        return bytes(self._samples)

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, count * ctypes.sizeof(ctypes.c_short))
        return 0


def answer(espeak: Espeak, header: Header) -> bytes:
    """Return the frame that answers a request."""
    try:
        samples = espeak.speak(
            str(header["text"]), voice=str(header["voice"]), words_per_minute=int(str(header["words_per_minute"]))
        )
    except (KeyError, ValueError) as error:
        return encode({"error": str(error)})
    return encode({"rate": espeak.rate}, samples)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until they end."""
    espeak = Espeak()
    while (frame := read_frame(requests)) is not None:
        # Should the library hang after the parent is gone, nobody would kill this process: the kernel does, by SIGALRM.
        signal.setitimer(signal.ITIMER_REAL, float(str(frame[0].get("time_limit", 0))) + _GRACE_SECONDS)
        answers.write(answer(espeak, frame[0]))
        answers.flush()
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Serve on standard input and output. Whatever a library prints goes to standard error instead."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            serve(sys.stdin.buffer, answers)
        except BrokenPipeError:
            # The parent went away while it was answered.
            os._exit(0)


if __name__ == "__main__":
    main()
