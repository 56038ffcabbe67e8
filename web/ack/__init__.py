"""Acknowledgement links: the page that a person opens from a message."""

from web.ack.views import blueprint

__all__ = ["blueprint"]
