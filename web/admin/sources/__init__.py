"""The tab of alert sources: who may post, and what they posted in vain."""

from web.admin.sources.views import blueprint

__all__ = ["blueprint"]
