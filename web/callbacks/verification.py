"""Refusing what a provider did not sign."""

from collections.abc import Mapping

import structlog
from flask import abort, request

from gateway.metrics import CALLBACKS_REFUSED
from web.services import services

log = structlog.get_logger(__name__)


def verify() -> None:
    """Refuse what Twilio did not sign, over the address that it knows us by."""
    there = services()
    query = request.query_string.decode("latin-1")
    url = there.config.web.public_url.rstrip("/") + request.path + (f"?{query}" if query else "")
    signature = request.headers.get("X-Twilio-Signature", "")
    if there.callbacks is None or not there.callbacks.verify(url, request.form, signature):
        CALLBACKS_REFUSED.inc()
        # The usual reason is a public_url that is not the one entered at the provider.
        log.warning("callback_refused", url=url, signed=bool(signature), configured=there.callbacks is not None)
        abort(403)


def signed_form() -> Mapping[str, str]:
    """Return the present request's form as it can be recorded: PostgreSQL keeps no NUL."""
    return {name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") for name, value in request.form.items()}
