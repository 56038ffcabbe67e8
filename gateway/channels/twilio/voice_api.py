"""The four calls of Twilio's Call resource that are used, and what their answers mean.

https://www.twilio.com/docs/voice/api/call-resource. Every request ends within the configured time and is made once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import requests
import structlog
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance

from gateway.channels.twilio.client import failed_delivery, rest_client
from gateway.channels.twilio.outcomes import delivery_of_fault
from gateway.channels.twilio.voice_outcomes import Refusal, no_connection, refusal_of, report_of
from gateway.config.schema import TwilioConfig
from gateway.model.attempt import AttemptState
from gateway.model.call import MachinePolicy
from gateway.ports.messages import ProviderCheck
from gateway.ports.provider_calls import ProviderReport

log = structlog.get_logger(__name__)

_DETECTION = {MachinePolicy.HANG_UP: "Enable", MachinePolicy.LEAVE_MESSAGE: "DetectMessageEnd"}
_EVENTS = ("initiated", "ringing", "answered", "completed")
_LONGEST_TIMEOUT = 600  # seconds: the Call resource's limit of Timeout
_LISTED = 20
# Twilio dates whole seconds, by its own clock.
_CLOCKS_DIFFER = timedelta(seconds=10)
_CANNOT_REDIRECT = 21220  # the call is not in progress


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """What a call is created with. Twilio asks ``answer_url`` what to say, and reports to ``status_url``."""

    to_number: str
    answer_url: str
    status_url: str
    ring_timeout: timedelta
    longest: timedelta
    machine: MachinePolicy = MachinePolicy.IGNORE


@dataclass(frozen=True, slots=True)
class Created:
    """Twilio has the call, under this CallSid."""

    sid: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The request went out and nobody knows what became of it: the call must be looked up, never created again."""

    reason: str


class LookUpFailedError(Exception):
    """Twilio could not be asked, or did not answer: nothing was learnt."""


class VoiceApi:
    """Twilio's Call resource. Blocks, for the configured timeout at most."""

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config

    def create(self, call: NewCall) -> Created | Refusal | Ambiguous:
        """Place a call. Creating is not idempotent, so that this is never done twice for one leg."""
        try:
            made = self._client().calls.create(**create_parameters(self._config, call))
        except Exception as error:  # noqa: BLE001 - whatever the library makes of a garbled answer, it came after sending
            return _failed_creation(error)
        return Created(made.sid) if made.sid else Ambiguous("accepted without a CallSid")

    def fetch(self, sid: str) -> ProviderReport | None:
        """Return how a call is; ``None`` where Twilio knows none of that id. Raises ``LookUpFailedError``."""
        try:
            return _report(self._client().calls(sid).fetch())
        except TwilioRestException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise LookUpFailedError(failed_delivery(error).reason) from error
        except Exception as error:
            raise LookUpFailedError(failed_delivery(error).reason) from error

    def find(self, to_number: str, since: datetime) -> Sequence[str]:
        """Return the ids of the calls to that number from ours that were made since then, newest first.

        A call that has not been dialled yet has no start time, so that the list's own filter by it would leave out
        what is looked for. Raises ``LookUpFailedError``.
        """
        try:
            listed = self._client().calls.list(to=to_number, from_=self._config.voice_from, limit=_LISTED)
            return [
                call.sid
                for call in listed
                if call.sid and call.date_created is not None and call.date_created >= since - _CLOCKS_DIFFER
            ]
        except Exception as error:
            raise LookUpFailedError(failed_delivery(error).reason) from error

    def hang_up(self, sid: str) -> bool:
        """End a call: cancelled where nobody has answered yet. Tells whether Twilio took it; over already is well."""
        try:
            call = self._client().calls(sid).update(status="canceled")
            if call.status == "in-progress":
                # It was answered meanwhile, which "canceled" does not end.
                self._client().calls(sid).update(status="completed")
        except Exception as error:  # noqa: BLE001 - the caller tries again, or the call ends by its time limit
            return _is_over(error, "hang_up", sid)
        return True

    def redirect(self, sid: str, twiml: str) -> bool:
        """Have a call in progress go on with these instructions; false where it is not in progress, or nobody knows."""
        try:
            self._client().calls(sid).update(twiml=twiml)
        except Exception as error:  # noqa: BLE001 - the caller hangs up instead
            log.info("call_not_redirected", provider_call_id=sid, reason=failed_delivery(error).reason)
            return False
        return True

    def _client(self) -> Client:
        return rest_client(self._config)


