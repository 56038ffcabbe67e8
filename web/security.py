"""Headers that keep browsers, caches and search engines from doing harm, and one log line for each request."""

import structlog
from flask import Flask, Response, request

log = structlog.get_logger(__name__)

# Bootstrap's style sheet draws some of its marks from data: URLs.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
_OVER_TLS = (("Strict-Transport-Security", "max-age=31536000"),)


def headers_of_all(*, over_tls: bool) -> tuple[tuple[str, str], ...]:
    """Return the headers that every answer has."""
    return _HEADERS + (_OVER_TLS if over_tls else ())


def harden(app: Flask, *, over_tls: bool) -> None:
    """Put the headers on every answer. A view that needs another value sets it itself."""
    standing = headers_of_all(over_tls=over_tls)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in standing:
            response.headers.setdefault(name, value)
        # The path of an acknowledgement link is a secret, so the route's rule stands for it.
        rule = request.url_rule.rule if request.url_rule else None
        log.debug("request_served", method=request.method, route=rule, status=response.status_code)
        return response
