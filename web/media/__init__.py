"""Voice notes and the sounds of calls, fetched by the provider that sends or plays them."""

from web.media.views import blueprint

__all__ = ["blueprint"]