def check_voice(config: TwilioConfig) -> ProviderCheck:
    """Tell whether calls may be placed from ``voice_from``: a number of the account that can call, or a verified one.

    https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource and
    https://www.twilio.com/docs/voice/api/outgoing-caller-ids
    """
    number, client = config.voice_from, rest_client(config)
    try:
        for owned in client.incoming_phone_numbers.list(phone_number=number, limit=1):
            if owned.capabilities and not owned.capabilities.get("voice"):
                return ProviderCheck(ok=False, detail=f"{number} is a number of this account that cannot call")
            return ProviderCheck(ok=True, detail=f"calls are placed from {number}, a number of this account")
        if client.outgoing_caller_ids.list(phone_number=number, limit=1):
            return ProviderCheck(ok=True, detail=f"calls are placed from {number}, a verified caller ID")
    except Exception as error:  # noqa: BLE001 - whatever the library makes of the answer, nothing was learnt
        return ProviderCheck(ok=False, detail=failed_delivery(error).reason or "refused")
    return ProviderCheck(ok=False, detail=f"{number} is neither a number of this account nor a verified caller ID")


def create_parameters(config: TwilioConfig, call: NewCall) -> dict[str, object]:
    """Return what the library's ``calls.create`` is called with."""
    parameters: dict[str, object] = {
        "to": call.to_number,
        "from_": config.voice_from,
        "url": call.answer_url,
        "method": "POST",
        # Where we were away for a moment when Twilio asked, the callee hears the message from its beginning.
        "fallback_url": call.answer_url,
        "fallback_method": "POST",
        "status_callback": call.status_url,
        "status_callback_event": list(_EVENTS),
        "status_callback_method": "POST",
        "timeout": min(max(math.ceil(call.ring_timeout.total_seconds()), 1), _LONGEST_TIMEOUT),
        "time_limit": math.ceil(call.longest.total_seconds()),
    }
    if call.machine in _DETECTION:
        parameters["machine_detection"] = _DETECTION[call.machine]
    return parameters


def _failed_creation(error: Exception) -> Refusal | Ambiguous:
    if isinstance(error, TwilioRestException | TwilioServiceException):
        status = error.status if isinstance(error.status, int) else HTTPStatus.INTERNAL_SERVER_ERROR
        if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
            # Where there is no error document, the library puts the HTTP status in the place of the code.
            code = error.code if isinstance(error.code, int) and error.code != status else None
            message = error.msg if isinstance(error, TwilioRestException) else str(error.detail or error.title)
            return refusal_of(status, code, message.removeprefix("Unable to create record: "))
        return Ambiguous(f"HTTP {int(status)} from Twilio")
    if isinstance(error, requests.RequestException):
        fault = delivery_of_fault(error)
        reason = fault.reason or type(error).__name__
        return Ambiguous(reason) if fault.state is AttemptState.UNKNOWN else no_connection(reason)
    return Ambiguous(f"no answer of Twilio's kind: {type(error).__name__}")


def _is_over(error: Exception, what: str, sid: str) -> bool:
    """Tell whether the refusal of an order means that the call is over already."""
    if isinstance(error, TwilioRestException) and (
        error.code == _CANNOT_REDIRECT or error.status == HTTPStatus.NOT_FOUND
    ):
        return True
    log.warning("call_order_lost", order=what, provider_call_id=sid, reason=failed_delivery(error).reason)
    return False


def _report(call: CallInstance) -> ProviderReport:
    return report_of(
        call.sid or "", str(call.status or ""), answered_by=call.answered_by, duration=str(call.duration or "")
    )
