"""What Twilio's answers, failures and reports mean. Pure, and free of Twilio's library.

The codes are those of Twilio's error dictionary, https://www.twilio.com/docs/api/errors.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from gateway.channels.twilio.error_codes import DAILY_LIMIT, ERRORS, OUTSIDE_WINDOW, fault_of
from gateway.model.attempt import AttemptState
from gateway.model.whatsapp import MessageFault
from gateway.ports.messages import Delivery

PROVIDER = "twilio"

_LONGEST_REASON = 300
_CODE = re.compile("[0-9]{1,9}")
# Refusals that an operator will meet, in words that say what to do about them.
REFUSALS = {code: error.words for code, error in ERRORS.items()}
_TEMPLATE_REFUSED = "the template was refused as free text is: it is not approved, or not any more"

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
    if code == DAILY_LIMIT:
        return _failed(refusal_reason(code), code=code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Delivery(state=AttemptState.UNAVAILABLE, provider=PROVIDER, reason=refusal_reason(code, message))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Delivery(state=AttemptState.UNKNOWN, provider=PROVIDER, reason=f"HTTP {status} from Twilio")
    if status < HTTPStatus.BAD_REQUEST:
        return _failed(f"HTTP {status} instead of an answer of Twilio: check api_base")
    return _failed(refusal_reason(code, message), code=code)


def delivery_of_creation(sid: str | None, status: str | None, code: int | None = None) -> Delivery:
    """Return what the accepted message's document says: its SID and its first status."""
    if not sid:
        return Delivery(state=AttemptState.UNKNOWN, provider=PROVIDER, reason="accepted without a message SID")
    if delivery_report(status or "", code) is AttemptState.FAILED:
        return _failed(refusal_reason(code, status), sid, code=code)
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


def read_report(form: Mapping[str, str], *, by_template: bool = False) -> Delivery | None:
    """Return what a status callback's form says of the message ``provider_id``; ``None`` where it is no such report.

    ``by_template`` tells whether the message went by a template, which its callback's address says.

    https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks. New fields may appear in
    it at any time.
    """
    sid, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    number = form.get("ErrorCode", "")
    # Python reads no number of more than 4300 digits; Twilio's have five.
    code = int(number) if _CODE.fullmatch(number) else None
    state = delivery_report(status, code)
    if state is None or not sid:
        return None
    to = form.get("To", "").removeprefix("whatsapp:") or None
    if state is not AttemptState.FAILED:
        return Delivery(state=state, provider=PROVIDER, provider_id=sid, to=to)
    reason = refusal_reason(code, form.get("ErrorMessage") or status)
    failed = replace(_failed(reason, sid, code=code), to=to)
    return of_template(failed) if by_template else failed


def of_template(delivery: Delivery) -> Delivery:
    """Return the same for a message that was sent by template: that there is no window is no excuse then."""
    if delivery.fault is not MessageFault.WINDOW_CLOSED:
        return delivery
    return replace(delivery, fault=MessageFault.SETUP, reason=f"{OUTSIDE_WINDOW}: {_TEMPLATE_REFUSED}")


def _failed(reason: str, sid: str | None = None, *, code: int | None = None) -> Delivery:
    return Delivery(state=AttemptState.FAILED, provider=PROVIDER, provider_id=sid, reason=reason, fault=fault_of(code))
