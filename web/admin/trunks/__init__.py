"""The tab of trunks: how they stand now, and how they did."""

from web.admin.trunks.views import blueprint

__all__ = ["blueprint"]
