"""Which voice of espeak-ng speaks a language. The names are those of espeak-ng 1.52's ``espeak-ng-data/lang``."""

LICENSE = "GPL-3.0-or-later"
"""Of espeak-ng and its voices. What they say is free of it."""

# By BCP 47 tag. Only voices of languages that the gateway has phrases for, and their regions, are needed;
# the others are there for ``tocsin tts say``.
VOICES = {
    "en": "en",
    "en-GB": "en",  # the plain English voice is the British one
    "en-US": "en-us",
    "es": "es",
    "es-419": "es-419",
    "pt": "pt",
    "pt-BR": "pt-br",
    "zh": "cmn",
    "yue": "yue",
    "fr": "fr",
    "fr-BE": "fr-be",
    "fr-CH": "fr-ch",
    "de": "de",
    "ar": "ar",
    "ca": "ca",
    "cs": "cs",
    "da": "da",
    "el": "el",
    "fi": "fi",
    "hi": "hi",
    "hu": "hu",
    "id": "id",
    "it": "it",
    "ms": "ms",
    "nb": "nb",
    "nl": "nl",
    "pl": "pl",
    "ro": "ro",
    "ru": "ru",
    "sv": "sv",
    "tr": "tr",
    "uk": "uk",
    "vi": "vi",
}

# Other tags for the same voices, in lower case.
ALIASES = {
    "cmn": "zh",
    "zh-yue": "yue",
    "zh-hk": "yue",
    "zh-mo": "yue",
    "zh-hant-hk": "yue",
    "zh-hant-mo": "yue",
    "en-ca": "en-US",
    "es-ar": "es-419",
    "es-bo": "es-419",
    "es-cl": "es-419",
    "es-co": "es-419",
    "es-cr": "es-419",
    "es-do": "es-419",
    "es-ec": "es-419",
    "es-gt": "es-419",
    "es-hn": "es-419",
    "es-mx": "es-419",
    "es-ni": "es-419",
    "es-pa": "es-419",
    "es-pe": "es-419",
    "es-pr": "es-419",
    "es-py": "es-419",
    "es-sv": "es-419",
    "es-us": "es-419",
    "es-uy": "es-419",
    "es-ve": "es-419",
    "no": "nb",
    "nn": "nb",
}

_BY_TAG = {tag.lower(): tag for tag in VOICES} | ALIASES


def match(language: str) -> str | None:
    """Return the tag in ``VOICES`` that serves a language tag: the most exact one; ``None`` where there is none."""
    parts = language.strip().lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        if tag := _BY_TAG.get("-".join(parts[:length])):
            return tag
    return None
