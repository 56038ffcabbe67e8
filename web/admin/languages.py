"""The pages' language: the user's, else the browser's."""

from functools import lru_cache

from babel.support import NullTranslations, Translations
from flask import Flask, request
from flask_babel import get_locale
from wtforms.i18n import messages_path

from gateway.model.languages import language_for
from web.admin import access
from web.admin.catalogues import PagesBabel
from web.language import html_lang, readers_language

# The languages that the speech has; English needs no translation.
TAGS = ("en", "es", "pt", "zh", "yue", "fr", "de")
# WTForms has no Cantonese; its sentences for Taiwan are written with the same characters.
_FORMS_IN = {"yue": "zh_TW"}


def init_app(app: Flask) -> None:
    """Set up Flask-Babel."""
    PagesBabel(app, default_locale="en", default_timezone="UTC", locale_selector=_chosen)


def prepare_forms() -> None:
    """Have the forms of the present request complain in the page's language, where WTForms lacks it."""
    tag = _FORMS_IN.get(str(get_locale()))
    if tag is not None:
        # Where Flask-WTF keeps what it has found for a request.
        request.wtforms_translations = _words_of_forms(tag)  # type: ignore[attr-defined]


def html_tag() -> str:
    """Return the page's language as HTML's ``lang`` writes it."""
    locale = get_locale()
    return html_lang(str(locale)) if locale is not None else "en"


def _chosen() -> str:
    there = access.user_or_none() if request.blueprint and request.path.startswith("/admin") else None
    own = there.language if there is not None and there.language else readers_language()
    return language_for(own).tag


@lru_cache
def _words_of_forms(tag: str) -> NullTranslations:
    return Translations.load(messages_path(), [tag], domain="wtforms")
