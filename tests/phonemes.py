"""What espeak-ng makes of texts, in its phonemes: ``python -m tests.phonemes``, on lines of JSON.

Each line ``[voice, text]`` is answered by one of JSON with the phonemes of each clause. "(en)" among them says that the
voice went over to English. The library is GPL and has global state, so it has a process of its own here as well.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence

_IPA = 0x02  # espeak_TextToPhonemes: phonememode, of espeak-ng's speak_lib.h
_UTF8 = 1
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000


def phonemes(asked: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the clauses of each (voice, text)."""
    lines = "".join(json.dumps(pair) + "\n" for pair in asked)
    done = subprocess.run(
        [sys.executable, "-m", "tests.phonemes"], input=lines, capture_output=True, text=True, check=True, timeout=60
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Answer what comes in."""
    import espeakng_loader  # noqa: PLC0415 (only this process may load the library)

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
    library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(espeakng_loader.get_data_path()), _DONT_EXIT)
    for line in sys.stdin:
        voice, text = json.loads(line)
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"no voice {voice!r}")
        buffer = ctypes.create_string_buffer(text.encode())
        place = ctypes.c_void_p(ctypes.addressof(buffer))
        clauses = []
        while place.value:  # it is moved on behind each clause, and is null after the last
            clauses.append(library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _IPA).decode().strip())
        print(json.dumps([clause for clause in clauses if clause]))


if __name__ == "__main__":
    main()
