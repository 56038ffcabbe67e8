"""The tab of licenses: the tenants, their policy, and the words of their own."""

from web.admin.licenses import template_views
from web.admin.licenses.views import blueprint

__all__ = ["blueprint", "template_views"]
