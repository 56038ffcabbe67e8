"""Words that are none: codes, terms of letters, names of programs and variables."""

import re

from gateway.model.ear.plates import is_plate
from gateway.model.ear.spelling import JOINT, LETTER, RUNS, digits, initialism, long_code, spelled
from gateway.model.languages.form import Ear

WORD = rf"(?<![{LETTER}0-9])[{LETTER}0-9]+(?:[-_][{LETTER}0-9]+)*"

_LONGEST_CODE = 16
_LONGEST_INITIALISM = 6
_SHORTEST_WORD = 4
_SHORTEST_SPELLED_NUMBER = 6
_RUNS_OF_A_NAME = 3  # a word with a number before and after it; a hash alternates more often
_VOWELS = frozenset("aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿ")
# Said letter by letter everywhere, though their letters could be read as a word.
_INITIALISMS_LISTED = (
    "AC AI ALPR ANPR API BMA CIO CPU DNI EMA EU GPU ID IDS IIS IO IOPS IOT IP IPS IPMI ISP IT LPR OCR OS OSPF "
    "SLA UHF UI UK UPS URL US USA USB USV UTC UUID VIP"
)
_INITIALISMS = frozenset(_INITIALISMS_LISTED.split())
_WORDS_IN_CAPITALS = frozenset(["IT", "US"])  # words as well, in a text in capitals
# Short words that cameras and panels put before a number.
_SHORT_WORDS = frozenset({"bay", "box", "bus", "cam", "car", "key", "lot", "row", "van"})
_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ]{2})(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-zß-öø-ÿ]{2})")
_ORDINAL = re.compile(r"[0-9]{1,3}(?:st|nd|rd|th|er|re|ère|e|ème|ten|te|a|o)")


def said(match: re.Match[str], ear: Ear) -> str:
    """Return a word, a name or a code as it is said, with a pause after a code that is followed by anything."""
    return " ".join(word(part, ear) for part in match[0].split("_") if part)


def word(token: str, ear: Ear) -> str:
    """Return one token of letters, digits and hyphens as it is said."""
    bare = token.replace("-", "")
    if bare.isdigit():
        return _numbers(token, bare, ear)
    if len(bare) > _LONGEST_CODE and not bare.isalpha():
        return long_code(token, ear) if _looks_random(bare) else " ".join(word(run, ear) for run in RUNS.findall(token))
    if bare.isalpha():
        return _letters(token, bare, ear)
    return token if _ORDINAL.fullmatch(token) else _mixed(token, bare, ear)


def _mixed(token: str, bare: str, ear: Ear) -> str:
    """Return letters with digits: a name of words and numbers, or a code that is spelled."""
    runs = RUNS.findall(token)
    if _is_name(runs, bare):
        return " ".join(_run(run, ear) for run in runs)
    if any(_is_word(run) for run in runs):
        return " ".join(run.lower() if _is_word(run) else _run(run, ear) for run in runs)
    return spelled(token, ear, alphabet=is_plate(bare))


def is_initialism(letters: str) -> bool:
    """Tell whether letters stand for a term, and are said one by one."""
    return (
        letters.isupper()
        and 1 < len(letters) <= _LONGEST_INITIALISM
        and (letters in _INITIALISMS or _has_no_vowel(letters))
    )


def _numbers(token: str, bare: str, ear: Ear) -> str:
    if token == bare:
        spelled_out = len(bare) >= _SHORTEST_SPELLED_NUMBER or (bare[0] == "0" and len(bare) > 1)
        return long_code(bare, ear) if spelled_out else bare
    if len(bare) >= _SHORTEST_SPELLED_NUMBER:
        return long_code(token, ear)
    parts = [part if part[0] != "0" else digits(part, ear) for part in token.split("-")]
    return f" {ear.dash} ".join(parts).replace(" ", JOINT) if ear.spaced else ear.dash.join(parts)


def _letters(token: str, bare: str, ear: Ear) -> str:
    parts = token.split("-")
    if len(parts) > 1 and all(len(part) == 1 for part in parts):
        return token  # it is spelled already
    if is_initialism(bare) and token == bare and bare not in _WORDS_IN_CAPITALS:
        return initialism(bare, ear)
    return "-".join(_humps(part, ear) for part in parts)


def _humps(name: str, ear: Ear) -> str:
    """Return the words of a name like "HighCpuLoad"."""
    humps = _CAMEL.split(name)
    if len(humps) > 1:
        humps = [hump.upper() if hump.upper() in _INITIALISMS - _WORDS_IN_CAPITALS else hump for hump in humps]
    return " ".join(_term(hump, ear) for hump in humps)


def _term(part: str, ear: Ear) -> str:
    return initialism(part, ear) if is_initialism(part) and part not in _WORDS_IN_CAPITALS else part


def _run(run: str, ear: Ear) -> str:
    if run.isdigit():
        return _numbers(run, run, ear)
    if len(run) > 1 and _has_no_vowel(run):
        return initialism(run, ear) if len(run) <= _LONGEST_INITIALISM else run
    return _humps(run, ear)


def _is_name(runs: list[str], bare: str) -> bool:
    """Tell whether letters and digits make a name, as in "gate3", "node-3" or "iPhone15"."""
    if not any(c.islower() for c in bare):
        return False
    if any(c.isupper() for c in bare):
        return any(len(run) >= _SHORTEST_WORD for run in runs if run.isalpha())
    return len(runs) <= _RUNS_OF_A_NAME


def _is_word(run: str) -> bool:
    return run.isalpha() and (run.lower() in _SHORT_WORDS or (len(run) >= _SHORTEST_WORD and not _has_no_vowel(run)))


def _looks_random(bare: str) -> bool:
    """Tell a hash from a long name ("kube-node-exporter-3"): few of its runs are words."""
    runs = RUNS.findall(bare)
    return sum(len(run) for run in runs if _is_word(run)) * 2 < len(bare)


def _has_no_vowel(letters: str) -> bool:
    return not set(letters.lower()) & _VOWELS
