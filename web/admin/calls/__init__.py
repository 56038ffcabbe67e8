"""The tab of calls: found again, looked at in full, exported."""

from web.admin.calls.views import blueprint

__all__ = ["blueprint"]
