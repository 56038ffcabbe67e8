"""Knowing Twilio's own requests from forged ones, by ``X-Twilio-Signature``.

https://www.twilio.com/docs/usage/security#validating-requests
"""

from collections.abc import Mapping

from pydantic import SecretStr
from twilio.request_validator import RequestValidator


def valid(auth_token: str, url: str, form: Mapping[str, str], signature: str) -> bool:
    """Tell whether a signature is that of Twilio for this address and these form fields.

    ``url`` is the address as Twilio knows it: under ``public_url``, with the query as it came.
    ``form`` may be a multi-dict. An empty signature is never valid.
    """
    return bool(signature) and bool(RequestValidator(auth_token).validate(url, form, signature))


class TwilioCallbackVerifier:
    """The ``CallbackVerifier`` of Twilio."""

    def __init__(self, auth_token: SecretStr) -> None:
        self._auth_token = auth_token

    def verify(self, url: str, params: Mapping[str, str], signature: str) -> bool:
        """Tell whether Twilio sent this."""
        return valid(self._auth_token.get_secret_value(), url, params, signature)
