"""How pages learn that something happened: by server-sent events, else by asking."""

from web.admin.live.views import blueprint

__all__ = ["blueprint"]
