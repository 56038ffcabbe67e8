"""The languages that Tocsin speaks and writes: what each says to the ear, one module each.

Their sentences are in the message catalogues of ``gateway.wording``. How to add a language is told in
docs/development.md; the tests hold that nothing is missing.
"""

from gateway.model.languages import de, en, es, fr, pt, yue, zh
from gateway.model.languages.form import Language

__all__ = ["FALLBACK", "LANGUAGES", "Language", "language_for", "speakable"]

LANGUAGES = (en.LANGUAGE, es.LANGUAGE, pt.LANGUAGE, zh.LANGUAGE, yue.LANGUAGE, fr.LANGUAGE, de.LANGUAGE)
FALLBACK = en.LANGUAGE

_BY_TAG = {tag: language for language in LANGUAGES for tag in language.tags}


def language_for(tag: str) -> Language:
    """Return the language that a BCP 47 tag means: the most exact match (``zh-HK`` before ``zh``), else English."""
    return _match(tag) or FALLBACK


def speakable(tag: str) -> str:
    """Return the tag to speak the phrases of a language with.

    It is the tag itself where the phrases are in that language (so that ``pt-BR``
    keeps its voice), and English where they are not: English words in an Italian voice
    would not be understood.
    """
    return tag if _match(tag) else FALLBACK.tag


def _match(tag: str) -> Language | None:
    parts = tag.strip().lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        if found := _BY_TAG.get("-".join(parts[:length])):
            return found
    return None
