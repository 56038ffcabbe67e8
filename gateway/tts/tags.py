"""Which of some voices, each for a language tag (BCP 47), speaks a language."""

from collections.abc import Collection

from gateway.tts import espeak_voices


def best_match(language: str, tags: Collection[str]) -> str | None:
    """Return the tag that serves a language: the most exact one; ``None`` where there is none.

    A Cantonese speaker is never given a Mandarin voice: ``zh-HK`` is ``yue``, as everywhere in the gateway.
    """
    known = {_canonical(tag): tag for tag in tags}
    parts = _canonical(language).split("-")
    for length in range(len(parts), 0, -1):
        if (tag := known.get("-".join(parts[:length]))) is not None:
            return tag
    return None


def _canonical(language: str) -> str:
    tag = language.strip().lower().replace("_", "-")
    alias = espeak_voices.ALIASES.get(tag, "").lower()
    # An alias within the language (es-MX for es-419) is espeak's own grouping; one across languages is a fact.
    return alias if alias and alias.split("-")[0] != tag.split("-")[0] else tag
