"""``/metrics``, and the counting of requests."""

from web.metrics.requests import count_request, register
from web.metrics.views import blueprint

__all__ = ["blueprint", "count_request", "register"]
