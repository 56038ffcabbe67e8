"""``/metrics``: how many, how long and how late, for Prometheus.

Trunks and loads are the operator's affair, and the web may stand in the open: without a token only the operator's own
networks are answered.
"""

import hmac
import ipaddress

from flask import Blueprint, Response, request

from gateway.metrics.exposition import expose
from web.errors import ApiError
from web.metrics.gauges import now
from web.services import services

blueprint = Blueprint("metrics", __name__)

_SCHEME = "bearer"


@blueprint.get("/metrics")
def show() -> Response:
    """Answer with the figures of all processes."""
    if not _may_read():
        raise ApiError(
            403,
            "forbidden",
            "figures are for this machine's own networks: ask from there, or set web.metrics_token and send it as "
            "Authorization: Bearer TOKEN",
        )
    text, content_type = expose(request.headers.get("Accept", ""), now(services()))
    return Response(text, content_type=content_type)


def _may_read() -> bool:
    """Tell whether the sender has the token; where none is set, whether they are near."""
    token = services().config.web.metrics_token
    if token is None:
        return _is_near()
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    expected = token.get_secret_value()
    return scheme.lower() == _SCHEME and hmac.compare_digest(given.strip().encode(), expected.encode())


def _is_near() -> bool:
    """Tell whether the sender's address is of a private network (RFC 1918, RFC 4193) or this machine's.

    What a proxy passed on that is not configured (``web.trusted_proxies``) comes from anywhere.
    """
    if not services().config.web.trusted_proxies and _passed_on():
        return False
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_private)


def _passed_on() -> bool:
    return any(name in request.headers for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded"))
