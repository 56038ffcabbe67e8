"""What Twilio's answers, failures and reports mean. Pure, and free of Twilio's library.

The codes are those of Twilio's error dictionary, https://www.twilio.com/docs/api/errors.
"""

from collections.abc import Mapping
from http import HTTPStatus

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from gateway.model.attempt import AttemptState
from gateway.ports.messages import Delivery

PROVIDER = "twilio"

_LONGEST_REASON = 300
_DAILY_LIMIT = 63038
# Refusals that an operator will meet, in words that say what to do about them.
REFUSALS = {
    21211: "the To number is invalid",
    21408: "the account may not send to this country: enable it under Messaging Geo Permissions",
    21606: "the From number may not send such messages",
    21609: "the status callback URL is invalid: public_url must be reachable from the internet",
    21610: "the recipient has opted out with STOP",
    21614: "the To number is not a mobile number",
    21617: "the text is longer than 1600 characters",
    21620: "the media URL is invalid: public_url must be reachable from the internet",
    21654: "template variables were given without a template",
    21655: "the template (content_sid) does not exist in this account",
    21656: "the template's variables do not fit the template",
    21910: "From and To are not of one channel: whatsapp_from must be a WhatsApp sender",
    63001: "WhatsApp refused the sender's credentials: check the WhatsApp sender in Twilio's console",
    63003: "the recipient's number is not on WhatsApp, or is inactive",
    63005: "WhatsApp rejected the content",
    63007: "whatsapp_from is no WhatsApp sender of this account",
    63013: "the message breaks a WhatsApp policy",
    63014: "the recipient has blocked the sender",
    63015: "the recipient has not joined the WhatsApp sandbox",
    63016: "outside the recipient's 24-hour window only an approved template is delivered: configure content_sid",
    63018: "WhatsApp's rate limit is reached",
    63019: "Twilio could not download the media",
    63020: "the WhatsApp business account is not verified or restricted",
    63021: "WhatsApp does not support this content",
    63024: "the recipient cannot receive WhatsApp messages",
    63032: "WhatsApp is limited for this recipient",
    63038: "the account's daily message limit is reached",
}

_UNUSABLE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
)

_REPORTS = {
    "accepted": AttemptState.SENT,
    "scheduled": AttemptState.SENT,
    "queued": AttemptState.SENT,
    "sending": AttemptState.SENT,
    "sent": AttemptState.SENT,
    "delivered": AttemptState.DELIVERED,
    "partially_delivered": AttemptState.DELIVERED,
    "read": AttemptState.READ,
    "failed": AttemptState.FAILED,
    "undelivered": AttemptState.FAILED,
    "canceled": AttemptState.FAILED,
}


def refusal_reason(code: int | None, message: str | None = None) -> str:
    """Return ``code: message`` for people: our words for a known code, else the provider's."""
    words = REFUSALS.get(code or 0) or " ".join((message or "").split()) or "no reason given"
    return (f"{code}: {words}" if code else words)[:_LONGEST_REASON]


def delivery_of_answer(status: int, code: int | None = None, message: str | None = None) -> Delivery:
    """Return what an HTTP answer other than a success to the create call means.

    ``status`` is the HTTP status, ``code`` and ``message`` are those of Twilio's error
    document. 429 is never processed (error 20429) and may be tried again. Creating is not
    idempotent, so that after a 5xx the message may or may not exist.
    """
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and code not in REFUSALS:
        return _failed(refusal_reason(code, "credentials refused"))
    if code == _DAILY_LIMIT:
        return _failed(refusal_reason(code))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Delivery(state=AttemptState.UNAVAILABLE, provider=PROVIDER, reason=refusal_reason(code, message))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Delivery(state=AttemptState.UNKNOWN, provider=PROVIDER, reason=f"HTTP {status} from Twilio")
    if status < HTTPStatus.BAD_REQUEST:
        return _failed(f"HTTP {status} instead of an answer of Twilio: check api_base")
    return _failed(refusal_reason(code, message))


def delivery_of_creation(sid: str | None, status: str | None, code: int | None = None) -> Delivery:
    """Return what the accepted message's document says: its SID and its first status."""
    if not sid:
        return Delivery(state=AttemptState.UNKNOWN, provider=PROVIDER, reason="accepted without a message SID")
    if delivery_report(status or "", code) is AttemptState.FAILED:
        return _failed(refusal_reason(code, status), sid)
    return Delivery(state=AttemptState.SENT, provider=PROVIDER, provider_id=sid)


def delivery_of_fault(fault: requests.RequestException) -> Delivery:
    """Return what a failure of the transport means.

    Only if no connection came about is it certain that nothing was sent: refused, name not resolved, TLS not agreed,
    proxy out of reach. Silence or a broken connection after that leaves it open.
    """
    name = type(fault).__name__
    if isinstance(fault, _UNUSABLE):
        return _failed(f"unusable address: check api_base ({name})")
    if before_request(fault):
        return Delivery(state=AttemptState.UNAVAILABLE, provider=PROVIDER, reason=f"no connection to Twilio: {name}")
    return Delivery(state=AttemptState.UNKNOWN, provider=PROVIDER, reason=f"no answer from Twilio: {name}")


def before_request(fault: requests.RequestException) -> bool:
    """Tell whether a request failed before any of it was sent."""
    if isinstance(fault, requests.ConnectTimeout):
        return True
    cause = fault.args[0] if fault.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    if isinstance(cause, ProxyError):
        cause = cause.original_error
    return isinstance(cause, NewConnectionError)


def delivery_report(message_status: str, error_code: int | None = None) -> AttemptState | None:
    """Return the state that a status callback's ``MessageStatus`` and ``ErrorCode`` stand for.

    ``None`` for what is no report on an outgoing message. An error with a status that is not final changes nothing.
    """
    state = _REPORTS.get(message_status.strip().lower())
    return AttemptState.FAILED if state is None and error_code else state


def read_report(form: Mapping[str, str]) -> Delivery | None:
    """Return what a status callback's form says of the message ``provider_id``; ``None`` where it is no such report.

    https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks. New fields may appear in
    it at any time.
    """
    sid, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    number = form.get("ErrorCode", "")
    code = int(number) if number.isascii() and number.isdigit() else None
    state = delivery_report(status, code)
    if state is None or not sid:
        return None
    reason = refusal_reason(code, form.get("ErrorMessage") or status) if state is AttemptState.FAILED else None
    return Delivery(state=state, provider=PROVIDER, provider_id=sid, reason=reason)


def _failed(reason: str, sid: str | None = None) -> Delivery:
    return Delivery(state=AttemptState.FAILED, provider=PROVIDER, provider_id=sid, reason=reason)
