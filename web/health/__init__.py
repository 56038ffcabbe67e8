"""Whether the process is up, and whether the gateway can take alerts."""

from web.health.views import blueprint

__all__ = ["blueprint"]
