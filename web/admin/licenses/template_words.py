"""The words for the messages that a license can word itself, and for what stands in them."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from gateway.wording.templates import TemplateName
from web.admin.speech_languages import TAGS, language_name

NAMES: Mapping[TemplateName, LazyString] = {
    TemplateName.TEXT: _("WhatsApp text"),
    TemplateName.VOICE_NOTE: _("WhatsApp voice note"),
    TemplateName.CALL: _("Phone call"),
    TemplateName.CALL_SEVERAL: _("Phone call about several alerts"),
    TemplateName.STAND_DOWN: _("Text when it is over"),
    TemplateName.OWNER_REPORT: _("Message to the owner"),
}
VARIABLES: Mapping[str, LazyString] = {
    "license": _("the license's name"),
    "severity": _("how grave it is, in the message's language"),
    "level": _("the same as a code: info, warn or critical"),
    "title": _("the alert's title"),
    "body": _("its text, which may be empty"),
    "contact": _("who is told"),
    "link": _("the link to acknowledge it"),
    "alert": _("title and text together"),
    "announcement": _("what a call says"),
    "count": _("how many alerts there are"),
    "others": _("how many of them are not in the list"),
    "titles": _("the list of titles"),
    "by": _("who took it, empty where its source withdrew it"),
    "tried": _("the list of who was tried, and how it ended"),
}


def message_languages() -> list[tuple[str, str]]:
    """Return the languages that messages can be worded in, with their names."""
    return [(tag, language_name(tag)) for tag in TAGS]
