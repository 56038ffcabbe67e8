"""The tab of those who sign in."""

from web.admin.users.views import blueprint

__all__ = ["blueprint"]
