"""The tab of events: found again, looked at in full, acknowledged and resolved."""

from web.admin.events.views import blueprint

__all__ = ["blueprint"]
