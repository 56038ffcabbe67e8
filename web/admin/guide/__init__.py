"""The tab that shows how alerts are posted."""

from web.admin.guide.views import blueprint

__all__ = ["blueprint"]
