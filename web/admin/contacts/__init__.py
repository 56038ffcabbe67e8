"""The tab of contacts: who is told, in which order, and whether they can be reached."""

from web.admin.contacts.views import blueprint

__all__ = ["blueprint"]
