"""The language of a page that nobody has signed in to."""

from flask import request

from gateway.model.languages import language_for, speakable
from gateway.wording.catalogues import first_translated

# Where a tag leaves the characters open, a page names them: fonts and screen readers go by them (RFC 5646, 2.2.3).
_WITH_SCRIPT = {"zh": "zh-Hans", "yue": "yue-Hant"}


def readers_language() -> str:
    """Return the first language of the present reader's browser that Tocsin speaks (RFC 9110, 12.5.4)."""
    return first_translated(tag for tag, quality in request.accept_languages if quality > 0)


def html_lang(language: str) -> str:
    """Return what a page's ``lang`` says whose words are in the language of a tag."""
    own = language_for(language).tag
    return _WITH_SCRIPT.get(own) or speakable(language).replace("_", "-")
