"""What the record holds in English or as a code, in the language of the page.

Sentences that other layers keep in tables stand there marked for translation (``gateway.wording.catalogues.marked``),
so that they are extracted with the words of the pages, and are translated here, when a page shows them.
"""

from typing import Any

from flask import Flask
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from gateway.services.call_safety import in_words
from web.admin.languages import html_tag

# Why an attempt ended or was left out. A provider's own words stand as they are recorded.
_REASONS: dict[str, Any] = {
    "busy": _("busy"),
    "call_cap_contact_hour": _("called too often within the hour"),
    "call_cap_contact_minute": _("called a moment ago"),
    "call_cap_number_3h": _("the number was called too often within three hours"),
    "cancelled": _("not needed any more"),
    "channel_off": _("not set up"),
    "declined": _("declined"),
    "end_not_reported": _("its end was not reported"),
    "event_over": _("the event was over"),
    "every_trunk_in_trouble": _("every trunk is in trouble"),
    "invalid_number": _("the number does not exist"),
    "lost": _("nobody saw how it ended"),
    "machine": _("an answering machine"),
    "no_answer": _("not answered"),
    "no_free_line": _("no line was free"),
    "no_key": _("answered, no key pressed"),
    "no_owner_chat": _("the license has no owner's chat"),
    "no_result_in_time": _("no report in time"),
    "not_laid_out": _("they could not be brought there; the engine's log says why"),
    "not_configured": _("not set up"),
    "not_in_policy": _("the license's policy has no calls"),
    "not_in_tier": _("not in the license's tier"),
    "not_sent_in_time": _("not sent in time"),
    "not_supported": _("not possible by this channel"),
    "opted_out": _("they wrote STOP"),
    "phone_system_out_of_reach": _("no phone system is in reach"),
    "tones_played": _("tones were played in place of words"),
    "trunk_trouble": _("trunk trouble"),
    "voice_quota_spent": _("the month's voice minutes are used up"),
    "window_closed": _("WhatsApp's window is closed"),
    "wrong_pin": _("wrong PIN"),
}


def init_app(app: Flask) -> None:
    """Add the filters ``translated`` and ``reason`` to the templates."""
    app.jinja_env.filters.update(translated=translated, reason=reason)


def plain(sentence: str) -> str:
    """Return a sentence that is marked in the code in the page's language, else as it is, for use within another."""
    return gettext(sentence) if sentence else ""


def translated(sentence: str | None, *, capital: bool = False) -> str:
    """Return a sentence that is marked in the code in the page's language, on demand with a capital at its beginning.

    One that has no translation stands as it is, marked as English for whoever has the page read aloud.
    """
    if not sentence:
        return ""
    found = plain(sentence)
    shown = found[:1].upper() + found[1:] if capital else found
    if found == sentence and not html_tag().startswith("en"):
        return Markup('<span lang="en">{}</span>').format(shown)
    return shown


def reason(code: str | None) -> str:
    """Return why an attempt ended as it did or was left out, in words; a provider's own words as they are."""
    if not code:
        return ""
    # Behind some codes stand the provider's own words.
    known, separator, words = code.partition(": ")
    if known in _REASONS:
        return f"{_REASONS[known]}{separator}{words}"
    return translated(in_words(code))
