"""How many requests each view answered, and how long that took."""

import time

from flask import Flask, Response, g, request

from gateway.metrics import HTTP_REQUESTS, HTTP_SECONDS

_NO_VIEW = "none"  # an address that nothing answers: whatever a scanner tries makes one figure, not a thousand
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def register(app: Flask) -> None:
    """Count every request. To be called before anything that may answer one early."""
    app.before_request(_begin)
    app.after_request(_count)


def _begin() -> None:
    g.tocsin_began = time.monotonic()


def _count(response: Response) -> Response:
    method = request.method if request.method in _METHODS else "other"
    began = g.get("tocsin_began")
    count_request(
        request.endpoint or _NO_VIEW,
        method,
        response.status_code,
        None if began is None else time.monotonic() - began,
    )
    return response


def count_request(view: str, method: str, status: int, seconds: float | None) -> None:
    """Count one request that was answered; ``seconds`` is how long that took, where it is known."""
    HTTP_REQUESTS.labels(view, method, str(status)).inc()
    if seconds is not None:
        HTTP_SECONDS.labels(view).observe(seconds)
