"""The forms of Twilio's callbacks, and the TwiML that answers them.

https://www.twilio.com/docs/messaging/guides/webhook-request and https://www.twilio.com/docs/messaging/twiml
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import escape

from gateway.model.event import EventStatus
from gateway.services.replies import Reply

NOT_RECORDED = "That could not be recorded just now. Please send it again in a minute, or open the link in the alert."

_WHATSAPP = re.compile(r"whatsapp:(\+[1-9]\d{6,14})")
_LONGEST_TITLE = 200
# XML 1.0 has no way to write these characters, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A message that a person sent."""

    number: str
    text: str
    button: bool
    replied_to: str | None


def inbound_message(form: Mapping[str, str]) -> InboundMessage | None:
    """Return the message of an inbound callback; ``None`` for what is no WhatsApp message."""
    sender = _WHATSAPP.fullmatch(form.get("From", ""))
    if sender is None:
        return None
    payload = form.get("ButtonPayload", "")
    return InboundMessage(
        number=sender[1],
        text=form.get("Body", "") or payload,
        button=bool(payload),
        replied_to=form.get("OriginalRepliedMessageSid") or None,
    )


def answer_to(reply: Reply) -> str:
    """Return what the person is told, as text."""
    if reply.event is None:
        return "There is no open alert for you." if reply.known else ""
    title = reply.event.title
    title = title if len(title) <= _LONGEST_TITLE else title[:_LONGEST_TITLE] + "…"
    if reply.result is None:
        waiting = reply.event.status in {EventStatus.OPEN, EventStatus.EXHAUSTED}
        return f"Reply 1 to acknowledge: {title}" if waiting else ""
    if reply.result.first:
        return f"Acknowledged, you have it: {title}"
    if reply.result.by is not None:
        return f"{reply.result.by} already has it: {title}"
    return f"Already over, its source withdrew it: {title}"


def twiml(text: str) -> str:
    """Return the TwiML that sends the text back, or nothing where it is empty."""
    message = f"<Message>{escape(_NOT_XML.sub('', text))}</Message>" if text else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{message}</Response>'
