"""Twilio's library, set up from our configuration."""

from datetime import timedelta
from http import HTTPStatus

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client

from gateway.channels.twilio.outcomes import PROVIDER, delivery_of_answer, delivery_of_fault
from gateway.channels.twilio.transport import TwilioTransport
from gateway.config.schema import TwilioConfig
from gateway.model.attempt import AttemptState
from gateway.ports.messages import Delivery, ProviderCheck


def rest_client(config: TwilioConfig, time_limit: timedelta | None = None) -> Client:
    """Return a client whose every request ends within the limit, by default the configured timeout."""
    return Client(
        config.account_sid,
        config.auth_token.get_secret_value(),
        http_client=TwilioTransport(
            config.api_base, time_limit or config.timeout, content_api_base=config.content_api_base
        ),
        # Only our own configuration counts: the library would take a region from the environment, too.
        environment={"TWILIO_REGION": "", "TWILIO_EDGE": ""},
    )


def failed_delivery(error: Exception) -> Delivery:
    """Return what an exception out of a create call means."""
    if isinstance(error, TwilioRestException):
        # Where there is no error document, the library puts the HTTP status in the place of the code.
        code = _number(error.code) if error.code != error.status else None
        return delivery_of_answer(error.status, code, error.msg.removeprefix("Unable to create record: "))
    if isinstance(error, TwilioServiceException):
        # This document names its status itself: one that makes no sense proves nothing.
        status = _number(error.status) or HTTPStatus.INTERNAL_SERVER_ERROR
        return delivery_of_answer(status, _number(error.code), str(error.detail or error.title))
    if isinstance(error, requests.RequestException):
        return delivery_of_fault(error)
    return Delivery(
        state=AttemptState.UNKNOWN, provider=PROVIDER, reason=f"no answer of Twilio's kind: {type(error).__name__}"
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def check_account(config: TwilioConfig) -> ProviderCheck:
    """Tell whether Twilio can be reached with these credentials and the account is active."""
    try:
        account = rest_client(config).api.accounts(config.account_sid).fetch()
    except (TwilioException, requests.RequestException, ValueError) as error:
        return ProviderCheck(ok=False, detail=failed_delivery(error).reason or "refused")
    if account.status != "active":
        return ProviderCheck(ok=False, detail=f"the account is {account.status}: see Twilio's console")
    return ProviderCheck(ok=True, detail=f"account {account.friendly_name!r} is active")
