"""Headers that keep browsers, caches and search engines from doing harm, and one log line for each request."""

import structlog
from flask import Flask, Response, request

log = structlog.get_logger(__name__)

# Bootstrap's style sheet draws some of its marks from data: URLs.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def harden(app: Flask, *, over_tls: bool) -> None:
    """Put the headers on every answer. A view that needs another value sets it itself."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("X-Robots-Tag", "noindex, nofollow")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "no-store")
        if over_tls:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        # The path of an acknowledgement link is a secret, so the route's rule stands for it.
        rule = request.url_rule.rule if request.url_rule else None
        log.debug("request_served", method=request.method, route=rule, status=response.status_code)
        return response
