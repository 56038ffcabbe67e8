"""The forms of Twilio's callbacks, and the TwiML that answers them.

https://www.twilio.com/docs/messaging/guides/webhook-request and https://www.twilio.com/docs/messaging/twiml
"""

import re
from collections.abc import Mapping

from markupsafe import escape

from gateway.model.event import EventStatus
from gateway.model.reply_words import OptChoice
from gateway.services.replies import Reply, WrittenMessage
from gateway.wording import whatsapp

NOT_RECORDED = "That could not be recorded just now. Please send it again in a minute, or open the link in the alert."
PROVIDER = "twilio"

_WHATSAPP = re.compile(r"whatsapp:(\+[1-9]\d{6,14})")
# What MessageType says of messages whose words or button count; it is absent from older callbacks.
_PLAIN = frozenset({"", "text", "button", "interactive"})
_MOST_MEDIA = 10
_COUNT = re.compile("[0-9]{1,4}")
# Twilio's ids have 34 characters. What is much longer is none, and would not fit into an index.
_ID = re.compile("[!-~]{1,64}")
# https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
_OPT_CHOICES = {"STOP": OptChoice.OUT, "START": OptChoice.IN}
# XML 1.0 has no way to write these characters, not even escaped.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def inbound_message(form: Mapping[str, str]) -> WrittenMessage | None:
    """Return the message of an inbound callback; ``None`` for what is no WhatsApp message."""
    sender = _WHATSAPP.fullmatch(form.get("From", ""))
    if sender is None:
        return None
    payload = form.get("ButtonPayload", "")
    kind = form.get("MessageType", "").lower()
    media = _media(form)
    return WrittenMessage(
        number=sender[1],
        text=form.get("Body", "") or form.get("ButtonText", "") or payload,
        provider=PROVIDER,
        provider_id=_id(form, "MessageSid") or _id(form, "SmsSid"),
        payload=payload or None,
        replied_to=_id(form, "OriginalRepliedMessageSid"),
        plain=kind in _PLAIN and not media,
        kind=kind or ("media" if media else "text"),
        media=media,
        opt=_OPT_CHOICES.get(form.get("OptOutType", "").upper()),
    )


def answers_itself(form: Mapping[str, str]) -> bool:
    """Tell whether Twilio has answered already: to STOP, START and HELP, where its Advanced Opt-Out is on."""
    return bool(form.get("OptOutType"))


def answer_to(reply: Reply) -> str:
    """Return what the person is told, as text in their language."""
    if reply.opted is not None:
        if not reply.known:
            return ""
        told = whatsapp.opted_out if reply.opted is OptChoice.OUT else whatsapp.opted_in
        return told(reply.language)
    if reply.which:
        return whatsapp.which_one(reply.language)
    if reply.event is None:
        return whatsapp.nothing_open(reply.language) if reply.known and not reply.repeated else ""
    title = reply.event.title
    if reply.result is None:
        waiting = reply.event.status in {EventStatus.OPEN, EventStatus.EXHAUSTED}
        return whatsapp.how_to_acknowledge(reply.language, title=title) if waiting else ""
    if reply.result.by is None and not reply.result.first:
        answer = whatsapp.withdrawn(reply.language, title=title)
    else:
        by = None if reply.result.first else reply.result.by
        answer = whatsapp.taken(reply.language, title=title, by=by)
    if reply.also_open is not None:
        answer += "\n" + whatsapp.still_open(reply.language, title=reply.also_open)
    return answer


def _id(form: Mapping[str, str], field: str) -> str | None:
    value = form.get(field, "")
    return value if _ID.fullmatch(value) else None


def _media(form: Mapping[str, str]) -> tuple[str, ...]:
    count = form.get("NumMedia", "0")
    number = min(int(count), _MOST_MEDIA) if _COUNT.fullmatch(count) else 0
    return tuple(form.get(f"MediaContentType{place}", "unknown")[:80] for place in range(number))


def twiml(text: str) -> str:
    """Return the TwiML that sends the text back, or nothing where it is empty."""
    message = f"<Message>{escape(_NOT_XML.sub('', text))}</Message>" if text else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{message}</Response>'
