"""The tab of events: found again, looked at in full, heard again, acknowledged and resolved."""

from web.admin.events import audio_views
from web.admin.events.views import blueprint

__all__ = ["audio_views", "blueprint"]
