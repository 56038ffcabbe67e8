"""What providers report by themselves: replies and deliveries."""

from web.callbacks.views import blueprint

__all__ = ["blueprint"]
