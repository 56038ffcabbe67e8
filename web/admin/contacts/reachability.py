"""Whether a contact can be reached, as a person at the pages reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from gateway.config.schema import Config
from gateway.model.contact import Contact
from gateway.model.whatsapp import OPTED_OUT, Reach, Window
from gateway.services.call_safety import destination_refusal, in_words
from web.admin.recorded_words import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that is known: its words, with a time where it has one (``since`` or ``until``).

    ``clears`` is what ``clear_flags`` would have to forget, ``ask`` the question before it.
    """

    tone: str
    icon: str
    words: str
    detail: str = ""
    since: datetime | None = None
    until: datetime | None = None
    clears: str = ""
    ask: str = ""


def signs(contact: Contact, reach: Reach, config: Config, now: datetime) -> list[Sign]:
    """Return what is known of reaching a contact by phone and by WhatsApp. ``reach`` is that of their number."""
    return [*_phone(contact, config), *_whatsapp(contact, reach, config, now)]


def _phone(contact: Contact, config: Config) -> Iterator[Sign]:
    reason = destination_refusal(config.call_safety.safety(), contact.phone)
    if reason is not None:
        yield Sign(tone="danger", icon="telephone-x", words=_("Is never called"), detail=translated(in_words(reason)))
    if contact.phone_invalid_at is not None:
        yield Sign(
            tone="danger",
            icon="telephone-x",
            words=_("The network knows no such number"),
            detail=_("Calls are tried again when the number is changed or this is cleared."),
            since=contact.phone_invalid_at,
            clears="phone",
        )
    elif reason is None:
        yield Sign(tone="success", icon="telephone", words=_("Phone: nothing is known against it"))


def _whatsapp(contact: Contact, reach: Reach, config: Config, now: datetime) -> Iterator[Sign]:
    if reach.blocked == OPTED_OUT:
        yield Sign(
            tone="danger",
            icon="chat-square-dots",
            words=_("Wrote STOP by WhatsApp"),
            detail=_("Gets calls only, until they write START."),
            since=reach.blocked_at,
            clears="whatsapp",
            ask=_("%(name)s wrote STOP. Have they agreed to get messages again?", name=contact.name),
        )
    elif reach.blocked is not None:
        yield Sign(
            tone="danger",
            icon="chat-square-dots",
            words=_("WhatsApp does not reach this number"),
            detail=reach.blocked,
            since=reach.blocked_at,
            clears="whatsapp",
        )
    elif config.twilio is None:
        yield Sign(tone="secondary", icon="whatsapp", words=_("WhatsApp is not set up"), detail=_("Calls only."))
    else:
        yield _window(reach, now)


def _window(reach: Reach, now: datetime) -> Sign:
    match reach.window(now):
        case Window.OPEN:
            words, until = _("WhatsApp: window open"), reach.window_until
            return Sign(tone="success", icon="whatsapp", words=words, until=until)
        case Window.CLOSED:
            words = _("WhatsApp: window closed")
        case Window.UNKNOWN:
            words = _("WhatsApp: has never written")
    return Sign(
        tone="secondary",
        icon="whatsapp",
        words=words,
        detail=_("Approved templates arrive; voice notes are left out until they write."),
    )
