"""Voice notes, fetched by the provider that sends them on."""

from web.media.views import blueprint

__all__ = ["blueprint"]
