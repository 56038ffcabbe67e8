"""The webhook that alert sources post to."""

from web.ingest.views import blueprint

__all__ = ["blueprint"]
