"""The languages that people can be told in, as they are chosen on the pages."""

from babel.core import Locale, UnknownLocaleError
from flask_babel import get_locale

from gateway.config.schema import parse_language
from gateway.model.languages import language_for
from web.admin.forms import choices

# What the gateway speaks, and the regions that are spoken or written in a way of their own.
TAGS = ("en", "en-GB", "es", "es-MX", "pt", "pt-BR", "zh", "yue", "fr", "de")


def language_name(tag: str) -> str:
    """Return the name of a language in the page's language; the tag itself where it has none."""
    # Of these Tocsin knows better what is spoken there: zh-HK is Cantonese.
    spoken = language_for(tag).tag
    try:
        named = Locale.parse("yue" if spoken == "yue" else tag, sep="-").get_display_name(get_locale() or "en")
    except (ValueError, UnknownLocaleError):
        return tag
    return named or tag


def language_choices(present: str | None = None, *, first: tuple[str, object] | None = None) -> list[object]:
    """Return the choices of a language, with the ``present`` one whatever it is; ``first`` comes before them."""
    tags = sorted(
        {*TAGS, *([parse_language(present)] if present else [])}, key=lambda tag: language_name(tag).casefold()
    )
    pairs: list[tuple[object, object]] = [(tag, f"{language_name(tag)} ({tag})") for tag in tags]
    return [*choices([first] if first else []), *choices(pairs)]
