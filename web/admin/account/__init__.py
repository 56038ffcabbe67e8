"""Signing in and out, and one's own account."""

from web.admin.account.views import blueprint

__all__ = ["blueprint"]
