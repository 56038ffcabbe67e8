"""The tab of changes: who, what, when, and how it was before."""

from web.admin.audit.views import blueprint

__all__ = ["blueprint"]
