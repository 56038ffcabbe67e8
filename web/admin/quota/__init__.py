"""The tab of what licenses have used of their caps."""

from web.admin.quota.views import blueprint

__all__ = ["blueprint"]
