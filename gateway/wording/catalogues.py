"""The message catalogues: translations of the sentences that stand in the code.

The ``.po`` files are read as they are, with Babel, when a language is first used: there is nothing to compile, and so
nothing that can be older than its source.
"""

from collections.abc import Iterable
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from gateway.model.languages import FALLBACK, language_for, speakable

DOMAIN = "tocsin"


def words_of(language: str) -> NullTranslations:
    """Return the translations of the language that a BCP 47 tag means; those of English return what they are given."""
    return _words(language_for(language).tag)


def read_catalogue(tag: str) -> Catalog:
    """Return the catalogue of a language by its own tag. Raises ``FileNotFoundError`` where there is none."""
    with (files(__package__) / "locale" / tag / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale=tag.replace("-", "_"), domain=DOMAIN, abort_invalid=True)


def marked(text: str) -> str:
    """Mark a sentence for translation where it is not translated yet; return it as it is."""
    return text


def first_translated(tags: Iterable[str]) -> str:
    """Return the first of these tags in whose language Tocsin speaks; English where there is none."""
    return next((tag for tag in tags if speakable(tag) == tag), FALLBACK.tag)


@lru_cache
def _words(tag: str) -> NullTranslations:
    if tag == FALLBACK.tag:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(tag))  # leaves out what is marked as fuzzy
    compiled.seek(0)
    return GNUTranslations(compiled)
