"""``/metrics``, and the counting of requests."""

from web.metrics.requests import register
from web.metrics.views import blueprint

__all__ = ["blueprint", "register"]
