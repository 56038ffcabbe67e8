"""Letters and digits one by one, in groups that an ear can hold."""

import re

from gateway.model.languages.form import Ear

# Stands for a space inside what must be heard whole. It is a private character, none of which comes in with a text.
JOINT = "\ue000"

LETTER = "A-Za-zÀ-ÖØ-öø-ɏ"
RUNS = re.compile(rf"[{LETTER}]+|[0-9]+")

_LONGEST_GROUP = 5
_GROUP = 3
_LONGEST_CODE = 16  # longer ones (hashes, UUIDs) nobody can follow: their end is spelled
_LONGEST_NUMBER = 24
_LAST_OF_CODE = 4


def digits(number: str, ear: Ear) -> str:
    """Return digits one by one, with a pause after each three or four of them; up to five are one group."""
    if len(number) <= _LONGEST_GROUP:
        return JOINT.join(number)
    middle = len(number) // 2
    if len(number) <= 2 * _GROUP + 2:
        groups = [number[:middle], number[middle:]]
    else:
        first = len(number) % _GROUP or _GROUP
        first += _GROUP if first == 1 else 0
        groups = [number[:first], *(number[n : n + _GROUP] for n in range(first, len(number), _GROUP))]
    return ear.pause.join(JOINT.join(group) for group in groups)


def spelled(code: str, ear: Ear, *, alphabet: bool = False) -> str:
    """Return a code letter by letter and digit by digit; its other signs are pauses.

    Each letter has a pause of its own: without one, voices read "A" and "Y" as words. ``alphabet`` gives letters that
    sound alike on a telephone a word as well.
    """
    said: list[str] = []
    for run in RUNS.findall(code):
        said.extend([digits(run, ear)] if run.isdigit() else [_letter(c, ear, alphabet=alphabet) for c in run])
    return ear.pause.join(said).replace(" ", JOINT)


def long_code(code: str, ear: Ear) -> str:
    """Return a code spelled, or by its end where it is too long to follow."""
    bare = "".join(RUNS.findall(code))
    if len(bare) > (_LONGEST_NUMBER if bare.isdigit() else _LONGEST_CODE):
        return ear.ending_in.format(digits=spelled(bare[-_LAST_OF_CODE:], ear)).replace(" ", JOINT)
    return spelled(code, ear)


def initialism(letters: str, ear: Ear) -> str:
    """Return letters that stand for a term ("CPU"), joined so that a voice says them quickly and by their names."""
    return "-".join(ear.letters.get(letter.upper(), letter.upper()) for letter in letters)


def _letter(letter: str, ear: Ear, *, alphabet: bool) -> str:
    # Not every letter has one capital: that of "ß" is "SS".
    capital = letter.upper() if len(letter.upper()) == 1 else letter
    name = ear.letters.get(capital, capital)
    word = ear.alphabet.get(capital) if alphabet else None
    return ear.letter_as.format(letter=name, word=word) if word else name
