"""The pages' language: the user's, else the browser's."""

from flask import Flask, request
from flask_babel import get_locale

from web.admin import access
from web.admin.catalogues import PagesBabel
from web.language import html_lang

# The languages that the speech has; English needs no translation.
TAGS = ("en", "es", "pt", "zh", "yue", "fr", "de")


def init_app(app: Flask) -> None:
    """Set up Flask-Babel."""
    PagesBabel(app, default_locale="en", default_timezone="UTC", locale_selector=_chosen)


def _chosen() -> str:
    there = access.user_or_none() if request.blueprint and request.path.startswith("/admin") else None
    if there is not None and there.language:
        return _nearest(there.language)
    return request.accept_languages.best_match(TAGS) or "en"


def _nearest(tag: str) -> str:
    return tag if tag in TAGS else next((known for known in TAGS if known == tag.partition("-")[0]), "en")


def html_tag() -> str:
    """Return the page's language as HTML's ``lang`` writes it."""
    locale = get_locale()
    return html_lang(str(locale)) if locale is not None else "en"
