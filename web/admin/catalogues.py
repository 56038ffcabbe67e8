"""The pages' message catalogues, ``web/locale/<tag>/LC_MESSAGES/pages.po``.

As those of what people hear and read (``gateway.wording.catalogues``) they are read as they are: there is nothing to
compile, and so nothing that can be older than its source.
"""

from functools import lru_cache
from importlib.resources import files
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask_babel import Babel, Domain, get_locale

DOMAIN = "pages"
SOURCE = "en"


class PagesBabel(Babel):
    """Flask-Babel on these catalogues."""

    @property
    def domain_instance(self) -> "PagesDomain":
        """Where translations come from."""
        return _DOMAIN


class PagesDomain(Domain):
    """Flask-Babel's way to the catalogues."""

    def get_translations(self) -> NullTranslations:
        """Return the translations into the language of the present request."""
        locale = get_locale()
        return translations(str(locale) if locale is not None else SOURCE)


def read_catalogue(tag: str) -> Catalog:
    """Return the catalogue of a language by its tag. Raises ``FileNotFoundError`` where there is none."""
    with (files("web") / "locale" / tag / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale=tag, domain=DOMAIN, abort_invalid=True)


@lru_cache
def translations(tag: str) -> NullTranslations:
    """Return the translations into a language by its tag; those into English return what they are given."""
    if tag == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(tag))  # leaves out what is marked as fuzzy
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


_DOMAIN = PagesDomain()
