"""What providers report by themselves: replies, deliveries, calls."""

from web.callbacks.views import blueprint
from web.callbacks.voice import blueprint as voice_blueprint

__all__ = ["blueprint", "voice_blueprint"]
