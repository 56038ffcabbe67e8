"""Twilio's codes for messages that were refused or did not arrive: what they mean, and what follows.

They are those of Twilio's error dictionary, https://www.twilio.com/docs/api/errors. Which of them stands for which code
of WhatsApp's own is in https://www.twilio.com/docs/whatsapp/api/error-code-mapping. The table in
``docs/whatsapp.md`` is made from these.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.model.whatsapp import MessageFault

OUTSIDE_WINDOW = 63016
DAILY_LIMIT = 63038
VARIABLES_INVALID = 21656

_OUT, _GONE, _CLOSED = MessageFault.OPTED_OUT, MessageFault.UNREACHABLE, MessageFault.WINDOW_CLOSED
_ONE, _SETUP, _LATER = MessageFault.MESSAGE, MessageFault.SETUP, MessageFault.TEMPORARY


@dataclass(frozen=True, slots=True)
class MessageError:
    """What a code means, in words for people, and what it says about the messages after it."""

    words: str
    fault: MessageFault
    advice: str = ""


ERRORS: Mapping[int, MessageError] = {
    21211: MessageError("the To number is invalid", _GONE, "correct the contact's WhatsApp number"),
    21408: MessageError(
        "the account may not send to this country: enable it under Messaging Geo Permissions",
        _SETUP,
        "enable the country under Messaging Geo Permissions",
    ),
    21606: MessageError("the From number may not send such messages", _SETUP, "check whatsapp_from"),
    21609: MessageError(
        "the status callback URL is invalid: public_url must be reachable from the internet",
        _SETUP,
        "give web.public_url an address that the internet reaches",
    ),
    21610: MessageError("the recipient has opted out with STOP", _OUT, "nothing, until they write START"),
    21612: MessageError("Twilio cannot send from whatsapp_from to this number", _GONE, "check both numbers"),
    21614: MessageError("the To number is not a mobile number", _GONE, "correct the contact's WhatsApp number"),
    21617: MessageError("the text is longer than 1600 characters", _ONE),
    21620: MessageError(
        "the media URL is invalid: public_url must be reachable from the internet",
        _SETUP,
        "give web.public_url an address that the internet reaches",
    ),
    21654: MessageError("template variables were given without a template", _SETUP, "check content_sid"),
    21655: MessageError("the template (content_sid) does not exist in this account", _SETUP, "check content_sid"),
    21656: MessageError(
        "the template's variables do not fit the template", _SETUP, "compare it with `tocsin whatsapp template`"
    ),
    21910: MessageError(
        "From and To are not of one channel: whatsapp_from must be a WhatsApp sender", _SETUP, "check whatsapp_from"
    ),
    63001: MessageError(
        "WhatsApp refused the sender's credentials: check the WhatsApp sender in Twilio's console",
        _SETUP,
        "check the sender in Twilio's console",
    ),
    63002: MessageError("WhatsApp does not know the sender", _SETUP, "check whatsapp_from"),
    63003: MessageError(
        "the recipient's number is not on WhatsApp, or is inactive", _GONE, "correct the contact's WhatsApp number"
    ),
    63005: MessageError("WhatsApp rejected the content", _ONE),
    63007: MessageError("whatsapp_from is no WhatsApp sender of this account", _SETUP, "check whatsapp_from"),
    63008: MessageError("the WhatsApp sender is set up wrongly", _SETUP, "check the sender in Twilio's console"),
    63009: MessageError("WhatsApp answered with an error", _LATER),
    63010: MessageError("Twilio had an internal error", _LATER),
    63012: MessageError("WhatsApp had an internal error", _LATER),
    63013: MessageError(
        "the message breaks a WhatsApp policy", _ONE, "read WhatsApp's business policy; see the sender's quality"
    ),
    63014: MessageError("the recipient has blocked the sender", _GONE, "ask them to unblock it and to write to it"),
    63015: MessageError(
        "the recipient has not joined the WhatsApp sandbox", _ONE, "let them send the sandbox's join code"
    ),
    63016: MessageError(
        "outside the recipient's 24-hour window only an approved template is delivered: configure content_sid",
        _CLOSED,
        "have a template approved and configure content_sid",
    ),
    63018: MessageError("WhatsApp's rate limit is reached", _LATER, "ask for a higher messaging limit"),
    63019: MessageError(
        "Twilio could not download the media: public_url must be reachable from the internet",
        _SETUP,
        "give web.public_url an address that the internet reaches; a firewall must let Twilio fetch /media",
    ),
    63020: MessageError(
        "the WhatsApp business account is not verified or restricted", _SETUP, "see the account at Meta"
    ),
    63021: MessageError("WhatsApp does not support this content", _ONE),
    63022: MessageError("the sender's display name is not valid", _SETUP, "see the sender at Meta"),
    63023: MessageError("WhatsApp reported an error without saying which", _LATER),
    63024: MessageError(
        "the recipient cannot receive WhatsApp messages",
        _GONE,
        "check the number; they may have an old WhatsApp, or not have accepted its terms",
    ),
    63027: MessageError("the template does not exist in this language", _SETUP, "see `tocsin whatsapp status`"),
    63028: MessageError(
        "the template has another number of variables", _SETUP, "compare it with `tocsin whatsapp template`"
    ),
    63029: MessageError("the recipient's phone could not load the template", _ONE),
    63030: MessageError("WhatsApp does not support a part of the message", _SETUP, "see `tocsin whatsapp status`"),
    63031: MessageError("the contact has the sender's own number", _SETUP, "correct the contact's WhatsApp number"),
    63032: MessageError("WhatsApp limits what this recipient gets", _ONE),
    63033: MessageError("the recipient is blocked from receiving messages", _GONE, "check the number"),
    63038: MessageError("the account's daily message limit is reached", _LATER, "ask Twilio for a higher limit"),
    63040: MessageError("the template was rejected", _SETUP, "see `tocsin whatsapp status`"),
    63041: MessageError("the template is paused by WhatsApp", _SETUP, "see `tocsin whatsapp status`"),
    63042: MessageError("the template is disabled by WhatsApp", _SETUP, "have another template approved"),
    63049: MessageError(
        "WhatsApp chose not to deliver a marketing message", _SETUP, "have the template approved as UTILITY"
    ),
    63051: MessageError("the WhatsApp business account is locked", _SETUP, "ask Meta for a review of the account"),
}


def fault_of(code: int | None) -> MessageFault | None:
    """Return what a code says about other messages; ``None`` for a code that is not known."""
    error = ERRORS.get(code or 0)
    return None if error is None else error.fault
