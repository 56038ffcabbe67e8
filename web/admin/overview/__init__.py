"""The first tab: what escalates now, how the last day was, and what needs attention."""

from web.admin.overview.views import blueprint

__all__ = ["blueprint"]
