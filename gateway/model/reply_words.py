"""The few words that a reply is understood by. Whatever else is written acknowledges nothing, and is answered.

A word stands here if it says that the alert was taken or received, and hardly anything else: no "yes", "oui" or "ja",
which may answer another question, and no thumbs-up, which people leave where they have only looked.
"""

import unicodedata
from enum import StrEnum

_ANYWHERE = frozenset({"1", "ok", "ack"})
_IN = {
    "es": frozenset({"vale", "recibido"}),
    "pt": frozenset({"recebido"}),
    "fr": frozenset({"reçu", "bien reçu"}),
    "de": frozenset({"erhalten", "verstanden"}),
    "zh": frozenset({"收到"}),
    "yue": frozenset({"收到"}),
}
# https://help.twilio.com/articles/223134027 has Twilio's own; "cancel", "end" and "quit" are left out, as they may be
# meant for the alert.
_STOP = frozenset(
    {"stop", "stopall", "unsubscribe", "optout", "revoke", "baja", "parar", "stopp", "arrêt", "退订", "退訂"}
)
_START = frozenset({"start", "unstop", "alta"})

# What makes a keycap of a digit, and what may end a word.
_KEYCAP = str.maketrans("", "", "\ufe0f\u20e3")
_ENDS = " \t\r\n.!。"


class OptChoice(StrEnum):
    """What a person says about getting messages at all."""

    OUT = "out"
    IN = "in"


def acknowledges(text: str, language: str) -> bool:
    """Tell whether a text says that the alert is taken, for a person of that language (a BCP 47 tag)."""
    word = _plain(text)
    tag = language.strip().lower().replace("_", "-").partition("-")[0]
    return word in _ANYWHERE or word in _IN.get(tag, ())


def opt_choice(text: str) -> OptChoice | None:
    """Return what a text says about getting messages at all; ``None`` where it says nothing of it."""
    word = _plain(text)
    if word in _STOP:
        return OptChoice.OUT
    return OptChoice.IN if word in _START else None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(_KEYCAP)).casefold().strip(_ENDS)
